package sample_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"
	"testing"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/sample"
)

// minFound is the share of mutants that must be found with the right code.
const minFound = 0.995

// TestMutants puts single faults into generated messages of every use case: nearly all must be found, with the code that
// the rules of acknowledgement demand.
func TestMutants(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	tally := map[sample.Fault]*score{}
	survivors := map[string]int{}
	t.Run("packs", func(t *testing.T) {
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
				for _, use := range pack.UseCases() {
					err := sample.Mutants(pack, use.Pruefidentifikator, sample.Options{Variant: sample.Full}, func(m sample.Mutation, file []byte) error {
						codes, err := wireCodes(pack, file)
						mu.Lock()
						defer mu.Unlock()
						s := tally[m.Fault]
						if s == nil {
							s = &score{}
							tally[m.Fault] = s
						}
						s.all++
						switch {
						case slices.ContainsFunc(m.Wire, func(w string) bool { return slices.Contains(codes, w) }):
							s.found++
						default:
							survivors[fmt.Sprintf("%s: %s, want %v, got %v (%s %s)", m.Fault, m.Place, m.Wire, codes, pack.FormatVersion, use.Pruefidentifikator)]++
						}
						return err
					})
					if err != nil && !errors.Is(err, sample.ErrWithdrawn) {
						t.Error(err)
					}
				}
			})
		}
	})
	all, found := 0, 0
	for fault, s := range tally {
		t.Logf("%-60s %6d of %6d found", fault, s.found, s.all)
		all, found = all+s.all, found+s.found
	}
	names := make([]string, 0, len(survivors))
	for name := range survivors {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		t.Log("survived: " + name)
	}
	t.Logf("%d of %d mutants found", found, all)
	if float64(found) < minFound*float64(all) {
		t.Errorf("fewer than %.1f %%", 100*minFound)
	}
}

type score struct{ all, found int }

// wireCodes returns the codes that a file would be answered with.
func wireCodes(pack *rules.Pack, file []byte) ([]string, error) {
	r, err := check.File(bytes.NewReader(file), check.Options{At: sentAt(pack), FormatVersion: pack.FormatVersion})
	if err != nil {
		return nil, err
	}
	var codes []string
	for _, f := range findingsOf(r) {
		if f.Severity == formats.Error && f.Wire != nil {
			codes = append(codes, f.Wire.Code)
		}
	}
	return codes, nil
}
