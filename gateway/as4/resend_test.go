package as4

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/partner"
	"github.com/marktbote/marktbote/store"
)

// refuses answers the first n requests with an error, whatever was sent.
func refuses(n int, code ebms.Code) func(int, *http.Request) (*http.Response, error) {
	return func(i int, _ *http.Request) (*http.Response, error) {
		if i > n {
			return nil, nil
		}
		e := ebms.NewErrorSignal("e@x", "", time.Now(), ebms.Faultf(code, "no"))
		return answerOf(200, "application/soap+xml", string(ebms.NewEnvelope(e).AppendXML(nil))), nil
	}
}

// TestSendAfterRefusal: a person requeues what the partner refused. It is a new message with the whole file.
func TestSendAfterRefusal(t *testing.T) {
	t.Parallel()
	w := &wire{instead: refuses(2, ebms.PolicyNoncompliance)} //nolint:bodyclose // who sends closes it
	town := newTown(t, wired(lieferant, w))
	from, to := town.houses[lieferant], town.houses[netz]
	for range 2 {
		_, err := from.send(netz, "ref1", text)
		if failure, ok := errors.AsType[*SendError](err); !ok || !failure.Final {
			t.Fatalf("refused: %v", err)
		}
	}
	if _, err := from.send(netz, "ref1", text); err != nil {
		t.Fatalf("requeued: %v", err)
	}
	first, second, third := from.transmission(store.Out, "ref1"), from.transmission(store.Out, "ref1#2"), from.transmission(store.Out, "ref1#3")
	if first.State != store.TransmissionRefused || second.State != store.TransmissionRefused || third.State != store.TransmissionDelivered {
		t.Errorf("states %s, %s, %s", first.State, second.State, third.State)
	}
	if got := string(to.got()[lieferant+"|"+third.MessageID]); got != text {
		t.Errorf("arrived: %q", got)
	}
	// The order is carried out.
	if _, err := from.send(netz, "ref1", text); err != nil || len(w.bodies) != 3 {
		t.Errorf("%v, %d requests", err, len(w.bodies))
	}
}

// TestSendAfterGivingUp: perhaps the partner has it, so what a person requeues is the same message.
func TestSendAfterGivingUp(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := &wire{instead: func(n int, _ *http.Request) (*http.Response, error) {
		if n > 2 {
			return nil, nil
		}
		return nil, errors.New("no route to host")
	}}
	town := newTown(t, wired(lieferant, w), func(_ string, o *Options) { o.Now = func() time.Time { return now } })
	from := town.houses[lieferant]
	_, _ = from.send(netz, "ref1", text)
	now = now.Add(25 * time.Hour)
	_, err := from.send(netz, "ref1", text)
	if failure, ok := errors.AsType[*SendError](err); !ok || !failure.Final {
		t.Fatalf("not given up: %v", err)
	}
	if _, err := from.send(netz, "ref1", text); err != nil {
		t.Fatal(err)
	}
	if row := from.transmission(store.Out, "ref1"); row.State != store.TransmissionDelivered || string(w.bodies[0]) != string(w.bodies[2]) {
		t.Errorf("state %s, or other bytes", row.State)
	}
}

// TestSettleLate: two nodes have sent the same message, because one lost its lease. Whatever the slower one hears, what is
// delivered stays so.
func TestSettleLate(t *testing.T) {
	t.Parallel()
	answers := map[string]func() (*http.Response, error){
		"refused":   func() (*http.Response, error) { return refuses(9, ebms.PolicyNoncompliance)(1, nil) },
		"duplicate": func() (*http.Response, error) { return refuses(9, "EBMS:4001")(1, nil) },
		"timeout":   func() (*http.Response, error) { return nil, errors.New("timeout") },
	}
	for name, late := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &wire{}
			town := newTown(t, wired(lieferant, w))
			from := town.houses[lieferant]
			w.instead = func(n int, _ *http.Request) (*http.Response, error) {
				if n > 1 {
					return nil, nil
				}
				if _, err := from.send(netz, "ref1", text); err != nil { // the other node is quicker
					t.Error(err)
				}
				return late()
			}
			arrived, err := from.send(netz, "ref1", text)
			row := from.transmission(store.Out, "ref1")
			if err != nil || row.State != store.TransmissionDelivered || len(row.Receipt) == 0 || !arrived.Equal(row.ReceiptAt) {
				t.Errorf("%s, %v; kept: %s with a receipt of %d bytes", arrived, err, row.State, len(row.Receipt))
			}
		})
	}
}

// failing is a store that cannot be reached while a certificate is looked for.
type failing struct {
	store.Store
	broken bool
}

func (f *failing) View(ctx context.Context, fn func(tx store.Tx) error) error {
	if f.broken {
		return errors.New("the database is gone")
	}
	return f.Store.View(ctx, fn)
}

// TestPassingTrouble: what is over in a moment does not set a message aside.
func TestPassingTrouble(t *testing.T) {
	t.Parallel()
	town := newTown(t)
	from := town.houses[lieferant]
	st := &failing{Store: from.st}
	d, err := partner.Open(t.Context(), partner.Options{
		Store: st, Environment: from.Directory.Trust().Environment, Roots: from.Directory.Trust().Roots, CAs: from.Directory.Trust().CAs,
	})
	if err != nil {
		t.Fatal(err)
	}
	from.Directory = d
	from.step = func(name string) { st.broken = name == "begin" }
	_, err = from.send(netz, "ref1", text)
	if failure, ok := errors.AsType[*SendError](err); err == nil || ok && failure.Final {
		t.Errorf("without the database: %v", err)
	}
	st.broken = false
	from.step = func(string) {}
	// No revocation list can be had.
	from.lists(d, town.pki, time.Now().Add(-30*24*time.Hour))
	from.Now = func() time.Time { return time.Now().Add(20 * 24 * time.Hour) }
	_, err = from.send(netz, "ref1", text)
	if failure, ok := errors.AsType[*SendError](err); err == nil || ok && failure.Final {
		t.Errorf("without revocation lists: %v", err)
	}
}

// TestFailedTest: a test message that failed waits for nothing.
func TestFailedTest(t *testing.T) {
	t.Parallel()
	w := &wire{instead: func(int, *http.Request) (*http.Response, error) { return nil, errors.New("no route to host") }}
	from := newTown(t, wired(lieferant, w)).houses[lieferant]
	_, err := from.Test(t.Context(), lieferant, netz)
	if failure, ok := errors.AsType[*SendError](err); !ok || failure.Final {
		t.Errorf("%v", err)
	}
	err = from.st.View(t.Context(), func(tx store.Tx) error {
		list, err := tx.Transmissions(store.TransmissionQuery{State: store.TransmissionPending})
		if len(list) > 0 {
			t.Errorf("%d messages are waiting", len(list))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestPathSwitchPairs: a partner asks two own MP-IDs for the switch, and each confirms it. A confirmation may come before
// the receipt of the request, and a request that failed leaves what was before.
func TestPathSwitchPairs(t *testing.T) {
	t.Parallel()
	const other = "9900000000045" // a second MP-ID of the house of netz
	w := &wire{}
	town := newTown(t, wired(lieferant, w), func(mpID string, o *Options) {
		if mpID == netz {
			o.IsOwn = func(id string) bool { return id == netz || id == other }
		}
	})
	from, to := town.houses[lieferant], town.houses[netz]
	triple := town.triple(other)
	to.keys(to.Directory, town.pki, triple)
	from.introduce(other, to.url, triple.Encryption.Certificate)
	state := func(h *house, own, of string) partner.SwitchState {
		t.Helper()
		p, err := h.Directory.Partner(t.Context(), of)
		if err != nil {
			t.Fatal(err)
		}
		return p.Switch(own).State
	}
	w.after = func(n int, r *http.Response) (*http.Response, error) {
		if n == 2 {
			return r, to.confirm(t.Context()) // quicker than the receipt
		}
		return r, nil
	}
	for _, mpID := range []string{netz, other} {
		if err := from.RequestSwitch(t.Context(), lieferant, mpID); err != nil {
			t.Fatal(err)
		}
	}
	for _, mpID := range []string{netz, other} {
		if mine, theirs := state(from, lieferant, mpID), state(to, mpID, lieferant); mine != partner.SwitchConfirmed || theirs != partner.SwitchConfirmed {
			t.Errorf("%s: %s and %s", mpID, mine, theirs)
		}
	}
	w.instead = func(int, *http.Request) (*http.Response, error) { return nil, errors.New("no route to host") }
	if err := from.RequestSwitch(t.Context(), lieferant, netz); err == nil || state(from, lieferant, netz) != partner.SwitchConfirmed {
		t.Errorf("after a request that failed: %s, %v", state(from, lieferant, netz), err)
	}
}

// TestConnections: how many messages go to a partner at a time can be changed while the node runs.
func TestConnections(t *testing.T) {
	t.Parallel()
	n := newTown(t).houses[lieferant]
	p := partner.New(netz)
	ctx, cancel := context.WithCancel(t.Context())
	take := func(want int) {
		t.Helper()
		for i := range want {
			if _, err := n.place(t.Context(), p); err != nil {
				t.Fatalf("place %d: %v", i, err)
			}
		}
	}
	take(partner.DefaultConnections)
	cancel()
	if _, err := n.place(ctx, p); err == nil {
		t.Error("one more than is allowed")
	}
	p.MaxConnections = 5
	take(5)
}
