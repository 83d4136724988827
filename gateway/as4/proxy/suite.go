package proxy

// What may be negotiated. Groups and suites are named as OpenSSL names them.
//
// Spec: BSI TR-03116-3, Stand 2023 4.1 and 4.2

// ciphers are the suites of TLS 1.2; the first two are those a peer must know.
const ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384"

// ciphers13 are the suites of TLS 1.3.
const ciphers13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_AES_128_CCM_SHA256"

// Lists of groups: OpenSSL's default has none of brainpool for TLS 1.2, so both directions name them.
const (
	groups   = "brainpoolP256r1:brainpoolP384r1:brainpoolP512r1:prime256v1:secp384r1"
	groups13 = "brainpoolP256r1tls13:brainpoolP384r1tls13:brainpoolP512r1tls13:" + groups
)

// Signatures in the handshake and in certificates. Those of RFC 8734 are for TLS 1.3; OpenSSL knows them since 3.2.
const (
	signatures   = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512"
	signatures13 = "ecdsa_brainpoolP256r1_sha256:ecdsa_brainpoolP384r1_sha384:ecdsa_brainpoolP512r1_sha512:" + signatures
)

// suite is what one nginx can do.
type suite struct{ Protocols, Ciphers, Ciphers13, Groups, Signatures string }

// suiteOf returns what to allow with a version of OpenSSL. Before 3.2 it cannot use brainpool certificates in TLS 1.3; if
// 1.3 were left on, a handshake with a peer that also has it would fail instead of falling back to 1.2.
func suiteOf(v Version) suite {
	if v.AtLeast(3, 2) {
		return suite{"TLSv1.2 TLSv1.3", ciphers, ciphers13, groups13, signatures13}
	}
	return suite{Protocols: "TLSv1.2", Ciphers: ciphers, Groups: groups, Signatures: signatures}
}
