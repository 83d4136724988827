package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/rules/prose"
)

// packNames returns the names of the packs that one of the format versions has, sorted.
func packNames(shelf *rules.Shelf, versions ...formats.FormatVersion) []string {
	var names []string
	for _, info := range shelf.List() {
		if slices.Contains(versions, info.FormatVersion) {
			names = append(names, info.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// findUseCase finds a Pruefidentifikator, or a column without one such as APERAK_Fehlermeldung, among the packs of a
// format version. The use case is nil if none has it.
func findUseCase(shelf *rules.Shelf, fv formats.FormatVersion, pid string) (prose.Side, error) {
	for _, name := range packNames(shelf, fv) {
		pack, err := shelf.Load(fv, name)
		if err != nil {
			return prose.Side{}, err
		}
		for _, info := range pack.UseCases() {
			if strings.EqualFold(info.Pruefidentifikator, pid) {
				use, err := pack.UseCase(info.Pruefidentifikator)
				return prose.Side{Pack: pack, UseCase: use}, err
			}
		}
	}
	return prose.Side{}, nil
}

// maxNear bounds the suggestions of an error.
const maxNear = 5

// unknownUseCase is the error for a Pruefidentifikator that the asked format versions do not have: it says which others
// have it, or which ones are near.
func unknownUseCase(shelf *rules.Shelf, pid string, asked ...formats.FormatVersion) error {
	var have, names []string
	for _, info := range shelf.List() {
		pack, err := shelf.Load(info.FormatVersion, info.Name)
		if err != nil {
			return err
		}
		for _, u := range pack.UseCases() {
			if strings.EqualFold(u.Pruefidentifikator, pid) {
				have = append(have, string(info.FormatVersion))
			}
			if slices.Contains(asked, info.FormatVersion) {
				names = append(names, u.Pruefidentifikator)
			}
		}
	}
	var in []string
	for _, fv := range asked {
		in = append(in, string(fv))
	}
	err := fmt.Sprintf("%s has no Prüfidentifikator %q", strings.Join(in, " or "), pid)
	if len(have) > 0 {
		return fmt.Errorf("%s, but there is one in %s: name that format version", err, strings.Join(have, ", "))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Or(distance(a, pid)-distance(b, pid), gap(a, pid)-gap(b, pid))
	})
	return fmt.Errorf("%s; near it: %s. Packs and their names: marktbote rules list", err, strings.Join(names[:min(maxNear, len(names))], ", "))
}

// gap is how far two numbers are apart; 0 if they are none.
func gap(a, b string) int {
	m, errM := strconv.Atoi(a)
	n, errN := strconv.Atoi(b)
	if errM != nil || errN != nil {
		return 0
	}
	return max(m-n, n-m)
}

// distance counts the characters that have to be changed to make one word from another.
func distance(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before, row[j+1] = row[j+1], min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
