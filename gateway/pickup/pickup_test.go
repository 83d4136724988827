package pickup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/gateway"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlite"
)

// rig is a watched directory with a gateway behind it.
type rig struct {
	t   *testing.T
	dir string
	st  store.Store
	g   *gateway.Gateway
	w   *Watcher
}

func newRig(t *testing.T, number bool) *rig {
	t.Helper()
	t.Parallel()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	cfg := config.Default()
	cfg.MaxInterchangeBytes = 4 << 20
	now := func() time.Time { return time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC) }
	r := &rig{t: t, dir: t.TempDir(), st: st}
	r.g = gateway.New(gateway.Options{Store: st, Config: cfg, Log: zap.NewNop(), Metrics: prometheus.NewRegistry(), Now: now})
	r.w = r.open(r.g, number)
	return r
}

func (r *rig) open(g Gateway, number bool) *Watcher {
	r.t.Helper()
	w, err := Open(config.Pickup{Dir: r.dir, Number: number}, g, r.st, zap.NewNop())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = w.Close() })
	return w
}

func (r *rig) put(name string, data []byte) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), data, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) look() {
	r.t.Helper()
	if err := r.w.Look(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// want checks which files there are, without the results.
func (r *rig) want(names ...string) {
	r.t.Helper()
	var got []string
	err := filepath.WalkDir(r.dir, func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(name, ".json") {
			rel, _ := filepath.Rel(r.dir, name)
			got = append(got, filepath.ToSlash(rel))
		}
		return err
	})
	slices.Sort(got)
	if err != nil || !slices.Equal(got, names) {
		r.t.Errorf("files %v, want %v; %v", got, names, err)
	}
}

func (r *rig) result(name string) (out result) {
	r.t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, name))
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *rig) interchanges() (list []store.Interchange) {
	r.t.Helper()
	err := r.st.View(context.Background(), func(tx store.Tx) (err error) {
		list, err = tx.Interchanges(store.InterchangeQuery{})
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	data, err := fixtures.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTake(t *testing.T) {
	r := newRig(t, true)
	data := fixture(t, "valid/utilmd-55001.edi")
	r.put("a.edi", data)
	r.put("b.edi", fixture(t, "invalid/decimal-comma.edi"))
	r.put("c", make([]byte, 5<<20))
	for _, name := range []string{".hidden", "x.tmp", "x.part"} {
		r.put(name, data)
	}
	if err := os.Symlink("x.tmp", filepath.Join(r.dir, "link.edi")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(r.dir, "sub.edi"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.look()
	if n := len(r.interchanges()); n != 0 {
		t.Errorf("%d interchanges after one look", n)
	}
	r.look()
	r.want(".hidden", "accepted/a.edi", "link.edi", "rejected/b.edi", "rejected/c", "x.part", "x.tmp")
	a, b, c := r.result("accepted/a.edi.json"), r.result("rejected/b.edi.json"), r.result("rejected/c.json")
	if !a.Accepted || a.Verdict != "accepted" || a.Reference != "M2612010000010" || a.Link == "" || a.File != "a.edi" || len(a.Findings) != 0 {
		t.Errorf("result %+v", a)
	}
	if b.Accepted || b.Verdict != "rejected-syntax" || len(b.Findings) != 1 || !bytes.Contains(b.Findings[0], []byte(`"code":`)) {
		t.Errorf("result %+v", b)
	}
	if c.Accepted || c.Interchange != 0 || !strings.Contains(c.Reason, "max_interchange_bytes") {
		t.Errorf("result %+v", c)
	}
	if kept, err := os.ReadFile(filepath.Join(r.dir, "accepted/a.edi")); err != nil || !bytes.Equal(kept, data) {
		t.Errorf("the file was changed: %v", err)
	}
	r.look()
	if n := len(r.interchanges()); n != 2 {
		t.Errorf("%d interchanges", n)
	}
}

// TestGrowing: a file that is still being written stays.
func TestGrowing(t *testing.T) {
	r := newRig(t, false)
	data := fixture(t, "valid/utilmd-55001.edi")
	for i := 1; i <= 4; i++ {
		r.put("a.edi", data[:len(data)*i/4])
		r.look()
		if n := len(r.interchanges()); n != 0 {
			t.Fatalf("%d interchanges", n)
		}
	}
	name, later := filepath.Join(r.dir, "a.edi"), time.Now().Add(time.Minute)
	if err := os.Chtimes(name, later, later); err != nil { // same size, other bytes
		t.Fatal(err)
	}
	r.look()
	r.want("a.edi")
	r.look()
	r.want("accepted/a.edi")
}

// TestNames: a file never replaces another one.
func TestNames(t *testing.T) {
	r := newRig(t, true)
	data := fixture(t, "valid/utilmd-55001.edi")
	other := bytes.Replace(data, []byte("LFVG0000101"), []byte("LFVG0000102"), 1)
	for _, d := range [][]byte{data, other, data} {
		r.put("a.edi", d)
		r.look()
		r.look()
	}
	r.want("accepted/a.2.edi", "accepted/a.3.edi", "accepted/a.edi")
	first, second, third := r.result("accepted/a.edi.json"), r.result("accepted/a.2.edi.json"), r.result("accepted/a.3.edi.json")
	if first.Interchange == second.Interchange || third.Interchange != first.Interchange || len(r.interchanges()) != 2 {
		t.Errorf("interchanges %d, %d, %d of %d", first.Interchange, second.Interchange, third.Interchange, len(r.interchanges()))
	}
	if err := os.Remove(filepath.Join(r.dir, "accepted/a.edi")); err != nil { // taken away, its result left
		t.Fatal(err)
	}
	r.put("a.edi", bytes.Replace(data, []byte("LFVG0000101"), []byte("LFVG0000103"), 1))
	r.look()
	r.look()
	r.want("accepted/a.2.edi", "accepted/a.3.edi", "accepted/a.4.edi")
	if again := r.result("accepted/a.edi.json"); again.Interchange != first.Interchange {
		t.Errorf("the result was replaced: %+v", again)
	}
}

// dying is a gateway whose process dies after it has kept the interchange, or before.
type dying struct {
	Gateway
	before bool
}

var errDied = errors.New("died")

func (d dying) HandIn(ctx context.Context, s gateway.Submission) (int64, error) {
	if d.before {
		return 0, errDied
	}
	if _, err := d.Gateway.HandIn(ctx, s); err != nil {
		return 0, err
	}
	return 0, errDied
}

// TestCrash: wherever the process dies, the file is sent once.
func TestCrash(t *testing.T) {
	r := newRig(t, true)
	r.put("a.edi", fixture(t, "valid/utilmd-55001.edi"))
	for _, before := range []bool{true, false, false} {
		w := r.open(dying{r.g, before}, true)
		for range 2 {
			if err := w.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		r.want("a.edi")
	}
	// It dies once more between the result and the move.
	r.look()
	r.look()
	if err := os.Rename(filepath.Join(r.dir, "accepted/a.edi"), filepath.Join(r.dir, "a.edi")); err != nil {
		t.Fatal(err)
	}
	r.look()
	r.look()
	r.want("accepted/a.edi")
	if n := len(r.interchanges()); n != 1 {
		t.Errorf("%d interchanges", n)
	}
}

// changing is a gateway that meets a file which is written while it is read.
type changing struct {
	Gateway
	change func()
}

func (c changing) HandIn(ctx context.Context, s gateway.Submission) (int64, error) {
	c.change()
	return c.Gateway.HandIn(ctx, s)
}

func TestChangedWhileRead(t *testing.T) {
	r := newRig(t, false)
	data := fixture(t, "valid/utilmd-55001.edi")
	r.put("a.edi", data)
	r.w = r.open(changing{r.g, func() { r.put("a.edi", append(data, '\n')) }}, false)
	r.look()
	r.look()
	if n := len(r.interchanges()); n != 0 {
		t.Errorf("%d interchanges", n)
	}
	r.want("a.edi")
}

// TestLong: a file that is checked by a worker stays until there is a verdict.
func TestLong(t *testing.T) {
	r := newRig(t, false)
	data := fixture(t, "valid/utilmd-55001.edi")
	r.put("a.edi", append(data, bytes.Repeat([]byte("\r\n"), store.MaxInlinePayload/2)...))
	for range 4 {
		r.look()
	}
	r.want("a.edi")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.g.Run(ctx) }()
	for list := r.interchanges(); list[0].State == store.StateReceived; list = r.interchanges() {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
	r.look()
	r.want("accepted/a.edi")
	if n := len(r.interchanges()); n != 1 {
		t.Errorf("%d interchanges", n)
	}
}

// TestRun: the watcher looks at the start and stops with its context.
func TestRun(t *testing.T) {
	r := newRig(t, false)
	r.put("a.edi", []byte("UNB"))
	ctx, cancel := context.WithCancel(t.Context())
	looked := make(chan struct{})
	r.w = r.open(changing{r.g, func() { close(looked) }}, false)
	done := make(chan struct{})
	go func() { defer close(done); r.w.Run(ctx) }()
	<-looked
	cancel()
	<-done
}

func TestOpen(t *testing.T) {
	t.Parallel()
	if _, err := Open(config.Pickup{Dir: filepath.Join(t.TempDir(), "none")}, nil, nil, zap.NewNop()); err == nil {
		t.Error("a directory that is not there was opened")
	}
}

// replacing is a gateway during whose work somebody puts another file in the place of the one that is handed in.
type replacing struct {
	Gateway
	replace func()
}

func (r *replacing) HandIn(ctx context.Context, s gateway.Submission) (int64, error) {
	id, err := r.Gateway.HandIn(ctx, s)
	if r.replace != nil {
		r.replace()
		r.replace = nil
	}
	return id, err
}

// TestReplaced: a file that takes the name of one that is being handed in is handed in itself.
func TestReplaced(t *testing.T) {
	r := newRig(t, false)
	first := fixture(t, "valid/utilmd-55001.edi")
	second := bytes.ReplaceAll(first, []byte("LB261102000101"), []byte("LB261102000102"))
	r.w = r.open(&replacing{r.g, func() {
		r.put("new.tmp", second)
		if err := os.Rename(filepath.Join(r.dir, "new.tmp"), filepath.Join(r.dir, "a.edi")); err != nil {
			t.Error(err)
		}
	}}, false)
	r.put("a.edi", first)
	for range 4 {
		r.look()
	}
	if n := len(r.interchanges()); n != 2 {
		t.Errorf("%d interchanges, want both", n)
	}
	// The name of the first one has its result.
	got, err := os.ReadFile(filepath.Join(r.dir, Accepted, "a.2.edi"))
	if err != nil || !bytes.Equal(got, second) {
		t.Errorf("the second file lies not where it belongs: %v", err)
	}
}
