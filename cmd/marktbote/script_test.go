package main

import (
	"context"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/store/storetest/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(stopping{m}, map[string]func(){
		"marktbote": func() {
			os.Exit(run(env{context.Background(), os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
		},
		"storetool": storetool,
		"pkitool":   pkitool,
	})
}

// stopping ends the PostgreSQL server that tests have started.
type stopping struct{ *testing.M }

func (m stopping) Run() int {
	defer pgtest.Stop()
	return m.M.Run()
}

// TestScripts runs the command line as people type it; the scripts are in testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			for _, dir := range []string{"valid", "invalid"} {
				if err := os.MkdirAll(e.WorkDir+"/"+dir, 0o750); err != nil {
					return err
				}
			}
			for _, name := range fixtures.List() {
				data, err := fixtures.Read(name)
				if err != nil {
					return err
				}
				if err := os.WriteFile(e.WorkDir+"/"+name, data, 0o600); err != nil {
					return err
				}
			}
			return nil
		},
	})
}
