package interop

import (
	"slices"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
)

const toPhase4 = "we -> phase4"

// TestToPhase4 sends messages of ours to phase4.
func TestToPhase4(t *testing.T) {
	p := runPhase4(t)
	file := edifact(1)
	receipt := func(d draft) func(t *testing.T) string {
		return func(t *testing.T) string {
			a := p.exchange(t, d)
			if a.code != "receipt" {
				t.Errorf("%+v", a)
			}
			return a.code
		}
	}
	lenient := func(d draft) func(t *testing.T) string {
		return func(t *testing.T) string { return receipt(d)(t) + ", phase4 does not look" }
	}
	// phase4 tells a broken signature from a failed decryption by the text only, and calls both the latter.
	refused := func(d draft, codes ...string) func(t *testing.T) string {
		return func(t *testing.T) string {
			a := p.exchange(t, d)
			if !slices.Contains(codes, a.code) {
				t.Errorf("%+v, want one of %s", a, codes)
			}
			return a.code
		}
	}
	broken := p.broken[us]
	cells := []struct {
		row string
		run func(t *testing.T) string
	}{
		{"market message", receipt(draft{file: file, properties: documentProperties(1)})},
		{"test service", receipt(draft{service: ebms.ServiceTest, action: ebms.ActionTest, file: []byte("test")})},
		{"path switch request", receipt(draft{service: ebms.ServicePathSwitch, action: ebms.ActionRequestSwitch})},
		{"path switch confirm", receipt(draft{service: ebms.ServicePathSwitch, action: ebms.ActionConfirmSwitch})},
		{"50 MB file", receipt(draft{file: big(50 << 20)})},
		{"wrong OU", refused(draft{file: file, signer: broken["wrong-ou"]}, "EBMS:0010")},
		{"revoked certificate", refused(draft{file: file, signer: broken["revoked"]}, "EBMS:0102")},
		{"expired certificate", refused(draft{file: file, signer: broken["expired"]}, "EBMS:0102")},
		{"not of class MAK", refused(draft{file: file, signer: broken["wrong-class"]}, "EBMS:0010")},
		{"foreign root", refused(draft{file: file, signer: broken["foreign-root"]}, "EBMS:0102")},
		// What the receiver may refuse or accept, and what it should refuse: phase4 leaves both to the application.
		{"not encrypted", lenient(draft{file: file, unencrypted: true})},
		{"payload not signed", lenient(draft{file: file, unsigned: isPayload})},
		{"Body not empty", refused(draft{file: file, body: "rider"}, "EBMS:0004")}, // it looks for a part in the Body
		{"nothing signed", refused(draft{file: file, bare: true}, "EBMS:0010")},
		{"Body not signed", receipt(draft{file: file, unsigned: isBody})},
		{"duplicate", func(t *testing.T) string {
			o := p.make(t, draft{file: file})
			if a, _ := p.post(t, o); a.code != "receipt" {
				t.Errorf("first: %+v", a)
			}
			a, _ := p.post(t, o)
			if a.code != "EBMS:0004" || a.reaction != ebms.Duplicate {
				t.Errorf("%+v", a)
			}
			return a.code + ", understood as duplicate"
		}},
		{"100 messages, no finding", func(t *testing.T) string {
			types := []string{ebms.PartyTypeBDEW, ebms.PartyTypeDVGW, ebms.PartyTypeGLN, ebms.PartyTypeBAHN}
			for i := range 100 {
				d := draft{file: edifact(i), partyType: types[i%len(types)]}
				switch i % 5 {
				case 0, 1:
					d.properties = documentProperties(i)
				case 2:
					d.file, d.properties = big(1+i*i*37), append(documentProperties(i), ebms.Property{Name: ebms.PropertyApplicationReference, Value: "TL"})
				case 3:
					d.service, d.action = ebms.ServiceTest, ebms.ActionTest
				case 4:
					d.service, d.action, d.file = ebms.ServicePathSwitch, ebms.ActionRequestSwitch, nil
				}
				if a := p.exchange(t, d); a.code != "receipt" {
					t.Fatalf("message %d: %+v", i, a)
				}
			}
			return "none"
		}},
	}
	for _, c := range cells {
		withPhase4.cell(t, c.row, toPhase4, c.run)
	}
	for row, reason := range map[string]string{
		"X509v3 token": "we send PKIPath", "recipient by key identifier": "we send X509SKI", "recipient by serial number": "we send X509SKI",
		"KDF of WSS4J": "we send empty parameters",
	} {
		withPhase4.none(row, toPhase4, reason)
	}
}
