package gateway

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/ack"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
)

// ledger describes what is owed for an interchange beside the answers of its process, in the order of the ledger.
func (r *rig) ledger(id int64) (list []string) {
	r.t.Helper()
	err := r.st.View(context.Background(), func(tx store.Tx) error {
		entries, err := tx.Ledger(id)
		for _, e := range entries {
			if e.Kind == store.LedgerAnswer {
				continue // see process_test.go
			}
			s := fmt.Sprintf("%d.%d %s %s", e.MessageIndex, e.TransactionIndex, e.Kind, e.State)
			if !e.DueAt.IsZero() {
				s += " due " + e.DueAt.Sub(received).Round(time.Minute).String()
			}
			if e.AnsweredBy != 0 {
				s += " by " + fmt.Sprint(e.AnsweredBy)
			}
			list = append(list, s)
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

func (r *rig) wantLedger(id int64, want ...string) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.ledger(id)); diff != "" {
		r.t.Errorf("ledger of %d (-want +got):\n%s", id, diff)
	}
}

// answers reads what a partner got.
func (p *partner) answers(t *testing.T) (list []*ack.Answers) {
	t.Helper()
	for _, id := range p.ids {
		a, err := ack.Read(bytes.NewReader(p.got[id]), edifact.Options{})
		if err != nil {
			t.Fatalf("%v: %s", err, p.got[id])
		}
		list = append(list, a)
	}
	return list
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file   string
		want   []string // what the partner gets
		ledger []string // the interchange has the ID 1, its answers follow
	}{
		{"valid/utilmd-55001.edi", []string{"APERAK 312 LFVG0000101 []"}, []string{"1.1 aperak met due 45m0s by 2"}},
		{"valid/utilmd-55003-drei-vorgaenge.edi", nil, nil}, // see below
		{"valid/utilmd-44001-gas.edi", []string{"CONTRL 7"}, []string{"0.0 contrl met due 6h0m0s by 2"}},
		{"valid/mscons-13017.edi", []string{"APERAK 312  []"}, []string{"1.0 aperak met due 23h0m0s by 2"}},
		{"invalid/ahb-missing-customer.edi", []string{"APERAK 313 LFVG0000952 [Z29]"}, []string{"1.1 aperak met due 45m0s by 2"}},
		{"invalid/decimal-comma.edi", []string{"CONTRL 4"}, []string{"0.0 contrl met due 6h0m0s by 2"}},
		{"valid/aperak-312.edi", nil, nil}, // an APERAK in Strom has no answer
		{"valid/contrl-syntaxfehler-datei.edi", nil, nil},
	}
	for _, tt := range tests {
		t.Run(strings.ReplaceAll(tt.file, "/", "-"), func(t *testing.T) {
			t.Parallel()
			p := &partner{}
			inBubble(t, func(t *testing.T, r *rig) {
				data := fixture(t, tt.file)
				id := r.receive("", data)
				r.run(10 * time.Second)
				var got []string
				for _, a := range p.answers(t) {
					for _, c := range a.Contrls {
						got = append(got, "CONTRL "+string(c.Action))
					}
					for _, x := range a.Aperaks {
						var codes []string
						for _, e := range x.Errors {
							codes = append(codes, e.Code)
						}
						got = append(got, fmt.Sprintf("APERAK %s %s %v", x.Code, x.Transaction, codes))
					}
				}
				if strings.HasSuffix(tt.file, "drei-vorgaenge.edi") {
					if len(got) != 3 || len(p.ids) != 1 || len(r.ledger(id)) != 3 {
						t.Errorf("three transactions in %d files: %v, %v", len(p.ids), got, r.ledger(id))
					}
					return
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("answers (-want +got):\n%s", diff)
				}
				r.wantLedger(id, tt.ledger...)
				for i := range p.ids {
					if x := r.rows(int64(i + 2)).x; x.Verdict != accepted || x.ControlRef != fmt.Sprintf("M261201000001%d", i+1) {
						t.Errorf("answer %d: %s %s", i+1, x.Verdict, x.ControlRef)
					}
				}
			}, func(o *Options) { o.Channel = p })
		})
	}
}

// line is a Channel between two gateways.
type line map[string]*Gateway

func (l line) Send(ctx context.Context, out Outgoing) (time.Time, error) {
	to, ok := l[out.Recipient]
	if !ok {
		return time.Time{}, final{fmt.Errorf("nobody is %s", out.Recipient)}
	}
	_, err := to.Receive(ctx, "line", out.MessageID, out.Body)
	return time.Time{}, err
}

// TestConversation: what one gateway sends is answered by the other, and both ledgers know it.
func TestConversation(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file       string
		edit             []string
		sender, receiver []string // their ledgers
	}{
		{
			"recognized", "valid/utilmd-55001.edi", nil,
			[]string{"0.0 transport met", "1.1 aperak met due 45m0s by 2"},
			[]string{"1.1 aperak met due 45m0s by 2"},
		},
		{
			"Gas", "valid/utilmd-44001-gas.edi", nil,
			[]string{"0.0 contrl met due 6h0m0s by 2", "0.0 transport met"},
			[]string{"0.0 contrl met due 6h0m0s by 2"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			other := t.TempDir()
			l := line{}
			change := func(o *Options) { o.Channel = l }
			inBubble(t, func(t *testing.T, r *rig) {
				data := fixture(t, tt.file)
				peer := newRig(t, other, change)
				unb := strings.Split(string(data[:200]), "+")
				l[strings.Split(unb[2], ":")[0]], l[strings.Split(unb[3], ":")[0]] = r.Gateway, peer.Gateway
				id, err := r.Submit(t.Context(), bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				for range 3 { // there and back
					r.run(3 * time.Second)
					peer.run(3 * time.Second)
				}
				r.wantQuiet(0)
				peer.wantQuiet(0)
				r.wantLedger(id, tt.sender...)
				peer.wantLedger(1, tt.receiver...)
			}, change)
		})
	}
}

// TestSilence: what does not come in time is missed, and late when it comes after all.
func TestSilence(t *testing.T) {
	t.Parallel()
	p := &partner{}
	inBubble(t, func(t *testing.T, r *rig) {
		id, err := r.Submit(t.Context(), bytes.NewReader(fixture(t, "valid/utilmd-55001.edi")))
		if err != nil {
			t.Fatal(err)
		}
		r.run(44 * time.Minute)
		r.wantLedger(id, "0.0 transport met", "1.1 aperak open due 45m0s")
		r.run(2 * time.Minute)
		r.wantLedger(id, "0.0 transport met", "1.1 aperak missed due 45m0s")
		r.receive("", r.aperak(id))
		r.run(time.Minute)
		r.wantQuiet(0)
		r.wantLedger(id, "0.0 transport met", "1.1 aperak late due 45m0s by 2")
	}, func(o *Options) { o.Channel = p })
}

// aperak returns the APERAK that a partner answers an interchange with.
func (r *rig) aperak(id int64) []byte {
	r.t.Helper()
	var x store.Interchange
	var list []store.Transaction
	var messages []store.Message
	err := r.st.View(context.Background(), func(tx store.Tx) (err error) {
		if x, err = tx.Interchange(id); err != nil {
			return err
		}
		if messages, err = tx.Messages(id); err != nil {
			return err
		}
		list, err = tx.Transactions(id)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	sender, receiver := ack.Party{ID: x.Recipient, Qualifier: "500"}, ack.Party{ID: x.Sender, Qualifier: "500"}
	file, err := ack.WriteAperaks(ack.Options{SentAt: r.now()}, ack.Envelope{Sender: sender, Receiver: receiver, ControlRef: "NB261201000001"},
		[]ack.Aperak{{
			Code: ack.Recognized, Number: "NB-1", CreatedAt: r.now(), Sender: sender, Receiver: receiver, ControlRef: x.ControlRef,
			FileCreatedAt: received, Document: messages[0].DocumentNo, Transaction: list[0].Number,
		}})
	if err != nil {
		r.t.Fatal(err)
	}
	return file.Bytes
}

// TestRejected: a CONTRL that rejects ends the wait for APERAK.
func TestRejected(t *testing.T) {
	t.Parallel()
	p := &partner{}
	inBubble(t, func(t *testing.T, r *rig) {
		id, err := r.Submit(t.Context(), bytes.NewReader(fixture(t, "valid/utilmd-55001.edi")))
		if err != nil {
			t.Fatal(err)
		}
		r.run(time.Minute)
		x := r.rows(id).x
		sender, receiver := ack.Party{ID: x.Sender, Qualifier: "500"}, ack.Party{ID: x.Recipient, Qualifier: "500"}
		file, err := ack.WriteContrl(ack.Options{SentAt: r.now()}, ack.Envelope{Sender: receiver, Receiver: sender, ControlRef: "NB261201000002"},
			&ack.Contrl{Action: ack.Rejected, ControlRef: x.ControlRef, Sender: sender, Receiver: receiver, Fault: &ack.Fault{Code: "29", Segment: "UNZ"}})
		if err != nil {
			t.Fatal(err)
		}
		answer := r.receive("", file.Bytes)
		r.run(time.Minute)
		if out := r.rows(answer); out.x.Verdict != accepted {
			t.Fatalf("the CONTRL is %s: %v", out.x.Verdict, out.codes())
		}
		r.wantQuiet(0)
		r.wantLedger(id, "0.0 contrl met by 2", "0.0 transport met", "1.1 aperak cancelled due 45m0s by 2")
		r.run(time.Hour)
		r.wantLedger(id, "0.0 contrl met by 2", "0.0 transport met", "1.1 aperak cancelled due 45m0s by 2")
	}, func(o *Options) { o.Channel = p })
}

// TestStrayAnswer: an answer to what was never sent waits for a person.
func TestStrayAnswer(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, r *rig) {
		id := r.receive("", fixture(t, "valid/aperak-312.edi"))
		r.run(time.Minute)
		parked := r.wantQuiet(1)
		if len(parked) == 1 && (parked[0].InterchangeID != id || !strings.Contains(parked[0].Reason, "was not sent from here")) {
			t.Errorf("parked: %+v", parked[0])
		}
		if x := r.rows(id).x; x.State != store.StatePublished {
			t.Errorf("state %s", x.State)
		}
	}, func(o *Options) { o.Channel = &partner{} })
}

// TestForeignReceiver: a file for somebody else is answered by us, not in the name of the other.
func TestForeignReceiver(t *testing.T) {
	t.Parallel()
	p := &partner{}
	inBubble(t, func(t *testing.T, r *rig) {
		r.receive("", fixture(t, "valid/utilmd-55001.edi"))
		r.run(10 * time.Second)
		for _, a := range p.answers(t) {
			if a.Sender != (ack.Party{ID: "9999300000037", Qualifier: "500"}) {
				t.Errorf("answered as %v", a.Sender)
			}
		}
		if len(p.ids) == 0 {
			t.Error("no answer")
		}
	}, func(o *Options) {
		o.Channel = p
		o.Config.Own = []config.Party{{MPID: "9800000000006", Rolle: "MSB"}, {MPID: "9999300000037", Rolle: "MSB"}}
	})
}
