package proxy

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrite: nobody else may read what is written, and InSync sees whatever is changed afterwards.
func TestWrite(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	c := settingsFor(t, p, p.identity(lf, lfHost))
	if wrong, err := c.InSync(); err != nil || len(wrong) != 4 {
		t.Errorf("before: %v, %v", wrong, err)
	}
	for i, want := range []bool{true, false} {
		if changed, err := c.Write(t.Context(), nginxProgram(t)); changed != want || err != nil {
			t.Fatalf("%d: %v, %v", i, changed, err)
		}
		if wrong, err := c.InSync(); err != nil || len(wrong) > 0 {
			t.Errorf("after: %v, %v", wrong, err)
		}
	}
	err := filepath.WalkDir(c.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 && filepath.Ext(path) != ".log" && filepath.Ext(path) != ".pid" {
			t.Errorf("%s: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	certificate, key, err := KeyFiles(c.Dir, lf)
	if err != nil || !strings.HasSuffix(certificate, ".crt") {
		t.Fatalf("%s, %v", certificate, err)
	}
	if _, _, err := KeyFiles(c.Dir, nb); err == nil {
		t.Error("a key of somebody else")
	}
	for want, spoil := range map[string]func() error{
		key + " is open to other users":               func() error { return os.Chmod(key, 0o644) }, //nolint:gosec // that is what is tested
		certificate + " is not what":                  func() error { return os.WriteFile(certificate, nil, 0o600) },
		ConfFile(c.Dir) + " is missing":               func() error { return os.Remove(ConfFile(c.Dir)) },
		"proxy: " + c.Dir + " is open to other users": func() error { return os.Chmod(c.Dir, 0o755) }, //nolint:gosec // likewise
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		wrong, err := c.InSync()
		_, refused := c.Write(t.Context(), nginxProgram(t))
		if all := strings.Join(wrong, "\n") + fmt.Sprint(refused); err != nil || !strings.Contains(all, want) {
			t.Errorf("%s: %s, %v", want, all, err)
		}
		if err := os.Chmod(c.Dir, 0o700); err != nil { //nolint:gosec // a directory
			t.Fatal(err)
		}
		if _, err := c.Write(t.Context(), nginxProgram(t)); err != nil {
			t.Fatal(err)
		}
	}
}
