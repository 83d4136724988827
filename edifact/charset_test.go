package edifact_test

import (
	"testing"

	"github.com/marktbote/marktbote/edifact"
)

// TestLatin1 converts every octet there and back; those outside the repertoire cannot be sent.
func TestLatin1(t *testing.T) {
	for i := range 256 {
		b := byte(i)
		text := edifact.Latin1String([]byte{b})
		if text != string(rune(i)) {
			t.Errorf("%02X became %q", b, text)
		}
		back, err := edifact.AppendLatin1(nil, text)
		sendable := b >= 0x20 && b < 0x7F || b >= 0xA0
		if sendable != (err == nil) || sendable && string(back) != string([]byte{b}) {
			t.Errorf("%02X came back as %X, %v", b, back, err)
		}
	}
	if got := edifact.Latin1String([]byte("Stra\xDFe 5, M\xFCnchen")); got != "Straße 5, München" {
		t.Errorf("%q", got)
	}
	if _, err := edifact.AppendLatin1(nil, "5 €"); err == nil || err.Error() != `edifact: character '€' (U+20AC) at byte 2 cannot be sent in UNOC (ISO 8859-1)` {
		t.Error(err)
	}
}
