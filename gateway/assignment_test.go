package gateway

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/formats/process"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/sample"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
)

// sampleNames are the partners of a sample, and what it is about.
type sampleNames struct{ nb, lf, object, reference string }

func namesIn(t *testing.T, file []byte) sampleNames {
	t.Helper()
	find := func(pattern string) string {
		found := regexp.MustCompile(pattern).FindSubmatch(file)
		if found == nil {
			t.Fatalf("no %s in %s", pattern, file)
		}
		return string(found[1])
	}
	return sampleNames{
		nb: find(`NAD\+MS\+(\d+)`), lf: find(`NAD\+MR\+(\d+)`),
		object: "malo/" + find(`LOC\+(?:Z16|172)\+(\d+)`), reference: find(`RFF\+TN:(\w+)`),
	}
}

// assignmentCase is what is known when the message comes.
type assignmentCase struct {
	name     string
	table    string // lines of the operator
	sent     bool   // the transaction that is answered
	known    bool   // the object, with the receiver assigned
	assigned bool   // the sender
	complete bool   // the list of objects
	since    string // complete_since
}

// assignmentCases of a Pruefidentifikator in a version, of which the column is filled only in the operator's table.
func assignmentCases(version formats.FormatVersion, pid string) []assignmentCase {
	all := fmt.Sprintf("source Anwendungsübersicht (high)\n%s %s transaction object sender receiver\n", version, pid)
	return []assignmentCase{
		{"everything known", all, true, true, true, true, "2025-01-01"},
		{"object unknown, list complete", all, true, false, false, true, "2025-01-01"},
		{"object unknown, list not complete", all, true, false, false, false, "2025-01-01"},
		{"sender not assigned, list complete", all, true, true, false, true, "2025-01-01"},
		{"sender not assigned, list not complete", all, true, true, false, false, "2025-01-01"},
		{"receiver not assigned, list complete", all, true, false, true, true, "2025-01-01"},
		{"nothing known, everything complete", all, false, false, false, true, "2025-01-01"},
		{"predecessor unknown, complete for too short a time", all, false, true, true, true, "2026-01-01"},
		{"predecessor unknown, nothing complete", all, false, true, true, true, ""},
		{"predecessor unknown, table in the binary", "", false, true, true, true, "2025-01-01"},
		{"object unknown, table in the binary", "", true, false, false, true, "2025-01-01"},
	}
}

// TestAssignmentCheck: what is answered to a confirmation, by what is known here. In Strom nobody is told that he, as the
// sender of an Anmeldung's answer, is not assigned.
func TestAssignmentCheck(t *testing.T) {
	t.Parallel()
	for _, version := range []formats.FormatVersion{"FV2604", "FV2610"} {
		for _, sparte := range []formats.Sparte{formats.Strom, formats.Gas} {
			pid := "55002"
			if sparte == formats.Gas {
				pid = "44005"
			}
			t.Run(fmt.Sprintf("%s %s", sparte, version), func(t *testing.T) {
				t.Parallel()
				var out strings.Builder
				for _, c := range assignmentCases(version, pid) {
					file, at := sampleFile(t, version, pid)
					fmt.Fprintf(&out, "== %s\n%s", c.name, answersTo(t, c, file, at))
				}
				golden := filepath.Join("testdata", "assignment", fmt.Sprintf("%s_%s.txt", version, sparte))
				if *update {
					if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), out.String()); diff != "" {
					t.Errorf("answers (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// sampleFile returns a valid message and when it was sent.
func sampleFile(t *testing.T, version formats.FormatVersion, pid string) ([]byte, time.Time) {
	t.Helper()
	name := "UTILMD_Strom"
	if pid[0] == '4' {
		name = "UTILMD_Gas"
	}
	pack, err := rules.Load(version, name)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 5, 3, 8, 12, 0, 0, time.UTC)
	if version == "FV2610" {
		at = time.Date(2026, 11, 2, 8, 12, 0, 0, time.UTC)
	}
	var b bytes.Buffer
	if err := sample.Generate(&b, pack, pid, sample.Options{Variant: sample.Minimal, At: at}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), at
}

// answersTo returns the answers that the NB gets, a segment on each line, and what became of the transaction.
func answersTo(t *testing.T, c assignmentCase, file []byte, at time.Time) string {
	t.Helper()
	names := namesIn(t, file)
	var out strings.Builder
	p := &partner{}
	inBubble(t, func(t *testing.T, r *rig) {
		r.know(c, names)
		id := r.receive("", file)
		r.run(10 * time.Second)
		for _, sent := range slices.SortedFunc(slices.Values(p.ids), func(a, b string) int { return bytes.Compare(p.got[a], p.got[b]) }) {
			for s := range strings.SplitSeq(string(p.got[sent]), "'") {
				if s = strings.TrimSpace(s); s != "" {
					fmt.Fprintln(&out, s)
				}
			}
		}
		got := r.rows(id)
		fmt.Fprintf(&out, "-- %s, transaction %s, findings %v, %d events\n", got.x.Verdict, got.transactions[0].Verdict, got.codes(), len(got.events))
	}, func(o *Options) {
		o.Channel = p
		begun := time.Now()
		o.Now = func() time.Time { return at.Add(3 * time.Minute).Add(time.Since(begun)) }
		o.Config.Own = []config.Party{{MPID: ident.MarktpartnerID(names.lf), Rolle: "LF", CompleteSince: c.since}}
		var err error
		if o.Assignments, err = process.ParseAssignments(c.table); err != nil {
			t.Fatal(err)
		}
	})
	return out.String()
}

// know puts into the store what the case says.
func (r *rig) know(c assignmentCase, n sampleNames) {
	r.t.Helper()
	from := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	err := r.st.Update(context.Background(), func(tx store.Tx) error {
		if c.sent {
			id, err := tx.InsertInterchange(store.Interchange{Direction: store.Out, Sender: n.lf, State: store.StatePublished, Verdict: accepted})
			if err != nil {
				return err
			}
			if err := tx.InsertMessage(store.Message{InterchangeID: id, Index: 1}); err != nil {
				return err
			}
			if err := tx.InsertTransaction(store.Transaction{InterchangeID: id, MessageIndex: 1, Index: 1, Number: n.reference}); err != nil {
				return err
			}
		}
		if c.known {
			if err := tx.SetAssignment(store.Assignment{MPID: n.lf, Object: n.object, Partner: n.lf, From: from}); err != nil {
				return err
			}
		}
		if c.assigned {
			if err := tx.SetAssignment(store.Assignment{MPID: n.lf, Object: n.object, Partner: n.nb, From: from}); err != nil {
				return err
			}
		}
		if c.complete {
			return tx.SetCompleteness(store.Completeness{MPID: n.lf, Kind: "malo", From: from, TrustedUntil: r.now().Add(time.Hour)})
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// learning is a Lookup that knows nothing when it is asked for the first time, and everything afterwards.
type learning struct{ asked int }

func (l *learning) Look(_ context.Context, questions []Question) ([]Known, error) {
	l.asked++
	answers := make([]Known, len(questions))
	for i := range answers {
		if answers[i] = No; l.asked > 1 {
			answers[i] = Yes
		}
	}
	return answers, nil
}

// TestAssignmentLookedUpAgain: a transaction is not rejected for what an interchange in front of it has told meanwhile.
func TestAssignmentLookedUpAgain(t *testing.T) {
	t.Parallel()
	file, at := sampleFile(t, "FV2610", "55002")
	names, lookup := namesIn(t, file), &learning{}
	inBubble(t, func(t *testing.T, r *rig) {
		id := r.receive("", file)
		r.run(10 * time.Second)
		if got := r.rows(id); got.transactions[0].Verdict != accepted || lookup.asked != 2 {
			t.Errorf("transaction %s, %v, asked %d times", got.transactions[0].Verdict, got.codes(), lookup.asked)
		}
	}, func(o *Options) {
		o.Channel, o.Lookup = &partner{}, lookup
		begun := time.Now()
		o.Now = func() time.Time { return at.Add(3 * time.Minute).Add(time.Since(begun)) }
		o.Config.Own = []config.Party{{MPID: ident.MarktpartnerID(names.lf), Rolle: "LF"}}
		var err error
		if o.Assignments, err = process.ParseAssignments(assignmentCases("FV2610", "55002")[0].table); err != nil {
			t.Fatal(err)
		}
	})
}
