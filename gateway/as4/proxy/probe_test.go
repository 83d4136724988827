package proxy

import (
	"errors"
	"strings"
	"testing"
)

// What openssl s_client prints, shortened, without certificates.
const (
	printed30 = `CONNECTED(00000003)
TLS server extension "renegotiation info" (id=65281), len=1
TLS server extension "encrypt-then-mac" (id=22), len=0
TLS server extension "extended master secret" (id=23), len=0
---
Peer signing digest: SHA256
Peer signature type: ECDSA
Server Temp Key: ECDH, brainpoolP384r1, 384 bits
---
New, TLSv1.2, Cipher is ECDHE-ECDSA-AES128-SHA256
Server public key is 256 bit
SSL-Session:
    Protocol  : TLSv1.2
    Cipher    : ECDHE-ECDSA-AES128-SHA256
    Master-Key: 00
    Extended master secret: yes
---
`
	printed35 = `CONNECTED(00000003)
---
Peer signing digest: SHA256
Peer signature type: ecdsa_brainpoolP256r1tls13_sha256
Peer Temp Key: ECDH, brainpoolP256r1tls13, 256 bits
Negotiated TLS1.3 group: brainpoolP256r1tls13
---
New, TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256
Protocol: TLSv1.3
---
HTTP/1.1 200 OK

New, TLSv1.0, Cipher is NULL
`
)

func TestParseProbe(t *testing.T) {
	t.Parallel()
	h, err := parseProbe("a:1", []byte(printed30), nil)
	if err != nil || h.Protocol != "TLSv1.2" || h.Cipher != "ECDHE-ECDSA-AES128-SHA256" || h.Group != "brainpoolP384r1" || !h.EncryptThenMAC || !h.ExtendedMasterSecret || h.SignatureHash != "SHA256" || h.Response != nil {
		t.Errorf("%+v, %v", h, err)
	}
	h, err = parseProbe("a:1", []byte(printed35), nil)
	if err != nil || h.Protocol != "TLSv1.3" || h.Cipher != "TLS_AES_128_GCM_SHA256" || h.Group != "brainpoolP256r1" || h.EncryptThenMAC || !h.ExtendedMasterSecret || !strings.HasPrefix(string(h.Response), "HTTP/1.1 200 OK") {
		t.Errorf("%+v, %v", h, err)
	}
	for complaint, want := range map[string]string{
		"40B7E5:error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:../ssl/record/rec_layer_s3.c:1605:SSL alert number 40\n": "sslv3 alert handshake failure",
		"40B7E5:error:8000006F:system library:BIO_connect:Connection refused:../crypto/bio/bio_sock2.c:125:calling connect()\n":                    "Connection refused",
		"": "the handshake did not come to an end",
	} {
		_, err := parseProbe("a:1", []byte("CONNECTED(00000003)\nNew, (NONE), Cipher is (NONE)\n"), []byte(complaint))
		var not *NotShaken
		if !errors.As(err, &not) || not.Alert != want {
			t.Errorf("%q: %v", complaint, err)
		}
	}
}

func FuzzParseProbe(f *testing.F) {
	f.Add([]byte(printed30), []byte(""))
	f.Add([]byte(printed35), []byte("1:error:1:a:b:c"))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"), []byte(""))
	f.Fuzz(func(t *testing.T, out, complaint []byte) {
		h, err := parseProbe("a:1", out, complaint)
		if err == nil && (h.Cipher == "" || h.Protocol == "") {
			t.Errorf("%+v", h)
		}
	})
}
