package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4"
	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/store"
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
	w := &wire{delivered: make(chan struct{}, 1)}
	n := open(t, p.dir, us, w)
	n.introduce(t, them, p.url+"/as4/"+them, p.triple[them].Encryption.Certificate)
	// node sends with as4.Node.
	node := func(send func(t *testing.T) error, d draft) func(t *testing.T) string {
		return func(t *testing.T) string {
			p.received(t)
			if err := send(t); err != nil {
				t.Fatal(err)
			}
			list := p.received(t)
			if len(list) != 1 || list[0].Service != d.service || list[0].Action != d.action {
				t.Fatalf("phase4 has received %+v", list)
			}
			p.compare(t, d, list[0])
			return "receipt"
		}
	}
	market := func(key string, file []byte) func(t *testing.T) error {
		return func(t *testing.T) error {
			_, err := n.Send(t.Context(), as4.Message{
				Key: key, From: us, To: them, DocumentType: "UTILMD", DocumentNo: key, Created: time.Now(), Body: bytes.NewReader(file),
			})
			return err
		}
	}
	fifty := big(50 << 20)
	cells := []struct {
		row string
		run func(t *testing.T) string
	}{
		{"market message", node(market("REF1", file), draft{service: ebms.ServiceMP, action: ebms.ActionDefault, file: file})},
		{"test service", node(func(t *testing.T) error {
			_, err := n.Test(t.Context(), us, them)
			return err
		}, draft{service: ebms.ServiceTest, action: ebms.ActionTest, file: []byte("Marktbote tests the AS4 connection.\n")})},
		{"path switch request", node(func(t *testing.T) error {
			return n.RequestSwitch(t.Context(), us, them)
		}, draft{service: ebms.ServicePathSwitch, action: ebms.ActionRequestSwitch})},
		{"path switch confirm", node(func(t *testing.T) error {
			if x := p.send(t, n.url, nil, "kind=request"); x.outcome(t) != "receipt" {
				t.Fatalf("%+v", x)
			}
			w.take()
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { n.Run(ctx); close(done) }()
			defer func() { cancel(); <-done }()
			select {
			case <-w.delivered:
				return nil
			case <-time.After(time.Minute):
				return errors.New("no confirmation is sent")
			}
		}, draft{service: ebms.ServicePathSwitch, action: ebms.ActionConfirmSwitch})},
		{"50 MB file", node(market("REF50", fifty), draft{service: ebms.ServiceMP, action: ebms.ActionDefault, file: fifty})},
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
			// The first receipt is lost on its way, and phase4 does not repeat it.
			w.lose.Store(true)
			if err := market("REF2", file)(t); err == nil {
				t.Fatal("delivered without a receipt")
			}
			if err := market("REF2", file)(t); err != nil {
				t.Fatal(err)
			}
			var row store.Transmission
			err := n.st.View(t.Context(), func(tx store.Tx) (err error) {
				row, err = tx.Transmission(store.Out, "REF2")
				return err
			})
			if err != nil || row.State != store.TransmissionProbable || !strings.HasPrefix(row.Fault, "EBMS:0004") {
				t.Errorf("state %s, %s, %v", row.State, row.Fault, err)
			}
			return "EBMS:0004, understood as duplicate"
		}},
		{"100 messages, no finding", func(t *testing.T) string {
			types := []string{ebms.PartyTypeBDEW, ebms.PartyTypeDVGW, ebms.PartyTypeGLN, ebms.PartyTypeBAHN}
			for i := range 100 {
				d := draft{file: append(edifact(i), big(i*i*11)...), partyType: types[i%len(types)], properties: documentProperties(i)}
				switch {
				case i%2 == 0:
					d.service, d.action = ebms.ServiceMP, ebms.ActionDefault
					node(market(fmt.Sprintf("REF%07d", i), d.file), d)(t)
					continue
				case i%5 == 0:
					d.service, d.action, d.properties = ebms.ServiceTest, ebms.ActionTest, nil
				case i%7 == 0:
					d.service, d.action, d.file = ebms.ServicePathSwitch, ebms.ActionRequestSwitch, nil
				case i%3 == 0:
					d.properties = append(d.properties, ebms.Property{Name: ebms.PropertyApplicationReference, Value: "TL"})
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

// wire is a transport that can lose an answer, and tells when one came.
type wire struct {
	lose      atomic.Bool
	delivered chan struct{} // of capacity 1
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if w.lose.CompareAndSwap(true, false) {
		_ = resp.Body.Close()
		return nil, errors.New("the answer is lost")
	}
	select {
	case w.delivered <- struct{}{}:
	default:
	}
	return resp, nil
}

// take forgets the answers until now.
func (w *wire) take() {
	select {
	case <-w.delivered:
	default:
	}
}
