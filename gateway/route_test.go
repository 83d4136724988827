package gateway

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/deliver"
	"github.com/marktbote/marktbote/gateway/route"
	"github.com/marktbote/marktbote/store"
)

// to configures directories as destinations and rules.
func to(t *testing.T, rules []route.Rule, names ...string) (dir string, change func(*Options)) {
	t.Helper()
	dir = t.TempDir()
	return dir, func(o *Options) {
		o.Config.Own = []config.Party{{MPID: "9999200000020", Rolle: "NB"}, {MPID: "9999100000013", Rolle: "LF"}}
		o.Config.Routes = rules
		for _, name := range names {
			path := filepath.Join(dir, name)
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
			o.Config.Destinations = append(o.Config.Destinations, config.Destination{Name: name, Directory: path})
		}
	}
}

// filesIn lists the interchanges in a destination.
func filesIn(t *testing.T, dir, name string) (files []string) {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		switch {
		case strings.HasPrefix(e.Name(), "."):
			t.Errorf("left behind: %s", e.Name())
		case strings.HasSuffix(e.Name(), ".edi"):
			files = append(files, e.Name())
		}
	}
	return files
}

func notice(t *testing.T, dir, name, file string) (n deliver.Notice) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name, file+".json"))
	if err == nil {
		err = json.Unmarshal(data, &n)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRoute: each system gets the files with something for it, once, and is told what.
func TestRoute(t *testing.T) {
	t.Parallel()
	dir, change := to(t, []route.Rule{
		{Rolle: []string{"NB"}, PID: []string{"55001"}, To: []string{"grid", "archive"}},
		{PID: []string{"5500*"}, Object: []string{"malo/90000000019"}, To: []string{"crm"}},
		{Type: []string{"UTILMD", "MSCONS"}, To: []string{"archive"}},
	}, "grid", "crm", "archive")
	inBubble(t, func(t *testing.T, r *rig) {
		data := fixture(t, "valid/utilmd-55001.edi")
		id := r.receive("1", data)
		partly := r.receive("", replaced(t, fixture(t, "valid/utilmd-55003-drei-vorgaenge.edi"), "A05:E_0622", "A99:E_0622"))
		refused := r.receive("", fixture(t, "invalid/decimal-comma.edi"))
		r.receive("", fixture(t, "valid/aperak-312.edi")) // no rule fits, which is fine
		r.run(time.Minute)
		r.receive("1", data)
		r.run(time.Minute)
		r.wantQuiet(0)
		grid, archive := filesIn(t, dir, "grid"), filesIn(t, dir, "archive")
		if len(grid) != 1 || len(archive) != 2 || len(filesIn(t, dir, "crm")) != 0 {
			t.Fatalf("grid %v, archive %v, crm %v", grid, archive, filesIn(t, dir, "crm"))
		}
		if got, err := os.ReadFile(filepath.Join(dir, "grid", grid[0])); err != nil || !bytes.Equal(got, data) {
			t.Errorf("other bytes were delivered: %v", err)
		}
		n := notice(t, dir, "grid", grid[0])
		if n.ID != id || n.Sender != "9999100000013" || n.Type != "UTILMD" || !slices.Equal(n.Pruefidentifikatoren, []string{"55001"}) ||
			n.Links.Interchange != "/v1/interchanges/1" || len(n.Transactions) != 1 || !n.Transactions[0].Deliver || n.Transactions[0].Object != "malo/90000000019" {
			t.Errorf("notice %+v", n)
		}
		n = notice(t, dir, "archive", archive[1])
		var deliver []bool
		for _, x := range n.Transactions {
			deliver = append(deliver, x.Deliver)
		}
		if n.ID != partly || !slices.Equal(deliver, []bool{true, false, true}) {
			t.Errorf("notice of a file that was rejected partly: %+v", n)
		}
		if x := r.rows(refused).x; x.Verdict == accepted {
			t.Errorf("verdict %s", x.Verdict)
		}
	}, change)
}

// TestRouteMissing: what no rule fits waits for a person and is decided once more when he wants it.
func TestRouteMissing(t *testing.T) {
	t.Parallel()
	dir, change := to(t, []route.Rule{{PID: []string{"44001"}, To: []string{"grid"}}}, "grid")
	inBubble(t, func(t *testing.T, r *rig) {
		r.receive("", fixture(t, "valid/utilmd-55001.edi"))
		r.run(time.Minute)
		item := r.wantQuiet(1)[0]
		if item.Kind != "route" || !strings.Contains(item.Reason, "no rule in routes fits message 1, transaction 1 (UTILMD 55001)") {
			t.Errorf("parked %+v", item)
		}
		if err := r.Decide(t.Context(), Requeue, item.ID, "Eva", "again"); err != nil {
			t.Fatal(err)
		}
		r.run(time.Minute)
		if again := r.wantQuiet(1)[0]; again.ID != item.ID || !strings.Contains(again.Reason, "no rule in routes") {
			t.Errorf("parked %+v", again)
		}
		r.config.Routes = append(r.config.Routes, route.Rule{To: []string{"grid"}})
		if err := r.Decide(t.Context(), Requeue, item.ID, "Eva", "rule added"); err != nil {
			t.Fatal(err)
		}
		r.run(time.Minute)
		r.wantQuiet(0)
		if n := len(filesIn(t, dir, "grid")); n != 1 {
			t.Errorf("%d files", n)
		}
	}, change)
}

// TestNoRoutes: without rules nothing waits.
func TestNoRoutes(t *testing.T) {
	t.Parallel()
	_, change := to(t, nil, "grid")
	inBubble(t, func(t *testing.T, r *rig) {
		r.receive("", fixture(t, "valid/utilmd-55001.edi"))
		r.run(time.Minute)
		r.wantQuiet(0)
	}, change)
}

// TestDeliverTwice: a process that dies after the delivery and before the note of it leaves one file.
func TestDeliverTwice(t *testing.T) {
	t.Parallel()
	dir, change := to(t, []route.Rule{{To: []string{"grid"}}}, "grid")
	inBubble(t, func(t *testing.T, r *rig) {
		id := r.receive("", fixture(t, "valid/utilmd-55001.edi"))
		item := store.Work{Kind: kindDeliver, Target: "grid", InterchangeID: id}
		if _, err := r.deliver(t.Context(), item); err == nil || isTemporary(err) { // not checked yet
			t.Errorf("error %v", err)
		}
		r.run(time.Minute)
		for range 2 {
			if _, err := r.deliver(t.Context(), item); err != nil {
				t.Error(err)
			}
		}
		if files := filesIn(t, dir, "grid"); len(files) != 1 {
			t.Errorf("files %v", files)
		}
		item.Target = "gone"
		if _, err := r.deliver(t.Context(), item); err == nil || isTemporary(err) || !strings.Contains(err.Error(), "gone") {
			t.Errorf("error %v", err)
		}
	}, change)
}

func isTemporary(err error) bool {
	for {
		if t, ok := err.(interface{ Temporary() bool }); ok {
			return t.Temporary()
		}
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return true
		}
		err = u.Unwrap()
	}
}

// TestDeliverLater: a destination that is not there at the moment gets the file when it is.
func TestDeliverLater(t *testing.T) {
	t.Parallel()
	dir, change := to(t, []route.Rule{{To: []string{"grid", "archive"}}}, "grid", "archive")
	inBubble(t, func(t *testing.T, r *rig) {
		if err := os.Rename(filepath.Join(dir, "grid"), filepath.Join(dir, "away")); err != nil {
			t.Fatal(err)
		}
		r.receive("", fixture(t, "valid/utilmd-55001.edi"))
		r.run(time.Minute)
		if n := len(filesIn(t, dir, "archive")); n != 1 {
			t.Errorf("%d files: the one waits for the other", n)
		}
		if err := os.Rename(filepath.Join(dir, "away"), filepath.Join(dir, "grid")); err != nil {
			t.Fatal(err)
		}
		r.run(10 * time.Minute)
		r.wantQuiet(0)
		if n := len(filesIn(t, dir, "grid")); n != 1 {
			t.Errorf("%d files", n)
		}
	}, change)
}
