package ack_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ack"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/sample"
)

// counter numbers answers.
type counter struct{ refs, docs int }

func (c *counter) ControlRef() (string, error) {
	c.refs++
	return fmt.Sprintf("MB%06d", c.refs), nil
}

func (c *counter) DocumentNumber() (string, error) {
	c.docs++
	return fmt.Sprintf("MB-AP-%06d", c.docs), nil
}

// answered is a file with its answers.
type answered struct {
	result   *check.Result
	decision *ack.Decision
	files    []ack.Interchange
}

// answer checks a file and answers it.
func answer(tb testing.TB, file []byte, checks check.Options, opts ack.Options) answered {
	tb.Helper()
	r, err := check.File(bytes.NewReader(file), checks)
	if err != nil {
		tb.Fatal(err)
	}
	o, err := ack.Inspect(bytes.NewReader(file), r, checks)
	if err != nil {
		tb.Fatal(err)
	}
	if opts.Numbers == nil {
		opts.Numbers = &counter{}
	}
	opts.ReceivedAt, opts.SentAt = checks.At, checks.At.Add(5*time.Minute)
	d, err := ack.Decide(o, opts)
	if err != nil {
		tb.Fatal(err)
	}
	files, err := ack.Write(opts, d)
	if err != nil {
		tb.Fatalf("%v\n%s", err, file)
	}
	return answered{r, d, files}
}

// verify checks what must hold for the answers to any file: they pass the own check, they say when read what was
// decided, and they are as many as the rules allow.
func verify(tb testing.TB, file []byte, a answered, fv formats.FormatVersion, sent time.Time) {
	tb.Helper()
	var contrls []ack.Contrl
	var aperaks []ack.Aperak
	for _, x := range a.files {
		r, err := check.File(bytes.NewReader(x.Bytes), check.Options{At: sent, FormatVersion: fv})
		if err != nil {
			tb.Fatal(err)
		}
		if list := allFindings(r); r.Verdict != check.Accepted || len(list) > 0 {
			tb.Errorf("our %s has findings: %s %v\n%s\nabout %s", x.Type, r.Verdict, list, x.Bytes, file)
		}
		got, err := ack.Read(bytes.NewReader(x.Bytes), edifact.Options{})
		if err != nil {
			tb.Fatalf("%v\n%s", err, x.Bytes)
		}
		if diff := cmp.Diff(x.Envelope, got.Envelope); diff != "" {
			tb.Errorf("envelope: %s", diff)
		}
		contrls, aperaks = append(contrls, got.Contrls...), append(aperaks, got.Aperaks...)
	}
	d := a.decision
	if want := d.Contrl; want == nil && len(contrls) > 0 || want != nil && (len(contrls) != 1 || !cmp.Equal(*want, contrls[0])) {
		tb.Errorf("CONTRL decided %+v, read %+v\nabout %s", want, contrls, file)
	}
	if len(d.Aperaks) != len(aperaks) {
		tb.Fatalf("%d APERAK decided, %d read", len(d.Aperaks), len(aperaks))
	}
	for i, want := range d.Aperaks {
		if fv >= "FV2610" {
			want.Message = "" // does not travel
		}
		if diff := cmp.Diff(want.Aperak, aperaks[i]); diff != "" {
			tb.Errorf("APERAK: %s\nabout %s", diff, file)
		}
	}
	switch a.result.Verdict {
	case check.Unreadable:
		if len(a.files) > 0 {
			tb.Errorf("an unreadable file is answered: %s", file)
		}
	case check.RejectedSyntax:
		if len(d.Aperaks) > 0 || d.Contrl == nil && d.ContrlReason != ack.ToContrl {
			tb.Errorf("syntax error: %d APERAK, CONTRL %v (%s)\nabout %s", len(d.Aperaks), d.Contrl, d.ContrlReason, file)
		}
	}
}

func allFindings(r *check.Result) []formats.Finding {
	list := append([]formats.Finding(nil), r.Findings...)
	for _, m := range r.Messages {
		list = append(list, m.Findings...)
		for _, t := range m.Transactions {
			list = append(list, t.Findings...)
		}
	}
	return list
}

// TestFixturesAnswered answers every fixture.
func TestFixturesAnswered(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for _, name := range fixtures.List() {
		file, err := fixtures.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		a := answer(t, file, check.Options{At: at}, ack.Options{})
		verify(t, file, a, "FV2610", at.Add(5*time.Minute))
	}
}

// allSamples makes TestSamplesAnswered go through every use case instead of a part of them.
var allSamples = flag.Bool("all", false, "answer samples of every use case, as full as they can be")

// sampleShare is how many use cases there are for one that is tested by default.
const sampleShare = 6

// TestSamplesAnswered answers generated messages and mutants of them, in both format versions: all answers pass the own
// check.
func TestSamplesAnswered(t *testing.T) {
	t.Parallel()
	for _, info := range rules.List() {
		if info.FormatVersion == "FV2510" {
			continue
		}
		t.Run(string(info.FormatVersion)+"/"+info.Name, func(t *testing.T) {
			t.Parallel()
			pack, err := rules.Load(info.FormatVersion, info.Name)
			if err != nil {
				t.Fatal(err)
			}
			from := versionStart(info.FormatVersion)
			at := from.AddDate(0, 0, 40)
			kinds, places := map[string]int{}, [2]int{}
			one := func(m sample.Mutation, file []byte) {
				checks := check.Options{At: at, FormatVersion: info.FormatVersion}
				a := answer(t, file, checks, ack.Options{FormatVersion: info.FormatVersion})
				verify(t, file, a, info.FormatVersion, at.Add(5*time.Minute))
				for _, x := range a.files {
					kinds[x.Type]++
				}
				all, right := placesNamed(t, pack, m, a)
				places[0], places[1] = places[0]+all, places[1]+right
			}
			files := 0
			for _, use := range pack.UseCases() {
				if !*allSamples && share(use.Pruefidentifikator) != 0 {
					continue
				}
				variant := sample.Options{Variant: sample.Random, Seed: 7}
				if *allSamples {
					variant.Variant = sample.Full
				}
				var buf bytes.Buffer
				err := sample.Generate(&buf, pack, use.Pruefidentifikator, variant)
				if errors.Is(err, sample.ErrWithdrawn) {
					continue
				}
				if err != nil {
					t.Log(err) // is tested there
					continue
				}
				one(sample.Mutation{}, buf.Bytes())
				files++
				err = sample.Mutants(pack, use.Pruefidentifikator, variant, func(m sample.Mutation, file []byte) error {
					one(m, bytes.Clone(file))
					files++
					return nil
				})
				if err != nil {
					t.Error(err)
				}
				if t.Failed() {
					return
				}
			}
			t.Logf("%d files, answered with %v", files, kinds)
			if float64(places[1]) < 0.99*float64(places[0]) { // some faults look like another one
				t.Errorf("%d of %d places named", places[1], places[0])
			}
		})
	}
}

// placesNamed checks that places of errors are named as the message description prints segments, and counts whether one
// of the places is where the fault was made.
func placesNamed(tb testing.TB, pack *rules.Pack, m sample.Mutation, a answered) (all, right int) {
	tb.Helper()
	at := "" // the number of the segment in the document, behind group and tag
	if part := strings.Fields(m.Place); len(part) > 2 && strings.HasPrefix(part[0], "SG") {
		at = part[2]
	} else if len(part) > 1 {
		at = part[1]
	}
	names, where := map[string]bool{}, ""
	for i := range pack.Nodes {
		if n := &pack.Nodes[i]; !n.IsGroup {
			names[n.Name] = true
			if n.Nr == at {
				where = n.Name
			}
		}
	}
	var named []string
	for _, x := range a.decision.Aperaks {
		for _, e := range x.Errors {
			if e.Place.Name != "" && !names[e.Place.Name] {
				tb.Errorf("%s: %q is no segment of %s %s", e.Help, e.Place.Name, pack.Name, pack.Version)
			}
			if e.Place.Name != "" {
				named = append(named, e.Place.Name)
			}
		}
	}
	if len(named) == 0 || m.Fault != sample.Dropped && m.Fault != sample.Conditional && m.Fault != sample.ForeignCode {
		return 0, 0
	}
	if !slices.Contains(named, where) {
		tb.Logf("%s at %s (%s): the places are %q", m.Fault, m.Place, where, named)
		return 1, 0
	}
	return 1, 1
}

// share puts use cases into parts, always the same ones.
func share(pid string) uint32 {
	if strings.HasPrefix(pid, "APERAK") || strings.HasPrefix(pid, "CONTRL") {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(pid))
	return h.Sum32() % sampleShare
}

func versionStart(fv formats.FormatVersion) time.Time {
	for _, v := range formats.Versions() {
		if v.Version == fv {
			return v.From
		}
	}
	return time.Time{}
}
