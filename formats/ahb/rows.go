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
	list := c.p.Instances
	for n := list[i].First; n < c.end(i); n++ {
		k := c.p.Instance[n-1]
		if k == i {
			if s := c.prog.row(c.p.Nodes[n-1]); s != nil && s.parent == r.index && !s.group {
				c.seen[base+int(s.bit/64)] |= 1 << (s.bit % 64)
				c.segment(n, i, s)
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
	c.absent(i, r, base)
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
func (c *Checker) absent(i int32, r *row, base int) {
	var at context
	known := false
	for w := range r.must {
		seen := c.seen[base+w]
		for lacking := r.must[w] &^ seen; lacking != 0; lacking &= lacking - 1 {
			c.missing(i, &c.prog.rows[r.children[w*64+bits.TrailingZeros64(lacking)]], nil)
		}
		for open := r.maybe[w] &^ seen; open != 0; open &= open - 1 {
			if !known {
				at, known = c.at(i, c.p.Instances[i].First), true
			}
			kid := &c.prog.rows[r.children[w*64+bits.TrailingZeros64(open)]]
			if c.evaluate(kid.expr, &at, kid.source).required() {
				c.missing(i, kid, kid.expr)
			}
		}
	}
}

// segment checks the data elements of segment n.
func (c *Checker) segment(n, inst int32, r *row) {
	var at context
	ready := false
	seg := edifact.Segment{}
	loaded := false
	for i := range r.places {
		p := &r.places[i]
		if !p.required && !p.maybe && !p.check {
			continue
		}
		if !loaded {
			seg, loaded = c.in.Message.Segment(int(n)), true
		}
		value := c.unescape(seg.RawComponent(p.element+1, p.component))
		if len(value) == 0 {
			if !p.required && !p.maybe {
				continue
			}
			if !ready {
				at, ready = c.at(inst, n), true
			}
			c.emptyPlace(p, &at, r)
			continue
		}
		if !p.check {
			continue
		}
		if !ready {
			at, ready = c.at(inst, n), true
		}
		at.value, at.element, at.component = value, p.element+1, p.component
		c.filledPlace(p, &at, r)
	}
}

// emptyPlace reports a data element that must be filled. Where a row says when any value must be there, the codes
// printed beside it demand nothing by themselves.
func (c *Checker) emptyPlace(p *place, at *context, r *row) {
	at.value, at.element, at.component = nil, p.element+1, p.component
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
	key := rules.Key(at.value)
	listed := false
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

func (c *Checker) hasCode(n int32, p *place, k *code) bool {
	seg := c.in.Message.Layout(int(n))
	v := c.unescape(seg.RawComponent(p.element+1, p.component))
	return rules.Key(v) == k.key && (len(v) <= 8 || k.text == edifact.Latin1String(v))
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
