package gateway

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRepeated: what comes again is answered as the rules say, and what was not accepted before can come again.
func TestRepeated(t *testing.T) {
	t.Parallel()
	const file = "valid/utilmd-55001.edi"
	again := []string{"LB261102000101", "LB261102000102"} // in another interchange
	notMidnight := []string{"DTM+92:202611042300", "DTM+92:202611042200"}
	noSyntax := []string{"UNT+30", "UNT+29"}
	tests := []struct {
		name          string
		first, second []string // replacements in the file
		want          []string // verdict of each and the answers to it
		events        int
		parked        string
	}{
		{"the same file", nil, nil, []string{"accepted: 312", "rejected-syntax: CONTRL 4 26 UNB 6"}, 1, ""},
		{"the same reference after CONTRL", noSyntax, nil, []string{"rejected-syntax: CONTRL 4  ", "rejected-syntax: CONTRL 4 26 UNB 6"}, 0, ""},
		{"another reference after CONTRL", noSyntax, again, []string{"rejected-syntax: CONTRL 4  ", "accepted: 312"}, 1, ""},
		{"the same reference after APERAK", notMidnight, nil, []string{"rejected-processing: 313 Z35", "rejected-syntax: CONTRL 4 26 UNB 6"}, 0, ""},
		{"another reference after APERAK", notMidnight, again, []string{"rejected-processing: 313 Z35", "accepted: 312"}, 1, ""},
		{"the same transaction in another file", nil, again, []string{"accepted: 312", "accepted: 312"}, 1, ""},
		{"the same number with other content", nil, append([]string{"90000000019", "90000000027"}, again...), []string{"accepted: 312", "accepted: 312"}, 1,
			"a transaction (segment 6) has the number of one in interchange 1 and other content; it gave no event"},
		{"a test before", []string{"'UNH", "++++++1'UNH"}, again, []string{"accepted: 312", "accepted: 312"}, 2, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := &partner{}
			inBubble(t, func(t *testing.T, r *rig) {
				var got []string
				for _, change := range [][]string{tt.first, tt.second} {
					p.got, p.ids = nil, nil
					id := r.receive("", replaced(t, fixture(t, file), change...))
					r.run(time.Minute)
					got = append(got, r.rows(id).x.Verdict+": "+strings.Join(p.short(t), ", "))
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("answers (-want +got):\n%s", diff)
				}
				if ids := r.eventIDs(); len(ids) != tt.events {
					t.Errorf("%d events, want %d", len(ids), tt.events)
				}
				parked := r.wantQuietBut()
				if tt.parked == "" && len(parked) > 0 || tt.parked != "" && (len(parked) != 1 || !strings.HasSuffix(parked[0].Reason, tt.parked)) {
					t.Errorf("parked: %+v", parked)
				}
			}, func(o *Options) { o.Channel = p })
		})
	}
}

// short describes the answers.
func (p *partner) short(t *testing.T) (list []string) {
	t.Helper()
	for _, a := range p.answers(t) {
		for _, c := range a.Contrls {
			s := "CONTRL " + string(c.Action)
			if c.Fault != nil {
				s += fmt.Sprintf(" %s %s %d", c.Fault.Code, c.Fault.Segment, c.Fault.Place.Element)
			} else if c.Action == "4" {
				s += "  "
			}
			list = append(list, s)
		}
		for _, x := range a.Aperaks {
			s := string(x.Code)
			for _, e := range x.Errors {
				s += " " + e.Code
			}
			list = append(list, s)
		}
	}
	slices.Sort(list)
	return list
}

func TestSameContent(t *testing.T) {
	t.Parallel()
	const first = `{"id":"1","time":"2026-10-01T00:00:00Z","type":"a","data":{"message":{"interchange":"A","document":"D","transaction":"V1"},"maloId":"51238696781","n":1.50,"personal":{"more":[{"segment":8,"tag":"CTA"}]},"more":[{"segment":7,"tag":"XYZ"}]}}`
	for _, tt := range []struct {
		from, to string
		want     bool
	}{
		{`"interchange":"A"`, `"interchange":"B"`, true},
		{`"time":"2026-10-01T00:00:00Z"`, `"time":"2026-10-02T00:00:00Z"`, true},
		{`"maloId":"51238696781"`, `"maloId":"41373559241"`, false},
		{`1.50`, `1.5`, false}, // the sender's digits
		{`"segment":7`, `"segment":9`, true},
		{`"segment":8`, `"segment":9`, true},
		{`"tag":"XYZ"`, `"tag":"XYY"`, false},
		{`"type":"a"`, `"type":"b"`, false},
		{`"transaction":"V1"`, `"transaction":"V2"`, false},
	} {
		if same, err := sameContent([]byte(first), bytes.ReplaceAll([]byte(first), []byte(tt.from), []byte(tt.to))); err != nil || same != tt.want {
			t.Errorf("%s: %v, %v", tt.to, same, err)
		}
	}
	if _, err := sameContent([]byte(first), []byte("{")); err == nil {
		t.Error("no error")
	}
}
