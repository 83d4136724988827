package smpki_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

func TestToDER(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, ber, der string }{
		{"DER", "3003020101", "3003020101"},
		{"empty", "3000", "3000"},
		{"indefinite", "30800201010000", "3003020101"},
		{"indefinite, empty", "30800000", "3000"},
		{"indefinite in indefinite", "3080308002010100000000", "30053003020101"},
		{"indefinite in definite", "30073080020101" + "0000", "30053003020101"},
		{"long form of a short length", "308200030201" + "01", "3003020101"},
		{"octets in pieces", "2480040101040202030000", "0403010203"},
		{"octets in pieces, nested", "24802480040101000004010200" + "00", "04020102"},
		{"octets in definite pieces", "2406040101040102", "04020102"},
		{"implicit tag in pieces", "a08004010104010200" + "00", "a006040101040102"},
		{"octets with something else inside", "24800201010000", ""},
		{"end of contents outside", "0000", ""},
		{"end of contents in a definite length", "30020000", ""},
		{"end of contents with content", "3080000100", ""},
		{"no end of contents", "3080020101", ""},
		{"indefinite and primitive", "04800000", ""},
		{"too short", "300302", ""},
		{"more behind it", "300000", ""},
		{"high tag", "1f810100", ""},
		{"length of five octets", "30850000000000", ""},
		{"nothing", "", ""},
	} {
		ber, err := hex.DecodeString(tt.ber)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		got, err := smpki.ToDER(ber)
		if hex.EncodeToString(got) != tt.der || (err == nil) != (tt.der != "") {
			t.Errorf("%s: got %x, %v, want %s", tt.name, got, err, tt.der)
		}
	}
	deep, _ := hex.DecodeString(strings.Repeat("3080", 100000))
	if _, err := smpki.ToDER(deep); err == nil {
		t.Error("deep nesting passes")
	}
}

func FuzzToDER(f *testing.F) {
	for _, s := range []string{"3080308002010100000000", "2480040101040202030000", "248024800401010000040102" + "0000"} {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, ber []byte) {
		der, err := smpki.ToDER(ber)
		if err != nil {
			return
		}
		if len(der) > 8*len(ber) {
			t.Errorf("%d octets became %d", len(ber), len(der))
		}
		if again, err := smpki.ToDER(der); err != nil || !bytes.Equal(again, der) {
			t.Errorf("DER changes: %x, %v", again, err)
		}
	})
}
