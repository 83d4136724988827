package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
)

func TestKeptUntil(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	cfg.RetentionYears = map[string]int{"meter": 5}
	for _, c := range []struct{ class, period, want string }{
		{"billing", "2026-01", "2037-01-01T00:00:00+01:00"},
		{"billing", "2026-12", "2037-01-01T00:00:00+01:00"},
		{"meter", "2026-11", "2032-01-01T00:00:00+01:00"},
		{"never heard of", "2026-11", "2037-01-01T00:00:00+01:00"},
		{string(store.ClassUnsorted), "2026-11", "2037-01-01T00:00:00+01:00"},
	} {
		end, err := keptUntil(cfg, store.DataKey{Class: store.Class(c.class), Period: c.period})
		if got := end.Format(time.RFC3339); err != nil || got != c.want {
			t.Errorf("%s of %s: %s, %v, want %s", c.class, c.period, got, err, c.want)
		}
	}
}

// TestRetention runs the command in the far future: a dry run changes nothing, a hold holds.
func TestRetention(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	for _, content := range []string{"fill", "fill"} {
		if err := storetoolRun(t.Context(), []string{content, path}); err != nil {
			t.Fatal(err)
		}
	}
	future := time.Now().AddDate(12, 0, 0)
	retention := func(now time.Time, dryRun bool) string {
		t.Helper()
		var out bytes.Buffer
		c := retentionRunCmd{storeFlag: storeFlag{Store: path}, DryRun: dryRun}
		if err := c.run(env{t.Context(), nil, &out, &out}, now); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	run := func(args ...string) {
		t.Helper()
		var out bytes.Buffer
		if code := run(env{t.Context(), nil, &out, &out}, append([]string{"retention"}, append(args, "--store", path)...)); code != exitOK {
			t.Fatalf("%v: %d %s", args, code, out.String())
		}
	}
	want := func(out, state string) {
		t.Helper()
		if !strings.HasSuffix(strings.TrimSpace(out), "  "+state) {
			t.Errorf("want %s:\n%s", state, out)
		}
	}
	want(retention(time.Now(), false), stateKept)
	run("hold", "--interchange", "1", "--reason", "Klage")
	run("holds")
	want(retention(future, false), stateHeld)
	run("release", "1", "--reason", "Vergleich")
	want(retention(future, true), stateDue)
	want(retention(future, true), stateDue)
	want(retention(future, false), stateDestroyed)
	var out bytes.Buffer
	if code := runAudit(t, path, &out); code != exitOK {
		t.Errorf("audit verify: %s", out.String())
	}
}

func runAudit(t *testing.T, path string, out *bytes.Buffer) int {
	return run(env{t.Context(), nil, out, out}, []string{"audit", "verify", "--store", path})
}
