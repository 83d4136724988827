package smpki_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

func TestUsageOf(t *testing.T) {
	t.Parallel()
	const (
		sign  = x509.KeyUsageDigitalSignature
		agree = x509.KeyUsageKeyAgreement
	)
	both := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, tt := range []struct {
		name string
		c    x509.Certificate
		want smpki.Usage
	}{
		{"signature", x509.Certificate{KeyUsage: sign}, smpki.Signature},
		{"signature, non-repudiation", x509.Certificate{KeyUsage: sign | x509.KeyUsageContentCommitment}, smpki.Signature},
		{"encryption", x509.Certificate{KeyUsage: agree | x509.KeyUsageKeyEncipherment}, smpki.Encryption},
		{"encryption, key agreement alone", x509.Certificate{KeyUsage: agree}, smpki.Encryption},
		{"TLS", x509.Certificate{KeyUsage: sign, ExtKeyUsage: both}, smpki.TLS},
		{"TLS, key agreement", x509.Certificate{KeyUsage: sign | agree, ExtKeyUsage: both}, smpki.TLS},
		{"TLS without digitalSignature", x509.Certificate{KeyUsage: agree, ExtKeyUsage: both}, 0},
		{"TLS server only", x509.Certificate{KeyUsage: sign, ExtKeyUsage: both[:1]}, 0},
		{"unknown extended usage", x509.Certificate{KeyUsage: sign, UnknownExtKeyUsage: []asn1.ObjectIdentifier{{1, 2, 3}}}, 0},
		{"any extended usage", x509.Certificate{KeyUsage: sign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}, 0},
		{"two purposes", x509.Certificate{KeyUsage: sign | agree}, 0},
		{"none", x509.Certificate{}, 0},
		{"TLS without key usage", x509.Certificate{ExtKeyUsage: both}, 0},
		{"CA", x509.Certificate{KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}, 0},
	} {
		got, err := smpki.UsageOf(&tt.c)
		if got != tt.want || (err == nil) != (tt.want != 0) || err != nil && reasonOf(err) != smpki.WrongUsage {
			t.Errorf("%s: got %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

func TestMPID(t *testing.T) {
	t.Parallel()
	unit := func(v any) pkix.AttributeTypeAndValue {
		return pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 11}, Value: v}
	}
	for _, tt := range []struct {
		name  string
		names []pkix.AttributeTypeAndValue
		want  string
	}{
		{"one", []pkix.AttributeTypeAndValue{unit(mpID)}, mpID},
		{"none", nil, ""},
		{"two", []pkix.AttributeTypeAndValue{unit(mpID), unit("9900000000002")}, ""},
		{"the same twice", []pkix.AttributeTypeAndValue{unit(mpID), unit(mpID)}, ""},
		{"a second that is no text", []pkix.AttributeTypeAndValue{unit(mpID), unit(5)}, ""},
		{"12 digits", []pkix.AttributeTypeAndValue{unit(mpID[1:])}, ""},
		{"a space behind", []pkix.AttributeTypeAndValue{unit(mpID + " ")}, ""},
		{"a line behind", []pkix.AttributeTypeAndValue{unit(mpID[:12] + "\n")}, ""},
		{"other digits", []pkix.AttributeTypeAndValue{unit("٩٩٩٩٩٩٩٩٩٩٩٩٩")}, ""},
		{"EIC", []pkix.AttributeTypeAndValue{unit("10XDE-EON-NETZ-C")}, ""},
	} {
		got, err := smpki.MPID(&x509.Certificate{Subject: pkix.Name{Names: tt.names}})
		if got != tt.want || (err == nil) != (tt.want != "") || err != nil && reasonOf(err) != smpki.BadMPID {
			t.Errorf("%s: got %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestSameName(t *testing.T) {
	t.Parallel()
	cn := asn1.ObjectIdentifier{2, 5, 4, 3}
	name := func(values ...any) []byte {
		var n pkix.RDNSequence
		for _, v := range values {
			n = append(n, pkix.RelativeDistinguishedNameSET{{Type: cn, Value: v}})
		}
		der, err := asn1.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	utf8 := func(s string) asn1.RawValue { return asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(s)} }
	for _, tt := range []struct {
		a, b []byte
		same bool
	}{
		{name("Example.CA"), name("Example.CA"), true},
		{name("Example.CA"), name(utf8("Example.CA")), true},
		{name("Example.CA"), name("EXAMPLE.ca"), true},
		{name("Example  CA "), name("Example CA"), true},
		{name("Example.CA"), name("Example.CB"), false},
		{name("Example.CA"), name("Example.CA", "x"), false},
		{name("a", "b"), name("b", "a"), false},
		{name(5), name(5), true},
		{name(5), name(6), false},
		{name("Example.CA"), []byte{0x30}, false},
		{nil, name("Example.CA"), false},
	} {
		if got := smpki.SameName(tt.a, tt.b); got != tt.same || smpki.SameName(tt.b, tt.a) != tt.same {
			t.Errorf("%x and %x: got %v, want %v", tt.a, tt.b, got, tt.same)
		}
	}
}

func TestRequestRefuses(t *testing.T) {
	t.Parallel()
	good := smpki.Request{Name: "Netz", MPID: mpID, Environment: smpki.Test, Email: "a@example.com", Endpoint: "https://netz.example/as4"}
	if _, err := good.Subject(); err != nil {
		t.Fatal(err)
	}
	if _, err := good.Extensions(0); err == nil {
		t.Error("a certificate for nothing")
	}
	for name, edit := range map[string]func(*smpki.Request){
		"no name":             func(r *smpki.Request) { r.Name = "" },
		"dot in the name":     func(r *smpki.Request) { r.Name = "a.EMT" },
		"another class":       func(r *smpki.Request) { r.Class = "API" },
		"short MP-ID":         func(r *smpki.Request) { r.MPID = "1" },
		"another environment": func(r *smpki.Request) { r.Environment = "SM-PKI" },
		"no e-mail address":   func(r *smpki.Request) { r.Email = "" },
		"umlaut in an URL":    func(r *smpki.Request) { r.Endpoint = "https://köln.example/as4" },
		"http":                func(r *smpki.Request) { r.Endpoint = "http://netz.example/as4" },
		"no host":             func(r *smpki.Request) { r.Endpoint = "https:///as4" },
		"password in the URL": func(r *smpki.Request) { r.Endpoint = "https://a:b@netz.example/as4" },
	} {
		r := good
		edit(&r)
		if _, err := r.Subject(); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestParseCertificatesForms(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	block := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Root.Raw}))
	for _, tt := range []struct {
		name, file string
		want       int // 0: refused
	}{
		{"DER", string(p.Root.Raw), 1},
		{"PEM", block, 1},
		{"PEM with text, other line ends", "Bag Attributes\r\n subject=x\r\n" + strings.ReplaceAll(block, "\n", "\r\n"), 1},
		{"two", block + "text\n" + block, 2},
		{"a key between", block + "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n" + block, 2},
		{"empty", "", 0},
		{"something else", "<html>", 0},
		{"key only", "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", 0},
		{"one damaged", block + "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", 0},
		{"too many", strings.Repeat(block, 1001), 0},
		{"too long", strings.Repeat("x", 9<<20), 0},
	} {
		got, err := smpki.ParseCertificates([]byte(tt.file))
		if len(got) != tt.want || (err == nil) != (tt.want > 0) {
			t.Errorf("%s: %d certificates, %v, want %d", tt.name, len(got), err, tt.want)
		}
	}
}

func TestPkiPathLimits(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	for n, want := range map[int]bool{0: false, 1: true, 4: true, 5: false} {
		path := make([]*x509.Certificate, n)
		for i := range path {
			path[i] = p.SubCA
		}
		if _, err := smpki.MarshalPkiPath(path); (err == nil) != want {
			t.Errorf("%d certificates: %v", n, err)
		}
	}
	raw := func(n int) []byte {
		body := []byte(strings.Repeat(string(p.SubCA.Raw), n))
		return append([]byte{0x30, 0x82, byte(len(body) >> 8), byte(len(body))}, body...)
	}
	for n, want := range map[int]bool{0: false, 1: true, 4: true, 5: false, 40: false} {
		if path, err := smpki.ParsePkiPath(raw(n)); (err == nil) != want || want && len(path) != n {
			t.Errorf("%d certificates: %v", n, err)
		}
	}
	if _, err := smpki.ParsePkiPath(append(raw(1), 0)); err == nil {
		t.Error("data behind the path passes")
	}
}
