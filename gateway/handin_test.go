package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/postgres"
	"github.com/marktbote/marktbote/store/storetest/pgtest"
)

// handIn hands in bytes and returns the interchange's ID.
func (r *rig) handIn(s Submission, body []byte) int64 {
	r.t.Helper()
	s.Body = bytes.NewReader(body)
	id, err := r.HandIn(context.Background(), s)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

func TestRenumber(t *testing.T) {
	t.Parallel()
	const head = "UNB+UNOC:3+9999100000013:500+9999200000020:500+261102:0812+"
	const body = "'UNH+1+UTILMD:D:11A:UN:S2.2'FTX+ACB+++A?'UNZ?+1?+B'UNT+3+1'"
	for name, c := range map[string]struct{ in, want string }{
		"longer":          {head + "X" + body + "UNZ+1+X'", head + "M2611240000010" + body + "UNZ+1+M2611240000010'"},
		"same length":     {head + "LB261102000101" + body + "UNZ+1+LB261102000101'", head + "M2611240000010" + body + "UNZ+1+M2611240000010'"},
		"shorter":         {head + "LB26110200010112" + body + "UNZ+1+LB26110200010112'", head + "M2611240000010" + body + "UNZ+1+M2611240000010'"},
		"empty":           {head + body + "UNZ+1+'", head + "M2611240000010" + body + "UNZ+1+M2611240000010'"},
		"more elements":   {head + "X++++++1" + body + "UNZ+1+X'", head + "M2611240000010++++++1" + body + "UNZ+1+M2611240000010'"},
		"escaped":         {head + "X?+?'?:" + body + "UNZ+1+X?+?'?:'", head + "M2611240000010" + body + "UNZ+1+M2611240000010'"},
		"components":      {head + "X:Y" + body + "UNZ+1+X:Y'", head + "M2611240000010:Y" + body + "UNZ+1+M2611240000010:Y'"},
		"line breaks":     {head + "X'\r\nUNH+1+U'\r\nUNT+2+1'\r\nUNZ+1+X'\r\n\r\n", head + "M2611240000010'\r\nUNH+1+U'\r\nUNT+2+1'\r\nUNZ+1+M2611240000010'\r\n\r\n"},
		"UNA":             {"UNA:*.! ~UNB*UNOC:3*1:500*2:500*261102:0812*X!*Y~UNH*1*U~UNT*2*1~UNZ*1*X~", "UNA:*.! ~UNB*UNOC:3*1:500*2:500*261102:0812*M2611240000010~UNH*1*U~UNT*2*1~UNZ*1*M2611240000010~"},
		"other in UNZ":    {head + "X" + body + "UNZ+1+Y'", head + "M2611240000010" + body + "UNZ+1+M2611240000010'"},
		"no UNZ":          {head + "X" + body, head + "M2611240000010" + body},
		"UNZ too short":   {head + "X" + body + "UNZ+1'", head + "M2611240000010" + body + "UNZ+1'"},
		"cut off":         {head + "X" + body + "UNZ+1+X", head + "M2611240000010" + body + "UNZ+1+X"},
		"something after": {head + "X" + body + "UNZ+1+X'UNB'", head + "M2611240000010" + body + "UNZ+1+X'UNB'"},
		"UNB too short":   {"UNB+UNOC:3+1:500+2:500'UNZ+0+X'", "UNB+UNOC:3+1:500+2:500'UNZ+0+X'"},
		"UNB cut off":     {head + "X", head + "X"},
		"none":            {"", ""},
		"no EDIFACT":      {"%PDF-1.4 UNZ+1+X'", "%PDF-1.4 UNZ+1+X'"},
	} {
		for _, long := range []string{"", strings.Repeat("FTX+ACB+++"+strings.Repeat("x", 90)+"'", 5000)} { // more than the buffers hold
			in, want := strings.Replace(c.in, "UNT+", long+"UNT+", 1), strings.Replace(c.want, "UNT+", long+"UNT+", 1)
			for kind, wrap := range map[string]func(io.Reader) io.Reader{
				"": func(r io.Reader) io.Reader { return r }, "data with EOF": iotest.DataErrReader, "bytes": iotest.OneByteReader,
			} {
				start, err := readHead(strings.NewReader(in))
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(renumber(readEnvelope(start), "M2611240000010", start, wrap(strings.NewReader(in[len(start):]))))
				if err != nil || string(got) != want {
					t.Errorf("%s, %s, %d bytes: %v\n got %.300q\nwant %.300q", name, kind, len(in), err, got, want)
				}
			}
		}
	}
	broken := errors.New("broken")
	start := []byte(head + "X'")
	if _, err := io.ReadAll(renumber(readEnvelope(start), "M", start, iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// TestRenumberFixtures: of everything that can be numbered only the two references change.
func TestRenumberFixtures(t *testing.T) {
	t.Parallel()
	for _, name := range fixtures.List() {
		data := fixture(t, name)
		e := readEnvelope(data[:min(len(data), headBytes)])
		if !strings.HasPrefix(name, "valid/") {
			continue
		}
		got, err := io.ReadAll(renumber(e, "M2611240000010", data[:min(len(data), headBytes)], bytes.NewReader(data[min(len(data), headBytes):])))
		if err != nil || e.ref == "" {
			t.Fatal(name, err)
		}
		if n := bytes.Count(got, []byte("M2611240000010")); n != 2 {
			t.Errorf("%s: the number occurs %d times", name, n)
		}
		back := bytes.ReplaceAll(got, []byte("M2611240000010"), data[e.at:e.at+e.length])
		if !bytes.Equal(back, data) {
			t.Errorf("%s: other bytes changed", name)
		}
	}
}

func own(o *Options) {
	o.Config.Own = []config.Party{{MPID: "9999100000013", Rolle: "LF"}}
}

// TestHandIn: what is short is judged at once, and what is accepted is sent.
func TestHandIn(t *testing.T) {
	t.Parallel()
	p := &partner{}
	inBubble(t, func(t *testing.T, r *rig) {
		data := fixture(t, "valid/utilmd-55001.edi")
		id := r.handIn(Submission{Channel: "http"}, data)
		if x := r.rows(id).x; x.State != store.StateChecked || x.Verdict != accepted || x.ControlRef != "LB261102000101" || x.Channel != "http" {
			t.Errorf("at once: %+v", x)
		}
		r.run(time.Minute)
		r.wantQuiet(0)
		if len(p.ids) != 1 || !bytes.Equal(p.got[p.ids[0]], data) {
			t.Errorf("%d attempts; other bytes were sent", len(p.ids))
		}
	}, own, func(o *Options) { o.Channel = p })
}

// TestHandInRefused: what is wrong is kept with its findings and does not leave.
func TestHandInRefused(t *testing.T) {
	t.Parallel()
	good := fixture(t, "valid/utilmd-55003-drei-vorgaenge.edi")
	for name, c := range map[string]struct {
		data    []byte
		verdict string
		code    string
	}{
		"syntax":         {fixture(t, "invalid/decimal-comma.edi"), "rejected-syntax", "E2015"},
		"nothing":        {nil, "unreadable", "E1001"},
		"foreign sender": {replaced(t, fixture(t, "valid/utilmd-55001.edi"), "9999100000013", "9999200000026"), "rejected-syntax", "E1060"},
		"one of three":   {replaced(t, good, "A05:E_0622", "A99:E_0622"), "rejected-processing", ""},
	} {
		p := &partner{}
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				id := r.handIn(Submission{Channel: "http", ID: "1"}, c.data)
				r.run(time.Minute)
				r.wantQuiet(0)
				out := r.rows(id)
				if out.x.Verdict != c.verdict || !bytes.Equal(r.payload(id), c.data) || len(p.ids) != 0 || len(out.findings) == 0 {
					t.Errorf("%s, %v, %d sent", out.x.Verdict, out.codes(), len(p.ids))
				}
				if c.code != "" && !strings.Contains(strings.Join(out.codes(), " "), c.code) {
					t.Errorf("codes %v", out.codes())
				}
			}, func(o *Options) {
				o.Channel = p
				o.Config.Own = []config.Party{{MPID: "9999100000013"}, {MPID: "9999300000037"}, {MPID: "9999200000020"}}
			})
		})
	}
}

// TestNumber: numbers are of the day, never used before, and never those of answers.
func TestNumber(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, r *rig) {
		data := fixture(t, "valid/utilmd-55001.edi")
		// The ERP has used the number that would come next.
		taken := r.handIn(Submission{Channel: "http"}, replaced(t, data, "LB261102000101", "M2612010000010"))
		var refs []string
		for range 3 {
			id := r.handIn(Submission{Channel: "http", Number: true}, data)
			x := r.rows(id).x
			refs = append(refs, x.ControlRef)
			if want := replaced(t, data, "LB261102000101", x.ControlRef); x.Verdict != accepted || !bytes.Equal(r.payload(id), want) {
				t.Errorf("%s %v: %s", x.Verdict, r.rows(id).codes(), r.payload(id))
			}
		}
		if got := strings.Join(refs, " "); got != "M2612010000020 M2612010000030 M2612010000040" {
			t.Errorf("numbers %s", got)
		}
		if x := r.rows(taken).x; x.Verdict != accepted {
			t.Errorf("verdict %s", x.Verdict)
		}
		n := numbers{take: func() (int64, error) { return new(reserve).take(t.Context(), r.st, "9999100000013") }, now: r.now()}
		for range 9 {
			ref, err := n.ControlRef()
			if err != nil || len(ref) != 14 || strings.HasSuffix(ref, "0") {
				t.Errorf("number of an answer: %s, %v", ref, err)
			}
		}
	}, own)
	for number, want := range map[int64]string{1: "M2612020000010", 999_999: "M26120200LFLR0", 1<<31 - 1: "M261202ZIK0ZJ0", 36*36*36*36*36*36 + 7: "M2612020000070"} {
		if got := numberedRef(number, time.Date(2026, 12, 1, 23, 0, 0, 0, time.UTC)); got != want { // midnight in Berlin
			t.Errorf("%d: %s, want %s", number, got, want)
		}
	}
}

// TestReferenceUsed: a reference is used by what has left or will, not by what was refused.
func TestReferenceUsed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, r *rig) {
		data := fixture(t, "valid/utilmd-55001.edi")
		wrong := bytes.Replace(data, []byte("LOC+Z16+"), []byte("LOC+Z99+"), 1)
		first := r.handIn(Submission{Channel: "http"}, wrong)
		second := r.handIn(Submission{Channel: "http"}, data)
		third := r.handIn(Submission{Channel: "http"}, data)
		if r.rows(first).x.Verdict == accepted || r.rows(second).x.Verdict != accepted {
			t.Errorf("%s, %s %v", r.rows(first).x.Verdict, r.rows(second).x.Verdict, r.rows(second).codes())
		}
		if out := r.rows(third); out.x.Verdict != "rejected-syntax" || !strings.Contains(strings.Join(out.codes(), " "), "E1061") {
			t.Errorf("%s %v", out.x.Verdict, out.codes())
		}
	}, own)
}

// TestHandInTwice: the same identity is the same interchange, with a number too, whether it is short or long.
func TestHandInTwice(t *testing.T) {
	t.Parallel()
	long := fixture(t, "valid/mscons-13025.edi")
	i := bytes.Index(long, []byte("UNH"))
	k := bytes.Index(long, []byte("UNZ"))
	long = bytes.Join([][]byte{long[:i], bytes.Repeat(long[i:k], store.MaxInlinePayload/(k-i)+1), long[k:]}, nil)
	for name, data := range map[string][]byte{"short": fixture(t, "valid/utilmd-55001.edi"), "long": long} {
		for _, number := range []bool{false, true} {
			inBubble(t, func(t *testing.T, r *rig) {
				s := Submission{Channel: "http", ID: "key", Number: number}
				first := r.handIn(s, data)
				if again := r.handIn(s, data); again != first {
					t.Errorf("%s: repeated as %d, not %d", name, again, first)
				}
				r.run(time.Minute)
				if again := r.handIn(s, data); again != first {
					t.Errorf("%s: repeated later as %d, not %d", name, again, first)
				}
				if other := r.handIn(Submission{Channel: "pickup", ID: "key", Number: number}, data); other == first {
					t.Errorf("%s: two channels share an identity", name)
				}
				for what, other := range map[string][]byte{
					"cut off": data[:len(data)-1], "changed": bytes.Replace(data, []byte("UNT+"), []byte("UNT+9"), 1), "nothing": nil,
				} {
					s.Body = bytes.NewReader(other)
					if _, err := r.HandIn(t.Context(), s); !errors.Is(err, ErrReusedID) {
						t.Errorf("%s, %s: error %v", name, what, err)
					}
				}
				if number { // without a number they are other bytes
					s.Number, s.Body = false, bytes.NewReader(data)
					if _, err := r.HandIn(t.Context(), s); !errors.Is(err, ErrReusedID) {
						t.Errorf("%s: error %v", name, err)
					}
				}
				if n := r.interchanges(); n != 2 {
					t.Errorf("%s: %d interchanges", name, n)
				}
				x := r.rows(first).x
				if got := r.payload(first); len(got) != len(data) || bytes.Equal(got, data) == number || number != strings.HasPrefix(x.ControlRef, "M261201") {
					t.Errorf("%s: other bytes were kept: %.200s", name, got)
				}
			})
		}
	}
}

// TestHandInBroken: what does not arrive completely leaves nothing.
func TestHandInBroken(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection lost")
	data := fixture(t, "valid/utilmd-55001.edi")
	inBubble(t, func(t *testing.T, r *rig) {
		for i, c := range []struct {
			body io.Reader
			want error
		}{
			{io.MultiReader(bytes.NewReader(data), iotest.ErrReader(lost)), lost},
			{io.MultiReader(bytes.NewReader(data), zeros{}), ErrTooLarge},
			{io.MultiReader(bytes.NewReader(data), io.LimitReader(zeros{}, 2<<20), iotest.ErrReader(lost)), lost},
		} {
			for _, number := range []bool{false, true} {
				if _, err := r.HandIn(t.Context(), Submission{Channel: "http", ID: fmt.Sprint(i), Number: number, Body: c.body}); !errors.Is(err, c.want) {
					t.Errorf("%d: error %v, want %v", i, err, c.want)
				}
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := r.HandIn(ctx, Submission{Body: bytes.NewReader(data)}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if n := r.interchanges(); n != 0 {
			t.Errorf("%d interchanges", n)
		}
	}, func(o *Options) { o.Config.MaxInterchangeBytes = 4 << 20 })
}

// TestHandInAtOnce: whoever hands in the same at the same time gets one interchange with a key, and without one only the
// first is accepted, because the reference is used then.
func TestHandInAtOnce(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		handInAtOnce(t, newRig(t, t.TempDir(), own))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		st, err := postgres.Open(t.Context(), pgtest.DSN(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
		opts := Options{Store: st, Log: zap.NewNop(), Metrics: prometheus.NewRegistry(), Config: config.Default(), Now: func() time.Time { return received }}
		own(&opts)
		handInAtOnce(t, &rig{Gateway: New(opts), t: t, st: st})
	})
}

func handInAtOnce(t *testing.T, r *rig) {
	data := fixture(t, "valid/utilmd-55001.edi")
	const count = 8
	var wg sync.WaitGroup
	ids := make([]int64, 2*count)
	for i := range ids {
		s := Submission{Channel: "http", Body: bytes.NewReader(data)}
		if i < count {
			s.ID, s.Number = "key", true
		}
		wg.Go(func() {
			var err error
			if ids[i], err = r.HandIn(context.Background(), s); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	sent := map[int64]bool{}
	for i, id := range ids {
		x := r.rows(id).x
		if i < count && (id != ids[0] || x.Verdict != accepted) {
			t.Errorf("with a key: interchange %d and %d, %s", id, ids[0], x.Verdict)
		}
		if i >= count && x.Verdict == accepted {
			sent[id] = true
		}
	}
	if len(sent) != 1 {
		t.Errorf("without a key: %d accepted", len(sent))
	}
}

// FuzzRenumber: nothing panics, however the bytes come they become the same, and only the two references change.
func FuzzRenumber(f *testing.F) {
	for _, name := range fixtures.List() {
		if data, err := fixtures.Read(name); err == nil && len(data) < 4000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		const ref = "M2611240000010"
		start, err := readHead(bytes.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		e := readEnvelope(start)
		got, err := io.ReadAll(renumber(e, ref, start, bytes.NewReader(in[len(start):])))
		if err != nil {
			t.Fatal(err)
		}
		slow, err := io.ReadAll(iotest.OneByteReader(renumber(e, ref, start, iotest.OneByteReader(bytes.NewReader(in[len(start):])))))
		if err != nil || !bytes.Equal(got, slow) {
			t.Fatalf("%v, %q and %q", err, got, slow)
		}
		if e.at == 0 {
			if !bytes.Equal(got, in) {
				t.Fatalf("%q became %q", in, got)
			}
			return
		}
		if rest, ok := bytes.CutPrefix(got, append(bytes.Clone(in[:e.at]), ref...)); !ok {
			t.Fatalf("%q became %q", in, got)
		} else if old := in[e.at+e.length:]; !bytes.Equal(rest, old) { // UNZ has the number as well
			before, after, ok := bytes.Cut(rest, []byte(ref))
			if !ok || !bytes.HasPrefix(old, before) || !bytes.HasSuffix(old, after) {
				t.Fatalf("%q became %q", in, got)
			}
		}
	})
}

// conflicting is a store whose every transaction meets another one at its end, so that it runs again.
type conflicting struct{ store.Store }

func (s conflicting) Update(ctx context.Context, fn func(tx store.Tx) error) error {
	conflict := errors.New("conflict")
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return conflict
	})
	if !errors.Is(err, conflict) {
		return err
	}
	return s.Store.Update(ctx, fn)
}

// TestHandInConflict: a transaction that has to run again keeps the bytes again.
func TestHandInConflict(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, r *rig) {
		data := fixture(t, registration)
		id, err := r.HandIn(t.Context(), Submission{Channel: "http", Number: true, Body: bytes.NewReader(data)})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.rows(id).x; got.Verdict != accepted || len(r.payload(id)) != int(got.PayloadSize) {
			t.Errorf("kept %d bytes of %d with the verdict %q", len(r.payload(id)), got.PayloadSize, got.Verdict)
		}
	}, func(o *Options) { o.Store = conflicting{o.Store} })
}
