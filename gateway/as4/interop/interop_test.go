package interop

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
)

// TestMain prints what came of the jobs with foreign software, and fails if one of them has not run.
func TestMain(m *testing.M) {
	code := m.Run()
	if enabled() {
		report(os.Stdout)
		if code == 0 && !complete() {
			code = 1
		}
		if p, err := thePKI(); err == nil && code == 0 {
			_ = os.RemoveAll(p.dir)
		} else if err == nil {
			fmt.Println("\nkeys, certificates and the log of phase4 are kept in", p.dir)
		}
	}
	os.Exit(code)
}

// enabled reports whether foreign software is to be started.
func enabled() bool { return os.Getenv("MARKTBOTE_INTEROP") == "1" }

// built returns a file that "make interop" has made, and skips the test where foreign software is not asked for.
func built(t *testing.T, path ...string) string {
	t.Helper()
	if !enabled() {
		t.Skip("foreign software is started by \"make interop\" only")
	}
	file, err := filepath.Abs(filepath.Join(append([]string{"../../../.bin/interop"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Fatalf("%v: run \"make interop\"", err)
	}
	return file
}

// A table is the outcome of the jobs with one kind of software, by row and column.
type table struct {
	title   string
	columns []string
	rows    []string
	mu      sync.Mutex
	cells   map[[2]string]string
}

// What is proved. Every cell must be filled by a test, with what came of it or with the reason why there is nothing.
var (
	withPhase4 = table{
		title:   "phase4, both directions: what the receiver answers",
		columns: []string{"we -> phase4", "phase4 -> us"},
		rows: []string{
			"market message", "test service", "path switch request", "path switch confirm", "duplicate", "50 MB file",
			"wrong OU", "revoked certificate", "expired certificate", "not of class MAK", "foreign root",
			"payload not signed", "nothing signed", "not encrypted", "Body not empty", "Body not signed",
			"X509v3 token", "recipient by key identifier", "recipient by serial number", "KDF of WSS4J",
			"100 messages, no finding", "PKI after the change of the root", "over TLS, nginx and Bouncy Castle",
			"TLS certificate of another partner",
		},
	}
	withTools = table{
		title:   "other readers and writers",
		columns: []string{"Santuario + Bouncy Castle", "lxml + cryptography"},
		rows:    []string{"reads our message", "reads our message without payload", "reads our receipt", "refuses our message altered", "we read its message", "we read its receipt"},
	}
	versions []string // one program a line
)

// version keeps what a program says about itself, lines of "name version".
func version(program, lines string) {
	versions = append(versions, program+": "+strings.Join(strings.Split(strings.TrimSpace(lines), "\n"), ", "))
}

// cell runs a test and keeps the outcome that it returns.
func (tab *table) cell(t *testing.T, row, column string, f func(t *testing.T) string) {
	t.Helper()
	if !slices.Contains(tab.rows, row) || !slices.Contains(tab.columns, column) {
		t.Fatalf("the table has no %s in %s", row, column)
	}
	t.Run(row+"/"+column, func(t *testing.T) {
		outcome := "FAILED"
		defer func() { tab.set(row, column, outcome) }()
		if text := f(t); !t.Failed() {
			outcome = text
		}
	})
}

func (tab *table) set(row, column, text string) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	if tab.cells == nil {
		tab.cells = map[[2]string]string{}
	}
	tab.cells[[2]string{row, column}] = text
}

// none says why a cell has nothing to prove.
func (tab *table) none(row, column, reason string) { tab.set(row, column, "- "+reason) }

func complete() bool {
	for _, tab := range []*table{&withPhase4, &withTools} {
		if len(tab.cells) != len(tab.rows)*len(tab.columns) {
			return false
		}
	}
	return true
}

func report(w io.Writer) {
	fmt.Fprintln(w, "\nversions:")
	for _, v := range versions {
		fmt.Fprintln(w, "  "+v)
	}
	for _, tab := range []*table{&withPhase4, &withTools} {
		fmt.Fprintf(w, "\n%s:\n", tab.title)
		tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
		fmt.Fprintf(tw, "  \t%s\n", strings.Join(tab.columns, "\t"))
		for _, row := range tab.rows {
			line := []string{row}
			for _, column := range tab.columns {
				text := tab.cells[[2]string{row, column}]
				if text == "" {
					text = "NOT RUN"
				}
				line = append(line, text)
			}
			fmt.Fprintf(tw, "  %s\n", strings.Join(line, "\t"))
		}
		_ = tw.Flush()
	}
}
