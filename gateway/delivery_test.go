package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/store"
)

// TestDeliveryTwice: the same delivery is one interchange, however often it is repeated.
func TestDeliveryTwice(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, r *rig) {
		data := fixture(t, "valid/utilmd-55001.edi")
		first := r.receive("delivery-1", data)
		if again := r.receive("delivery-1", data); again != first {
			t.Errorf("second delivery became interchange %d, want %d", again, first)
		}
		r.run(0)
		if again := r.receive("delivery-1", data); again != first {
			t.Errorf("third delivery became interchange %d, want %d", again, first)
		}
		r.run(0)
		r.wantQuiet(0)
		if n := r.interchanges(); n != 1 || len(r.eventIDs()) != 1 {
			t.Errorf("%d interchanges, %d events", n, len(r.eventIDs()))
		}
		if out := r.rows(first); out.x.Verdict != accepted {
			t.Errorf("verdict %s, %v", out.x.Verdict, out.codes())
		}
	})
}

// TestDeliveryOfOtherBytes: whoever gives two interchanges the same identity must hear of it, or one would be lost.
func TestDeliveryOfOtherBytes(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, r *rig) {
		r.receive("1", fixture(t, "valid/utilmd-55001.edi"))
		_, err := r.Receive(t.Context(), "test", "1", bytes.NewReader(fixture(t, "valid/utilmd-55002.edi")))
		if !errors.Is(err, ErrReusedID) {
			t.Errorf("error %v, want ErrReusedID", err)
		}
		if n := r.interchanges(); n != 1 {
			t.Errorf("%d interchanges", n)
		}
	})
}

// TestBrokenDelivery: what does not arrive completely leaves nothing.
func TestBrokenDelivery(t *testing.T) {
	t.Parallel()
	large := bytes.Repeat([]byte("UNB+UNOC:3'"), 300_000) // more than one chunk of the store
	lost := errors.New("connection lost")
	limit := int64(len(large) - 1)
	for name, c := range map[string]struct {
		body func(cancel func()) io.Reader
		want error
	}{
		"reader fails": {func(func()) io.Reader {
			return io.MultiReader(bytes.NewReader(large[:2<<20]), iotest.ErrReader(lost))
		}, lost},
		"reader fails at once": {func(func()) io.Reader { return iotest.ErrReader(lost) }, lost},
		"truncated": {func(func()) io.Reader {
			return io.MultiReader(bytes.NewReader(large[:100]), iotest.ErrReader(io.ErrUnexpectedEOF))
		}, io.ErrUnexpectedEOF},
		"cancelled": {func(cancel func()) io.Reader {
			return io.MultiReader(bytes.NewReader(large[:2<<20]), readerFunc(func() { cancel() }), bytes.NewReader(large))
		}, context.Canceled},
		"too large": {func(func()) io.Reader { return bytes.NewReader(large) }, ErrTooLarge},
		"too large byte by byte": {func(func()) io.Reader {
			return io.MultiReader(bytes.NewReader(large[:limit-3]), iotest.OneByteReader(bytes.NewReader(large[limit-3:])))
		}, ErrTooLarge},
		"endless": {func(func()) io.Reader { return zeros{} }, ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, r *rig) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				id, err := r.Receive(ctx, "test", "x", c.body(cancel))
				if !errors.Is(err, c.want) || id != 0 {
					t.Errorf("interchange %d, error %v, want %v", id, err, c.want)
				}
				if _, err := r.Submit(ctx, c.body(cancel)); !errors.Is(err, c.want) {
					t.Errorf("outgoing: error %v, want %v", err, c.want)
				}
				if n := r.interchanges(); n != 0 {
					t.Errorf("%d interchanges", n)
				}
				r.wantQuiet(0)
				// The identity is free for the next attempt.
				if _, err := r.Receive(t.Context(), "test", "x", strings.NewReader("UNB")); err != nil {
					t.Error(err)
				}
			}, func(o *Options) { o.Config.MaxInterchangeBytes = limit })
		})
	}
}

// readerFunc calls a function and ends.
type readerFunc func()

func (f readerFunc) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestLimitIsExact(t *testing.T) {
	t.Parallel()
	data := fixture(t, "valid/utilmd-55001.edi")
	for _, limit := range []int64{int64(len(data)), math.MaxInt64} {
		inBubble(t, func(t *testing.T, r *rig) {
			id := r.receive("", data)
			if !bytes.Equal(r.payload(id), data) {
				t.Errorf("limit %d: other bytes were kept", limit)
			}
		}, func(o *Options) { o.Config.MaxInterchangeBytes = limit })
	}
}

// partner is a Channel that fails as its errors say, one after the other, and then keeps what it gets by MessageID.
type partner struct {
	mu      sync.Mutex // files are sent side by side
	errs    []error
	arrived time.Time // when the partner says he had it
	got     map[string][]byte
	ids     []string // MessageIDs of all attempts
	out     Outgoing // the last one, without Body
}

func (p *partner) Send(_ context.Context, out Outgoing) (time.Time, error) {
	data, err := io.ReadAll(out.Body)
	if err != nil {
		return time.Time{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ids = append(p.ids, out.MessageID)
	if p.got == nil {
		p.got = map[string][]byte{}
	}
	p.got[out.MessageID] = data // also if the answer is lost
	out.Body = nil
	p.out = out
	if len(p.errs) > 0 {
		err, p.errs = p.errs[0], p.errs[1:]
	}
	return p.arrived, err
}

// refusal is a final error of a partner.
type refusal struct{}

func (refusal) Error() string { return "the partner does not accept this" }

func (refusal) Temporary() bool { return false }

func TestDispatch(t *testing.T) {
	t.Parallel()
	p := &partner{errs: []error{errors.New("no answer"), errors.New("still no answer")}}
	inBubble(t, func(t *testing.T, r *rig) {
		data := fixture(t, "valid/utilmd-55001.edi")
		id, err := r.Submit(t.Context(), bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		r.run(time.Minute)
		r.wantQuiet(0)
		if len(p.ids) != 3 || len(p.got) != 1 {
			t.Errorf("%d attempts with the MessageIDs %v, want 3 with one", len(p.ids), p.ids)
		}
		if !bytes.Equal(p.got[p.out.MessageID], data) {
			t.Error("the partner got other bytes")
		}
		out := r.rows(id)
		want := Outgoing{
			Interchange: id, MessageID: p.ids[0], Sender: "9999100000013", Recipient: "9999200000020", ControlRef: out.x.ControlRef,
			MessageType: "UTILMD", ReceivedAt: out.x.ReceivedAt,
		}
		if diff := cmp.Diff(want, p.out); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
		if out.x.State != store.StatePublished || out.x.Direction != store.Out || len(out.events) != 1 {
			t.Errorf("state %s, direction %s, %d events", out.x.State, out.x.Direction, len(out.events))
		}
		if len(out.events) == 1 && !bytes.Contains(out.events[0].Data, []byte(`"direction":"out"`)) {
			t.Errorf("event %s", out.events[0].Data)
		}
	}, func(o *Options) { o.Channel = p })
}

// askedFor is an error that says when another attempt makes sense.
type askedFor struct{ wait time.Duration }

func (askedFor) Error() string               { return "not now" }
func (e askedFor) RetryAfter() time.Duration { return e.wait }

// TestDispatchArrived: the partner had it at another time than the attempt ended, and named the wait before.
func TestDispatchArrived(t *testing.T) {
	t.Parallel()
	p := &partner{errs: []error{askedFor{40 * time.Minute}}, arrived: received.Add(-time.Second)}
	inBubble(t, func(t *testing.T, r *rig) {
		id, err := r.Submit(t.Context(), bytes.NewReader(fixture(t, "valid/utilmd-55001.edi")))
		if err != nil {
			t.Fatal(err)
		}
		r.run(39 * time.Minute)
		if len(p.ids) != 1 {
			t.Errorf("%d attempts before the wait was over", len(p.ids))
		}
		r.run(2 * time.Minute)
		r.wantQuiet(0)
		var entry store.LedgerEntry
		err = r.st.View(t.Context(), func(tx store.Tx) (err error) {
			entry, err = tx.LedgerEntry(id, 0, 0, store.LedgerTransport)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.ids) != 2 || !entry.DoneAt.Equal(p.arrived) {
			t.Errorf("%d attempts, arrived at %s, want 2 and %s", len(p.ids), entry.DoneAt, p.arrived)
		}
	}, func(o *Options) { o.Channel = p })
}

// TestReceiveOtherSender: UNB names another sender than the transport proves. It is kept, and a person releases it.
func TestReceiveOtherSender(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, r *rig) {
		data := fixture(t, "valid/utilmd-55001.edi")
		var kept int64
		deliver := func(id, sender string) int64 {
			t.Helper()
			got, err := r.ReceiveDelivery(t.Context(), Delivery{
				Channel: "as4", ReceivedID: id, Sender: sender, At: received.Add(-time.Minute), Body: bytes.NewReader(data),
				Keep: func(_ store.Tx, interchange int64) error { kept = interchange; return nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		id := deliver("1", "9999300000037")
		if again := deliver("1", "9999300000037"); again != id || kept != id {
			t.Errorf("interchanges %d and %d, evidence of %d", id, again, kept)
		}
		r.run(time.Minute)
		parked := r.wantQuiet(1)
		x := r.rows(id).x
		if x.State != store.StateReceived || !x.ReceivedAt.Equal(received.Add(-time.Minute)) || !strings.Contains(parked[0].Reason, "9999300000037") {
			t.Errorf("%+v, waits because %q", x, parked[0].Reason)
		}
		if err := r.Decide(t.Context(), Requeue, parked[0].ID, "anna", "service provider of the partner"); err != nil {
			t.Fatal(err)
		}
		r.run(time.Minute)
		if x := r.rows(id).x; x.Verdict == "" {
			t.Errorf("released: %+v", x)
		}
	})
}

func TestDispatchRefused(t *testing.T) {
	t.Parallel()
	p := &partner{errs: []error{refusal{}}}
	inBubble(t, func(t *testing.T, r *rig) {
		id, err := r.Submit(t.Context(), bytes.NewReader(fixture(t, "valid/utilmd-55001.edi")))
		if err != nil {
			t.Fatal(err)
		}
		r.run(time.Minute)
		parked := r.wantQuiet(1)
		if len(p.ids) != 1 || parked[0].InterchangeID != id || !strings.Contains(parked[0].Reason, refusal{}.Error()) {
			t.Errorf("%d attempts, parked %+v", len(p.ids), parked)
		}
		if out := r.rows(id); out.x.State != store.StateChecked || len(out.events) != 0 {
			t.Errorf("state %s, %d events of what was not sent", out.x.State, len(out.events))
		}
	}, func(o *Options) { o.Channel = p })
}

// TestDispatchOnlyAccepted: what the own check rejects does not leave the house.
func TestDispatchOnlyAccepted(t *testing.T) {
	t.Parallel()
	p := &partner{}
	inBubble(t, func(t *testing.T, r *rig) {
		id, err := r.Submit(t.Context(), bytes.NewReader(fixture(t, "invalid/decimal-comma.edi")))
		if err != nil {
			t.Fatal(err)
		}
		r.run(time.Minute)
		r.wantQuiet(0)
		if out := r.rows(id); out.x.Verdict != "rejected-syntax" || len(p.ids) != 0 {
			t.Errorf("verdict %s, %d attempts", out.x.Verdict, len(p.ids))
		}
	}, func(o *Options) { o.Channel = p })
}

func TestNoChannel(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, r *rig) {
		if _, err := r.Submit(t.Context(), bytes.NewReader(fixture(t, "valid/utilmd-55001.edi"))); err != nil {
			t.Fatal(err)
		}
		r.run(0)
		if parked := r.wantQuiet(1); !strings.Contains(parked[0].Reason, "no channel") {
			t.Errorf("reason %q", parked[0].Reason)
		}
	})
}

// TestLane: what has to be answered within minutes does not wait behind load profiles.
func TestLane(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"valid/utilmd-55001.edi": "urgent", "valid/aperak-313.edi": "urgent", "valid/contrl-syntaxfehler-datei.edi": "urgent",
		"valid/mscons-13025.edi": "bulk", "valid/mscons-13017-una.edi": "bulk", "invalid/empty.edi": "bulk", "invalid/utf-16.edi": "bulk",
	} {
		h := headWriter{}
		for _, b := range fixture(t, name) {
			h.add([]byte{b})
		}
		if got := lane(h.read().messageType, 1000); got != want || len(h.bytes) > headBytes {
			t.Errorf("%s: lane %s, want %s; %d bytes kept", name, got, want, len(h.bytes))
		}
	}
}
