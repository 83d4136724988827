package prose

import (
	"cmp"
	"slices"
)

// NOTE: How two versions are laid side by side.
//
// The numbers of segments shift between editions, so parts are matched by what they are: below matched parts, a group
// with a group of that name and a segment with a segment of that tag, as long as no code that tells siblings apart
// speaks against it. Among several candidates the pair with most in common is taken first: equal qualifying codes,
// codes that overlap, the name, and last the number and the order. Data elements are matched by their place.

// pairing is the result for the children of two matched parts.
type pairing struct {
	pairs          [][2]*part // by the order of the new side
	removed, added []*part
}

// match finds the counterparts of parts of the old side among parts of the new side.
func match(old, now Side, a, b []*part) pairing {
	type candidate struct{ score, i, j int }
	var list []candidate
	for i, x := range a {
		for j, y := range b {
			if score := alike(old, now, x, y); score > 0 {
				list = append(list, candidate{score, i, j})
			}
		}
	}
	slices.SortStableFunc(list, func(x, y candidate) int {
		return cmp.Or(y.score-x.score, abs(x.i-x.j)-abs(y.i-y.j), x.j-y.j)
	})
	to, from := make([]*part, len(b)), make([]bool, len(a))
	for _, c := range list {
		if to[c.j] == nil && !from[c.i] {
			to[c.j], from[c.i] = a[c.i], true
		}
	}
	var out pairing
	for j, y := range b {
		if to[j] != nil {
			out.pairs = append(out.pairs, [2]*part{to[j], y})
		} else {
			out.added = append(out.added, y)
		}
	}
	for i, x := range a {
		if !from[i] {
			out.removed = append(out.removed, x)
		}
	}
	return out
}

func abs(n int) int { return max(n, -n) }

// What parts have in common, by weight.
const (
	sameKind    = 1
	sameNumber  = 1
	sameName    = 4
	someCodes   = 5
	sameCodes   = 8
	differCodes = -1 // they are different parts
)

// alike weighs what two parts have in common; 0 if they cannot be the same.
func alike(old, now Side, x, y *part) int {
	m, n := &old.Pack.Nodes[x.node], &now.Pack.Nodes[y.node]
	if m.IsGroup != n.IsGroup || m.Tag != n.Tag || m.IsGroup && m.Group != n.Group {
		return 0
	}
	score := sameKind
	places := old.tests(x)
	for _, t := range now.tests(y) {
		if !slices.Contains(places, t) {
			places = append(places, t)
		}
	}
	for _, t := range places {
		w := overlap(old.codesAt(x, t.element, t.component), now.codesAt(y, t.element, t.component))
		if w == differCodes {
			return 0
		}
		score += w
	}
	if m.Name == n.Name {
		score += sameName
	}
	if m.Nr == n.Nr {
		score += sameNumber
	}
	return score
}

// overlap compares the codes of two parts at a place. Nothing is said if one of them allows anything.
func overlap(a, b []string) int {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	common := 0
	for _, code := range a {
		if slices.Contains(b, code) {
			common++
		}
	}
	switch {
	case common == 0:
		return differCodes
	case common == len(a) && len(a) == len(b):
		return sameCodes
	}
	return someCodes
}
