package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/edifact/edifacttest"
	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
)

// TestValidFixtures compares what the valid fixtures leave in the store with testdata/valid.txt.
func TestValidFixtures(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	// Three of them are the same interchange in different notation, so each of these needs a store of its own.
	for _, group := range []string{"-una.edi", "-zeilenumbruch.edi", ".edi"} {
		inBubble(t, func(t *testing.T, r *rig) {
			ids := map[string]int64{}
			for _, name := range fixtures.List() {
				if got[name] == "" && strings.HasPrefix(name, "valid/") && strings.HasSuffix(name, group) {
					ids[name] = r.receive("", fixture(t, name))
				}
			}
			r.run(0)
			r.wantQuiet(0)
			for name, id := range ids {
				out := r.rows(id)
				if out.x.State != store.StatePublished {
					t.Errorf("%s: state %s, findings %v", name, out.x.State, out.codes())
				}
				got[name] = describe(out)
			}
		})
	}
	var all strings.Builder
	for _, name := range fixtures.List() {
		if text, ok := got[name]; ok {
			fmt.Fprintf(&all, "%s\n%s", name, text)
		}
	}
	golden := filepath.Join("testdata", "valid.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(all.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), all.String()); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

// describe writes the rows of an interchange for people.
func describe(r rows) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s %s %s: %s %s from %s to %s, test %v, %d messages, %d findings\n", r.x.Verdict, r.x.FormatVersion, r.x.Sparte,
		r.x.MessageType, r.x.ControlRef, r.x.Sender, r.x.Recipient, r.x.Test, r.x.MessageCount, r.x.FindingCount)
	for _, m := range r.messages {
		fmt.Fprintf(&b, "  message %d: %s %s %s, document %q %s, %s\n", m.Index, m.Reference, m.Type, m.Version, m.DocumentCode, m.DocumentNo, m.Verdict)
	}
	for _, t := range r.transactions {
		fmt.Fprintf(&b, "  transaction %d.%d: %s %q %s, %s\n", t.MessageIndex, t.Index, t.Number, t.Pruefidentifikator, t.Subject, t.Verdict)
	}
	for _, e := range r.events {
		fmt.Fprintf(&b, "  event: %s %s\n", e.Type, e.Subject)
	}
	return b.String()
}

// TestInvalidFixtures: the bytes are kept as they are, and the rows say what the check says.
func TestInvalidFixtures(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, r *rig) {
		ids := map[string]int64{}
		for _, name := range fixtures.List() {
			if strings.HasPrefix(name, "invalid/") {
				ids[name] = r.receive("", fixture(t, name))
			}
		}
		r.run(0)
		parked := map[int64]bool{}
		for _, item := range r.wantQuietBut() {
			parked[item.InterchangeID] = true
		}
		for name, id := range ids {
			data := fixture(t, name)
			want, err := check.File(bytes.NewReader(data), check.Options{At: received})
			if err != nil {
				t.Fatal(err)
			}
			if parked[id] && want.Verdict != check.Accepted { // else a value that only the AHB forbids has no translation
				t.Errorf("%s: the work is parked", name)
			}
			if !bytes.Equal(r.payload(id), data) {
				t.Errorf("%s: the bytes were changed", name)
			}
			out := r.rows(id)
			sum := sha256.Sum256(data)
			if out.x.PayloadDigest != hex.EncodeToString(sum[:]) || out.x.PayloadSize != int64(len(data)) {
				t.Errorf("%s: digest %s, size %d", name, out.x.PayloadDigest, out.x.PayloadSize)
			}
			if out.x.Verdict != string(want.Verdict) || !out.x.CheckedAt.Equal(received) {
				t.Errorf("%s: verdict %s at %s, want %s", name, out.x.Verdict, out.x.CheckedAt, want.Verdict)
			}
			if diff := cmp.Diff(findings(id, want), out.findings); diff != "" {
				t.Errorf("%s: findings (-want +got):\n%s", name, diff)
			}
			if want.Verdict != check.Accepted && (out.x.State != store.StateChecked || len(out.events) > 0) {
				t.Errorf("%s: rejected, but in state %s with %d events", name, out.x.State, len(out.events))
			}
			if len(out.findings) == 0 && !strings.Contains(name, "ahb-") {
				t.Errorf("%s: nothing was found", name)
			}
		}
	})
}

// findings returns the rows that a result should have.
func findings(id int64, r *check.Result) (list []store.Finding) {
	add := func(message, transaction int, more []formats.Finding) {
		for _, f := range more {
			data, _ := json.Marshal(f)
			list = append(list, store.Finding{
				InterchangeID: id, MessageIndex: message, TransactionIndex: transaction, Index: len(list) + 1,
				Code: string(f.Code), Severity: string(f.Severity), Data: data,
			})
		}
	}
	add(0, 0, r.Findings)
	for i, m := range r.Messages {
		add(i+1, 0, m.Findings)
		for k, t := range m.Transactions {
			add(i+1, k+1, t.Findings)
		}
	}
	return list
}

// TestControlReferenceTwice: the same UNB 0020 of the same sender is refused, whatever the transport says.
func TestControlReferenceTwice(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, r *rig) {
		data := fixture(t, "valid/utilmd-55001.edi")
		other := replaced(t, data, "LFVG0000101", "LFVG0000199") // same envelope, other transaction
		foreign := replaced(t, data, "9999100000013", "9999400000044", "LFVG0000101", "LFVG0000198")
		first, second, third := r.receive("a", data), r.receive("b", other), r.receive("c", foreign)
		r.run(0)
		if out := r.rows(first); out.x.Verdict != accepted || len(out.events) != 1 {
			t.Errorf("first: %s, %v, %d events", out.x.Verdict, out.codes(), len(out.events))
		}
		if out := r.rows(second); out.x.Verdict != "rejected-syntax" || !slices.Contains(out.codes(), "E1053") || len(out.events) != 0 {
			t.Errorf("second: %s, %v, %d events", out.x.Verdict, out.codes(), len(out.events))
		}
		if out := r.rows(third); out.x.Verdict != accepted || len(out.events) != 1 {
			t.Errorf("same reference of another sender: %s, %v", out.x.Verdict, out.codes())
		}
		// The rejected one counts as well: the reference is used up.
		fourth := r.receive("d", replaced(t, data, "LFVG0000101", "LFVG0000197"))
		r.run(0)
		if out := r.rows(fourth); !slices.Contains(out.codes(), "E1053") {
			t.Errorf("fourth: %v", out.codes())
		}
	})
}

// TestControlReferenceOutOfOrder: if the check of the first has to be repeated, still only one of two is accepted.
func TestControlReferenceOutOfOrder(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, r *rig) {
		data := fixture(t, "valid/utilmd-55001.edi")
		first := r.receive("", data)
		second := r.receive("", replaced(t, data, "LFVG0000101", "LFVG0000199"))
		for _, item := range slices.Backward(r.claim()) {
			if err := r.step(item); err != nil {
				t.Fatal(err)
			}
		}
		a, b := r.rows(first), r.rows(second)
		if b.x.Verdict != accepted || a.x.Verdict == accepted || !slices.Contains(a.codes(), "E1053") {
			t.Errorf("first %s %v, second %s %v; want the one checked later refused", a.x.Verdict, a.codes(), b.x.Verdict, b.codes())
		}
	})
}

// overtaken runs a function before the first Update, as if another lane had been faster.
type overtaken struct {
	store.Store
	by func()
}

func (s *overtaken) Update(ctx context.Context, fn func(store.Tx) error) error {
	if by := s.by; by != nil {
		s.by = nil
		by()
	}
	return s.Store.Update(ctx, fn)
}

func TestControlReferenceAtTheSameTime(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, r *rig) {
		data := fixture(t, "valid/utilmd-55001.edi")
		r.receive("", data)
		r.receive("", replaced(t, data, "LFVG0000101", "LFVG0000199"))
		items := r.claim()
		r.store = &overtaken{r.st, func() {
			if err := r.step(items[1]); err != nil {
				t.Error(err)
			}
		}}
		if err := r.step(items[0]); err == nil {
			t.Fatal("both were accepted")
		}
		if err := r.step(items[0]); err != nil {
			t.Fatal(err)
		}
		if out := r.rows(items[0].InterchangeID); !slices.Contains(out.codes(), "E1053") {
			t.Errorf("findings %v", out.codes())
		}
	})
}

// TestNoIdentity: interchanges without sender or reference are not taken for each other.
func TestNoIdentity(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, r *rig) {
		data := replaced(t, fixture(t, "valid/utilmd-55001.edi"), "+LB261102000101'", "+'", "UNB+UNOC:3+9999100000013:500", "UNB+UNOC:3+:500")
		first := r.receive("", data)
		second := r.receive("", replaced(t, data, "LFVG0000101", "LFVG0000199"))
		r.run(0)
		for _, id := range []int64{first, second} {
			if out := r.rows(id); slices.Contains(out.codes(), "E1053") || out.x.Verdict == accepted {
				t.Errorf("interchange %d: %s %v", id, out.x.Verdict, out.codes())
			}
		}
	})
}

// TestTransactionTwice: a business transaction that arrives again in another interchange gives no second event.
func TestTransactionTwice(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, r *rig) {
		data := fixture(t, "valid/utilmd-55004.edi") // two transactions
		first := r.receive("a", data)
		r.run(0)
		ref := r.rows(first).x.ControlRef
		ids := r.eventIDs()
		again := replaced(t, data, ref, ref[:len(ref)-1]+"9")
		second := r.receive("b", again)
		r.run(0)
		r.wantQuiet(0)
		if out := r.rows(second); out.x.State != store.StatePublished || len(out.events) != 0 {
			t.Errorf("state %s, %v, %d events", out.x.State, out.codes(), len(out.events))
		}
		if diff := cmp.Diff(ids, r.eventIDs()); diff != "" || len(ids) != 2 {
			t.Errorf("events (-first +both):\n%s", diff)
		}
	})
}

// TestRejectedTransactionGivesNoEvent: of an accepted interchange single transactions can be rejected.
func TestRejectedTransactionGivesNoEvent(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, r *rig) {
		id := r.receive("", replaced(t, fixture(t, "valid/utilmd-55003-drei-vorgaenge.edi"), "RFF+TN:LFVG0000105'", "", "UNT+26", "UNT+25"))
		r.run(0)
		r.wantQuiet(0)
		if out := r.rows(id); out.x.Verdict != accepted || out.transactions[1].Verdict != string(check.RejectedProcessing) {
			t.Fatalf("%s, %v", out.x.Verdict, out.codes())
		}
		var numbers []string
		for _, e := range r.rows(id).events {
			if strings.Contains(e.Type, ".process.") {
				continue // the requests are not known
			}
			var data struct {
				Data struct{ Message struct{ Transaction string } }
			}
			if err := json.Unmarshal(e.Data, &data); err != nil {
				t.Fatal(err)
			}
			numbers = append(numbers, data.Data.Message.Transaction)
		}
		if want := []string{"NBVG0000203", "NBVG0000205"}; !slices.Equal(numbers, want) {
			t.Errorf("events of the transactions %v, want %v", numbers, want)
		}
	})
}

// TestOrderOfArrival: the set of events does not depend on it.
func TestOrderOfArrival(t *testing.T) {
	t.Parallel()
	names := []string{
		"valid/utilmd-55001.edi", "valid/utilmd-55002.edi", "valid/utilmd-55004.edi", "valid/mscons-13017-buendel.edi",
		"valid/mscons-13025.edi", "valid/mscons-13006.edi", "invalid/decimal-comma.edi", "invalid/empty.edi", "valid/utilmd-55004.edi",
	}
	var want []string
	for seed := range uint64(4) {
		order := slices.Clone(names)
		if seed > 0 {
			rand.New(rand.NewPCG(seed, 1)).Shuffle(len(order), func(i, k int) { order[i], order[k] = order[k], order[i] })
		}
		inBubble(t, func(t *testing.T, r *rig) {
			for i, name := range order {
				r.receive("", fixture(t, name))
				if i%int(seed+1) == 0 {
					r.run(0)
				}
			}
			r.run(0)
			r.wantQuiet(0)
			got := r.eventIDs()
			if want == nil {
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" || len(got) < 8 {
				t.Errorf("order %v (-want +got):\n%s", order, diff)
			}
		})
	}
}

// TestKnowledge: the configuration decides whose files are taken.
func TestKnowledge(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"recipient": "E1050", "sender": "E1051", "test": "E1052", "all known": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, r *rig) {
				id := r.receive("", fixture(t, "valid/utilmd-55001-test.edi"))
				r.run(0)
				out := r.rows(id)
				if got := strings.Join(out.codes(), " "); got != want || (out.x.Verdict == accepted) != (want == "") {
					t.Errorf("findings %q, verdict %s, want %q", got, out.x.Verdict, want)
				}
			}, func(o *Options) {
				supplier, grid := config.Party{MPID: "9999100000013", Rolle: "LF"}, config.Party{MPID: "9999200000020", Rolle: "NB"}
				other := config.Party{MPID: "9999300000037", Rolle: "MSB"}
				o.Config.Own, o.Config.Partners = []config.Party{grid}, []config.Party{supplier}
				switch name {
				case "recipient":
					o.Config.Own = []config.Party{other}
				case "sender":
					o.Config.Partners = []config.Party{other}
				case "test":
					o.Config.AcceptTests = false
				}
			})
		})
	}
}

// TestLargeInterchange: memory depends on the size of a message, not on their number. The parties of the generated
// messages are no fixtures.
func TestLargeInterchange(t *testing.T) {
	const messages, values = 300, 96
	dir := t.TempDir()
	r := newRig(t, dir)
	id, err := r.Receive(t.Context(), "test", "", edifacttest.Stream(messages, values))
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var peak uint64
	for _, item := range r.claim() {
		if err := r.step(item); err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		peak = max(peak, after.HeapAlloc)
	}
	out := r.rows(id)
	if out.x.State != store.StatePublished || out.x.MessageCount != messages || len(out.events) != messages || len(out.transactions) != messages {
		t.Errorf("state %s, %d messages, %d transactions, %d events, findings %v", out.x.State, out.x.MessageCount, len(out.transactions), len(out.events), out.codes())
	}
	if grown := int64(peak) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("%d bytes are held after a step of an interchange of %d bytes", grown, out.x.PayloadSize)
	}
}
