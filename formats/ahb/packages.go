package ahb

import (
	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/rules"
)

// packages counts the codes of a segment over all its occurrences in an instance, or over all occurrences of the group
// that it opens, and compares with the limits of the packages that apply.
//
// Where the structure has the segment less often than the limits of its codes want together, they mean the whole
// group that can be repeated: the one and only CCI+Z65 of each SG8 of a Produktpaket has in one of them the code that
// must be there once.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 6 (packages: each code a to b times); APERAK AHB 1.1 Z38
func (c *Checker) packages(i int32, kid *row) {
	s := kid
	if kid.group {
		s = &c.prog.rows[kid.children[0]]
	}
	for pi := range s.places {
		if p := &s.places[pi]; p.packages {
			c.placePackages(i, kid, s, p)
		}
	}
}

// placePackages does so for one data element of the segment.
func (c *Checker) placePackages(i int32, kid, s *row, p *place) {
	at := c.at(i, c.p.Instances[i].First)
	scope := i
	if limit := int(c.in.Pack.Nodes[kid.node].Max); p.most > limit && c.wanted(&at, p) > limit {
		scope = c.repeatable(i)
		if c.counted[p.count] == scope+1 {
			return // counted from another instance
		}
		c.counted[p.count] = scope + 1
	}
	var limit *term
	counted := false
	for ki := range p.codes {
		k := &p.codes[ki]
		if ki == 0 || k.expr != p.codes[ki-1].expr {
			limit = c.limit(&at, k)
		}
		if limit == nil {
			continue
		}
		if !counted {
			counted, c.sent = true, c.appendSent(c.sent[:0], scope, s, p)
		}
		own := limit
		n, last := c.occurrences(k)
		if n > 0 { // conditions may ask about the segment with the code
			there := c.at(c.p.Instance[last-1], last)
			if own = c.limit(&there, k); own == nil {
				continue
			}
		}
		switch {
		case own.max >= 0 && n > own.max:
			c.tooManyCodes(last, s, p, k, own)
		case n < own.min:
			c.tooFewCodes(i, s, p, k, own)
		}
	}
}

// limit returns the package that applies to a code, nil if none does for certain.
func (c *Checker) limit(at *context, k *code) *term {
	if !k.expr.packages {
		return nil
	}
	if o := c.evaluate(k.expr, at, k.source); o.holds != yes || len(c.pkgs) == 0 {
		return nil
	}
	return mildest(c.pkgs)
}

// mildest returns the package that allows most, if several apply to a code.
func mildest(list []*term) *term {
	limit := list[0]
	for _, t := range list[1:] {
		if limit.max >= 0 && (t.max < 0 || t.max > limit.max) || t.max == limit.max && t.min < limit.min {
			limit = t
		}
	}
	return limit
}

// wanted returns how often a segment must or, by a limit of one of its codes, may occur.
func (c *Checker) wanted(at *context, p *place) int {
	low, high := 0, 0
	for ki := range p.codes {
		if limit := c.limit(at, &p.codes[ki]); limit != nil {
			low, high = low+limit.min, max(high, limit.max)
		}
	}
	return max(low, high)
}

// mostWanted returns what wanted returns at most, whatever applies.
func mostWanted(p *place) int {
	low, high := 0, 0
	for ki := range p.codes {
		least := 0
		for _, b := range p.codes[ki].expr.branches {
			b.when.packages(func(t *term) { least, high = max(least, t.min), max(high, t.max) })
		}
		low += least
	}
	return max(low, high)
}

// packages calls do with every package of a term.
func (t *term) packages(do func(*term)) {
	if t == nil {
		return
	}
	if t.kind == rules.TermPackage {
		do(t)
	}
	for _, k := range t.terms {
		k.packages(do)
	}
}

// repeatable returns the instance in which the nearest group around that may be repeated stands, at most the
// transaction.
func (c *Checker) repeatable(i int32) int32 {
	tx := c.at(i, 0).tx
	for i > tx {
		n := &c.in.Pack.Nodes[c.p.Instances[i].Node]
		i = c.p.Instances[i].Parent
		if n.Max > 1 {
			break
		}
	}
	return i
}

// sentCode is a value that a segment has.
type sentCode struct {
	segment int32
	key     uint64
	text    []byte
}

// appendSent collects the values of a place in the segments of a row in an instance and in groups below it.
func (c *Checker) appendSent(list []sentCode, scope int32, s *row, p *place) []sentCode {
	for n, end := c.p.Instances[scope].First, c.end(scope); n < end; n++ {
		if c.work--; c.work < 0 {
			return list[:0]
		}
		if c.p.Nodes[n-1] == s.node {
			seg := c.in.Message.Layout(int(n))
			text := c.unescape(seg.RawComponent(p.element+1, p.component))
			list = append(list, sentCode{n, rules.Key(text), text})
		}
	}
	return list
}

// occurrences counts the values in c.sent that are a code, and returns the segment of the last.
func (c *Checker) occurrences(k *code) (count int, last int32) {
	for i := range c.sent {
		if x := &c.sent[i]; x.key == k.key && (len(x.text) <= 8 || k.text == edifact.Latin1String(x.text)) {
			count, last = count+1, x.segment
		}
	}
	return count, last
}
