package feed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/config"
)

// filesTo is a subscription that writes to a folder.
func filesTo(name, dir string) config.Subscription {
	return config.Subscription{Name: name, Start: config.StartBeginning, MaxAttempts: 4, Files: &config.EventFiles{Directory: dir, MaxBytes: 1 << 30}}
}

// linesOf returns the ids in the files of a folder in their order.
func linesOf(t testing.TB, dir string) (ids []string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			if !bytes.HasSuffix(line, []byte("\n")) {
				continue // being written
			}
			var e struct{ ID string }
			if err := json.Unmarshal(line, &e); err != nil || e.ID == "" {
				t.Fatalf("%s: %q: %v", name, line, err)
			}
			ids = append(ids, e.ID)
		}
	}
	return ids
}

func TestFilesDelivery(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	dir := t.TempDir()
	publish(t, st, series("a", 1200, 17)...)
	_, stop := start(t, st, filesTo("archive", dir))
	settled(t, st, "archive")
	stop()
	inOrder(t, linesOf(t, dir), 1200, 17)
	if got := linesOf(t, dir); len(got) != 1200 {
		t.Errorf("%d lines", len(got))
	}
}

// TestFilesHalfLine: what a crash left of a line goes before the next one is written.
func TestFilesHalfLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	day := time.Date(2026, 11, 24, 23, 59, 59, 0, time.UTC)
	f, err := openFiles("x", config.EventFiles{Directory: dir, MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	f.now = func() time.Time { return day }
	path := filepath.Join(dir, "x-2026-11-24.ndjson")
	for _, before := range []string{"", "half", "{}\n", "{}\n{}\n{\"half", "{}\n" + strings.Repeat("x", 200<<10)} {
		if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := f.Deliver(t.Context(), []Message{{JSON: []byte(`{"id":1}`)}, {JSON: []byte("{\n}")}}); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		f.Close()
		got, err := os.ReadFile(path)
		if want := before[:strings.LastIndexByte(before, '\n')+1] + "{\"id\":1}\n{ }\n"; string(got) != want || err != nil {
			t.Errorf("after %.20q: %.80q, %v", before, got, err)
		}
	}
	day = day.Add(time.Second)
	if _, err := f.Deliver(t.Context(), []Message{{JSON: []byte(`{"id":2}`)}}); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if got, err := os.ReadFile(filepath.Join(dir, "x-2026-11-25.ndjson")); string(got) != "{\"id\":2}\n" {
		t.Errorf("next day: %q, %v", got, err)
	}
}

func TestFilesRotation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := config.EventFiles{Directory: dir, MaxBytes: 100}
	now := time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC)
	for i := range 10 { // each time by another process
		f, err := openFiles("x", c)
		if err != nil {
			t.Fatal(err)
		}
		f.now = func() time.Time { return now }
		if _, err := f.Deliver(t.Context(), []Message{{JSON: fmt.Appendf(nil, `{"id":"%d","fill":"%s"}`, i, strings.Repeat("x", 40))}}); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 5 || names[0].Name() != "x-2026-11-24.1.ndjson" || names[4].Name() != "x-2026-11-24.ndjson" {
		t.Errorf("%v, %v", names, err)
	}
	if got := linesOf(t, dir); len(got) != 10 {
		t.Errorf("%v", got)
	}
	if _, err := openFiles("x", config.EventFiles{Directory: filepath.Join(dir, "missing")}); err == nil {
		t.Error("a folder that is not there")
	}
}
