package sample_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/sample"
)

// withdrawn are the use cases that the handbook tables have and the message descriptions do not: no message can have
// them. A use case that is missing from this list, or not withdrawn any more, fails the test.
var withdrawn = map[formats.FormatVersion][]string{
	"FV2510": {"17111", "17112", "17124", "17125", "44110", "44129", "44130", "44132"},
	"FV2604": {"17111", "17112", "17124", "17125", "44110", "44129", "44130", "44132"},
	"FV2610": {"17111", "17112", "17124", "17125"},
}

// randomMessages is how many random messages of a use case are checked; -short takes fewer.
const randomMessages = 20

// TestEveryPruefidentifikator generates minimal, full and random messages of every use case; the checker must find
// nothing wrong with any of them.
func TestEveryPruefidentifikator(t *testing.T) {
	t.Parallel()
	for _, info := range rules.List() {
		t.Run(string(info.FormatVersion)+"/"+info.Name, func(t *testing.T) {
			t.Parallel()
			pack, err := rules.Load(info.FormatVersion, info.Name)
			if err != nil {
				t.Fatal(err)
			}
			for _, use := range pack.UseCases() {
				gone := slices.Contains(withdrawn[info.FormatVersion], use.Pruefidentifikator)
				for _, o := range variants(info.FormatVersion) {
					var buf bytes.Buffer
					err := sample.Generate(&buf, pack, use.Pruefidentifikator, o)
					switch {
					case gone != errors.Is(err, sample.ErrWithdrawn):
						t.Errorf("%s: withdrawn is %v, got %v", use.Pruefidentifikator, gone, err)
					case gone:
					case err != nil:
						t.Errorf("%s %s %d: %v", use.Pruefidentifikator, o.Variant, o.Seed, err)
					default:
						if fault := faultsOf(t, pack, buf.Bytes()); fault != "" {
							t.Errorf("%s %s %d: %s", use.Pruefidentifikator, o.Variant, o.Seed, fault)
						}
					}
				}
			}
		})
	}
}

func variants(fv formats.FormatVersion) []sample.Options {
	list := []sample.Options{{Variant: sample.Minimal}, {Variant: sample.Full}}
	n := uint64(randomMessages)
	if testing.Short() || fv == "FV2510" { // no longer sent
		n = 2
	}
	for seed := range n {
		list = append(list, sample.Options{Variant: sample.Random, Seed: seed})
	}
	return list
}

// faultsOf returns what the checker says against a file, empty if nothing.
func faultsOf(t *testing.T, pack *rules.Pack, file []byte) string {
	t.Helper()
	r, err := check.File(bytes.NewReader(file), check.Options{At: sentAt(pack), FormatVersion: pack.FormatVersion})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, f := range findingsOf(r) {
		fmt.Fprintf(&out, "\n    %s %s %s %v: %s", f.Code, f.Path, f.Rule, f.Conditions, f.Text)
	}
	if r.Verdict != check.Accepted && out.Len() == 0 {
		return string(r.Verdict)
	}
	return out.String()
}

func findingsOf(r *check.Result) []formats.Finding {
	list := slices.Clone(r.Findings)
	for _, m := range r.Messages {
		list = append(list, m.Findings...)
		for _, tx := range m.Transactions {
			list = append(list, tx.Findings...)
		}
	}
	return list
}

// sentAt is the day after the messages that the package dates by itself.
func sentAt(pack *rules.Pack) time.Time {
	for _, v := range formats.Versions() {
		if v.Version == pack.FormatVersion {
			return v.From.AddDate(0, 0, 33)
		}
	}
	return time.Time{}
}

// TestSameOptionsSameBytes is what lets a message be named by its seed.
func TestSameOptionsSameBytes(t *testing.T) {
	t.Parallel()
	pack, err := rules.Load("FV2610", "UTILMD_Strom")
	if err != nil {
		t.Fatal(err)
	}
	write := func(o sample.Options) string {
		var buf bytes.Buffer
		if err := sample.Generate(&buf, pack, "55001", o); err != nil {
			t.Fatal(err)
		}
		return buf.String()
	}
	for _, v := range []sample.Variant{sample.Minimal, sample.Full, sample.Random} {
		o := sample.Options{Variant: v, Seed: 7, Messages: 3}
		if a, b := write(o), write(o); a != b {
			t.Errorf("%s: the same options gave\n%s\nand\n%s", v, a, b)
		}
	}
	if write(sample.Options{Variant: sample.Random, Seed: 1}) == write(sample.Options{Variant: sample.Random, Seed: 2}) {
		t.Error("two seeds gave the same message")
	}
}

// TestVariants: a full message has everything that a minimal one has.
func TestVariants(t *testing.T) {
	t.Parallel()
	pack, err := rules.Load("FV2610", "UTILMD_Strom")
	if err != nil {
		t.Fatal(err)
	}
	segments := func(v sample.Variant) int {
		var buf bytes.Buffer
		if err := sample.Generate(&buf, pack, "55001", sample.Options{Variant: v}); err != nil {
			t.Fatal(err)
		}
		return bytes.Count(buf.Bytes(), []byte("'"))
	}
	if low, high := segments(sample.Minimal), segments(sample.Full); low >= high {
		t.Errorf("the minimal message has %d segments, the full one %d", low, high)
	}
}

// TestUnknown names what is wrong.
func TestUnknown(t *testing.T) {
	t.Parallel()
	pack, err := rules.Load("FV2610", "UTILMD_Strom")
	if err != nil {
		t.Fatal(err)
	}
	err = sample.Generate(&bytes.Buffer{}, pack, "99999", sample.Options{})
	if !errors.Is(err, sample.ErrUnknown) || !strings.Contains(err.Error(), "99999") {
		t.Errorf("got %v", err)
	}
}
