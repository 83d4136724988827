package objects

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlite"
)

const head = "MP-ID;Objekt;Marktpartner;Rolle;Von;Bis\n"

func open(tb testing.TB) store.Store {
	tb.Helper()
	st, err := sqlite.Open(context.Background(), filepath.Join(tb.TempDir(), "store.db"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := st.Close(); err != nil {
			tb.Error(err)
		}
	})
	return st
}

func imported(t *testing.T, st store.Store, list string, opts Options) *Result {
	t.Helper()
	result, err := Import(t.Context(), st, strings.NewReader(list), opts)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func listed(t *testing.T, st store.Store) string {
	t.Helper()
	var b bytes.Buffer
	if err := List(t.Context(), st, &b, []string{"9999100000013", "9800001021901"}, ""); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestImport(t *testing.T) {
	t.Parallel()
	st := open(t)
	trusted := time.Date(2026, 10, 2, 0, 0, 0, 0, time.UTC)
	first := head +
		"9999100000013;51238696781;9999100000013;LF;2026-01-01;31.12.2026\n" +
		"9999100000013;51238696781;9999200000020;NB;;\n" +
		"9999100000013;DE00099999999MUSTERBACH0000000001;;;;\n" +
		"9800001021901;51238696781;9800001021901;LF;2026-07-01;2026-10-24\n" // the clocks change on the 25th
	r := imported(t, st, first, Options{Complete: true, TrustedUntil: trusted})
	if r.Lines != 4 || r.Removed != 0 || len(r.Complete) != 3 {
		t.Errorf("first: %+v", r)
	}
	want := head[:len(head)-1] + ";Quelle\n" +
		"9999100000013;51238696781;9999100000013;LF;2025-12-31T23:00:00Z;2026-12-31T23:00:00Z;import\n" +
		"9999100000013;51238696781;9999200000020;NB;;;import\n" +
		"9999100000013;DE00099999999MUSTERBACH0000000001;;;;;import\n" +
		"9800001021901;51238696781;9800001021901;LF;2026-07-01T04:00:00Z;2026-10-25T05:00:00Z;import\n"
	if diff := cmp.Diff(want, listed(t, st)); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if r := imported(t, st, want, Options{}); r.Lines != 4 || listed(t, st) != want { // what it writes it reads
		t.Errorf("again: %+v\n%s", r, listed(t, st))
	}
	// A message taught something that the next list does not have yet; what the list has no more goes, of its kinds.
	taught := store.Assignment{MPID: "9999100000013", Object: "malo/41373559241", Partner: "9999100000013", Rolle: "LF", Source: "interchange/7"}
	if err := st.Update(t.Context(), func(tx store.Tx) error { return tx.SetAssignment(taught) }); err != nil {
		t.Fatal(err)
	}
	second := head + "9999100000013,51238696781,9999200000020,NB,,\n"
	second = strings.ReplaceAll(second, ";", ",")
	if r := imported(t, st, second, Options{Complete: true, TrustedUntil: trusted, DryRun: true}); r.Lines != 1 || r.Removed != 0 {
		t.Errorf("dry run: %+v", r)
	}
	if r := imported(t, st, second, Options{Complete: true, TrustedUntil: trusted}); r.Lines != 1 || r.Removed != 1 {
		t.Errorf("second: %+v", r)
	}
	want = head[:len(head)-1] + ";Quelle\n" +
		"9999100000013;41373559241;9999100000013;LF;;;interchange/7\n" +
		"9999100000013;51238696781;9999200000020;NB;;;import\n" +
		"9999100000013;DE00099999999MUSTERBACH0000000001;;;;;import\n" +
		"9800001021901;51238696781;9800001021901;LF;2026-07-01T04:00:00Z;2026-10-25T05:00:00Z;import\n"
	if diff := cmp.Diff(want, listed(t, st)); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

// TestImportErrors: every wrong line is named, and a list with one changes nothing.
func TestImportErrors(t *testing.T) {
	t.Parallel()
	const good = "9999100000013;51238696781;9999100000013;LF;2026-01-01;\n"
	tests := []struct {
		name, list string
		want       string
	}{
		{"empty", "", "line 1: the file is empty; the first line names the columns MP-ID;Objekt;Marktpartner;Rolle;Von;Bis"},
		{"no header", good, "line 1: the column MP-ID is missing; the first line names the columns MP-ID;Objekt;Marktpartner;Rolle;Von;Bis"},
		{"fields", head + good + "9999100000013;51238696781\n", "line 3: 2 fields, the first line has 6"},
		{"MP-ID", head + good + "123;51238696781;;;;\n", "line 3: column MP-ID: "},
		{"not own", head + "9999200000020;51238696781;;;;\n", "line 2: column MP-ID: 9999200000020 is none of the own ones in the configuration"},
		{"no object", head + "9999100000013;abc;;;;\n", `line 2: column Objekt: "abc" is no id of a MaLo, Tranche, MeLo, NeLo, SR or TR`},
		{"check digit", head + "9999100000013;51238696782;;;;\n", "line 2: column Objekt: "},
		{"partner", head + "9999100000013;51238696781;12;;;\n", "line 2: column Marktpartner: "},
		{"role", head + "9999100000013;51238696781;;Lieferant;;\n", `line 2: column Rolle: "Lieferant" is no role such as LF, NB, MSB`},
		{"day", head + "9999100000013;51238696781;;;2026-02-30;\n", `line 2: column Von: "2026-02-30" is neither a day`},
		{"order", head + "9999100000013;51238696781;;;2026-02-02;2026-02-01\n", "line 2: column Bis: before Von"},
		{"twice", head + good + "9999100000013;41373559241;;;;\n" + good, "line 4: MP-ID, Objekt, Marktpartner and Von are those of line 2"},
		{"two wrong lines", head + "1;;;;;\n" + good + "2;;;;;\n", "\nline 4: column MP-ID: "},
		{"many wrong lines", head + strings.Repeat("1;;;;;\n", 50), "\nfurther lines were not read"},
		{"quote", head + "\"9999100000013;51238696781;;;;\n", "line 2: "},
		{"not UTF-8", head + "9999100000013;51238696781;;\xff;;\n", "line 2: column Rolle: not UTF-8"},
		{"long line", head + "\"" + strings.Repeat("a\n", 10) + strings.Repeat("a", 2*maxLine), "a line is longer than 4096 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			st := open(t)
			_, err := Import(t.Context(), st, strings.NewReader(tt.list), Options{
				Complete: true, TrustedUntil: time.Now(), IsOwn: func(id string) bool { return id == "9999100000013" },
			})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
			if got := strings.Count(listed(t, st), "\n"); got != 1 {
				t.Errorf("%d lines were imported", got-1)
			}
		})
	}
}

// changing is a file that somebody writes while it is read.
type changing struct {
	*strings.Reader
	second string
}

func (c *changing) Seek(int64, int) (int64, error) {
	c.Reader = strings.NewReader(c.second)
	return 0, nil
}

func TestImportOfAChangingFile(t *testing.T) {
	t.Parallel()
	st := open(t)
	line := "9999100000013;51238696781;9999100000013;LF;2026-01-01;\n"
	list := &changing{strings.NewReader(head + line), head + line + "9999100000013;41373559241;;;;\n"}
	result, err := Import(t.Context(), st, list, Options{Complete: true, TrustedUntil: time.Now()})
	if err == nil || !strings.HasPrefix(err.Error(), "the file was changed") || result.Complete != nil {
		t.Errorf("%+v, %v", result, err)
	}
}

// FuzzImport: no list panics or makes more assignments than it has lines.
func FuzzImport(f *testing.F) {
	f.Add(head + "9999100000013;51238696781;9999100000013;LF;2026-01-01;31.12.2026\n")
	f.Add("\ufeffBis,Von,Rolle,Marktpartner,Objekt,MP-ID,x\r\n,,,,51238696781,9999100000013,\"a\"\"b\"\r\n")
	f.Add(head + "\"9999100000013\n")
	st := open(f)
	f.Fuzz(func(t *testing.T, list string) {
		result, err := Import(t.Context(), st, strings.NewReader(list), Options{DryRun: true})
		if err == nil && result.Lines > strings.Count(list, "\n") {
			t.Errorf("%d assignments in %q", result.Lines, list)
		}
	})
}
