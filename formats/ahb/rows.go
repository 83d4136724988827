package ahb

import (
	"math/bits"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/rules"
)

// instance checks a group instance: its segments, the groups in it, and what it lacks.
func (c *Checker) instance(i int32, r *row) {
	base := len(c.seen)
	for range r.must {
		c.seen = append(c.seen, 0)
	}
	list, end := c.p.Instances, c.end(i)
	at := c.at(i, list[i].First)
	for n := list[i].First; n < end; n++ {
		k := c.p.Instance[n-1]
		if k == i {
			if s := c.prog.row(c.p.Nodes[n-1]); s != nil && s.parent == r.index && !s.group {
				c.seen[base+int(s.bit/64)] |= 1 << (s.bit % 64)
				c.segment(n, &at, s)
			}
			continue
		}
		k = c.child(k, i)
		if g := c.prog.row(list[k].Node); g != nil && g.parent == r.index {
			c.seen[base+int(g.bit/64)] |= 1 << (g.bit % 64)
			if i > 0 || c.in.Whole || int(list[k].First) < c.in.First {
				c.instance(k, g)
			}
		}
		n = list[k].End - 1
	}
	at.self, at.value = list[i].First, nil
	c.absent(i, r, base, &at)
	for _, k := range r.special {
		kid := &c.prog.rows[k]
		present := c.seen[base+int(kid.bit/64)]>>(kid.bit%64)&1 == 1
		if present && c.hasPackages(kid) {
			c.packages(i, kid)
		}
		if present && kid.expr.demands {
			c.demands(i, kid)
		}
		if kid.expr.cards {
			c.repetitions(i, kid)
		}
	}
	c.seen = c.seen[:base]
}

// absent reports the rows that an instance lacks.
func (c *Checker) absent(i int32, r *row, base int, at *context) {
	for w := range r.must {
		seen := c.seen[base+w]
		for lacking := r.must[w] &^ seen; lacking != 0; lacking &= lacking - 1 {
			c.missing(i, &c.prog.rows[r.children[w*64+bits.TrailingZeros64(lacking)]], nil)
		}
		for open := r.maybe[w] &^ seen; open != 0; open &= open - 1 {
			kid := &c.prog.rows[r.children[w*64+bits.TrailingZeros64(open)]]
			if c.evaluate(kid.expr, at, kid.source).required() {
				c.missing(i, kid, kid.expr)
			}
		}
	}
}

// segment checks the data elements of segment n; at becomes the place of each of them.
func (c *Checker) segment(n int32, at *context, r *row) {
	if len(r.busy) == 0 {
		return
	}
	at.self = n
	seg := c.in.Message.Layout(int(n))
	for _, p := range r.busy {
		at.element, at.component = p.element+1, p.component
		raw := seg.RawComponent(at.element, at.component)
		switch {
		case blank(raw):
			if p.required || p.maybe {
				at.value = nil
				c.emptyPlace(p, at, r)
			}
		case p.check:
			at.value = c.unescape(raw)
			c.filledPlace(p, at, r)
		}
	}
}

// emptyPlace reports a data element that must be filled. Where a row says when any value must be there, the codes
// printed beside it demand nothing by themselves.
func (c *Checker) emptyPlace(p *place, at *context, r *row) {
	if p.free != nil && c.evaluate(p.free, at, p.freeRow).required() {
		c.missingValue(p, at, r, p.free)
		return
	}
	for i := range p.codes {
		k := &p.codes[i]
		if i > 0 && k.expr == p.codes[i-1].expr || p.free != nil && k.expr.plain {
			continue
		}
		if c.evaluate(k.expr, at, k.source).required() {
			c.missingValue(p, at, r, k.expr)
			return
		}
	}
}

// filledPlace checks the value of a data element: a code must be allowed here, and the demands must be met.
func (c *Checker) filledPlace(p *place, at *context, r *row) {
	key, listed := uint64(0), false
	if len(p.codes) > 0 {
		key = rules.Key(at.value)
	}
	for i := range p.codes {
		k := &p.codes[i]
		if k.key != key || len(at.value) > 8 && k.text != edifact.Latin1String(at.value) {
			continue
		}
		if k.expr.plain {
			return
		}
		listed = true
		o := c.evaluate(k.expr, at, k.source)
		if o.holds == no {
			continue // the code may stand in another row
		}
		if o.holds == yes && o.demand == no {
			c.violated(at, r, p, k.expr)
		}
		return
	}
	if p.free != nil {
		if p.free.demands {
			if o := c.evaluate(p.free, at, p.freeRow); o.holds == yes && o.demand == no {
				c.violated(at, r, p, p.free)
			}
		}
		return
	}
	c.wrongCode(at, r, p, listed)
}

// hasPackages reports whether a row has codes with limits: a group by its first segment.
func (c *Checker) hasPackages(r *row) bool {
	if r.group && len(r.children) > 0 {
		return c.prog.rows[r.children[0]].packages
	}
	return r.packages
}

// demands checks what a row demands of each of its occurrences in an instance.
func (c *Checker) demands(i int32, kid *row) {
	list := c.p.Instances
	for n := list[i].First; n < c.end(i); n++ {
		inst := c.p.Instance[n-1]
		if inst != i {
			inst = c.child(inst, i)
			if kid.group && list[inst].Node == kid.node {
				at := c.at(inst, list[inst].First)
				if o := c.evaluate(kid.expr, &at, kid.source); o.holds == yes && o.demand == no {
					c.violated(&at, kid, nil, kid.expr)
				}
			}
			n = list[inst].End - 1
			continue
		}
		if !kid.group && c.p.Nodes[n-1] == kid.node {
			at := c.at(i, n)
			if o := c.evaluate(kid.expr, &at, kid.source); o.holds == yes && o.demand == no {
				c.violated(&at, kid, nil, kid.expr)
			}
		}
	}
}
