package ahb

import (
	"bytes"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/condition"
)

// test evaluates a predicate at a place.
func (c *Checker) test(p *predicate, at *context) truth {
	if c.work < 0 {
		c.saw |= sawExternal
		return unknown
	}
	switch p.Op {
	case condition.True:
		return yes
	case condition.False:
		return no
	case condition.And, condition.Or:
		return c.junction(p, at)
	case condition.Not:
		return c.test(p.args[0], at).not()
	case condition.Exists:
		start := c.find(p.sel, at, 1)
		found := len(c.hits) > start
		c.hits = c.hits[:start]
		return truthOf(found)
	case condition.Count:
		start := c.find(p.sel, at, 0)
		n := len(c.hits) - start
		c.hits = c.hits[:start]
		return truthOf(holds(p.Cmp, n-p.N))
	case condition.Compare:
		return c.compare(p, at)
	case condition.Role:
		return c.role(p)
	case condition.Sparte:
		return c.sparte(p)
	case condition.External:
		return c.fact(p.Text)
	case condition.Same, condition.Unique:
		return c.uniform(p, at)
	}
	return c.eachValue(p, at)
}

func (c *Checker) junction(p *predicate, at *context) truth {
	stop := no
	if p.Op == condition.Or {
		stop = yes
	}
	out := stop.not()
	for _, a := range p.args {
		switch t := c.test(a, at); t {
		case stop:
			return stop
		case unknown:
			out = unknown
		}
	}
	return out
}

// holds reports whether a comparison holds for a sign.
func holds(cmp condition.Cmp, sign int) bool {
	switch cmp {
	case condition.Equal:
		return sign == 0
	case condition.NotEqual:
		return sign != 0
	case condition.Less:
		return sign < 0
	case condition.LessEqual:
		return sign <= 0
	case condition.Greater:
		return sign > 0
	}
	return sign >= 0
}

// compare reports whether some pair of values compares as wanted. Nothing on one side is unknown.
func (c *Checker) compare(p *predicate, at *context) truth {
	start := len(c.vals)
	var one [1]val
	var left []val
	if !p.left.single {
		left = c.list(p.left, at)
	} else if c.single(p.left, at, &one[0]) {
		left = one[:]
	}
	out := c.pairs(p.Cmp, left, c.list(p.right, at))
	c.vals = c.vals[:start]
	return out
}

// list returns the values of an operand, left on the stack if they are not kept anyway.
func (c *Checker) list(o *operand, at *context) []val {
	switch {
	case o.constant != nil:
		return o.constant
	case o.kept():
		return c.keptValues(o, at)
	}
	return c.vals[c.values(o, at):]
}

// pairs compares all values of one side with all of the other.
func (c *Checker) pairs(cmp condition.Cmp, left, right []val) truth {
	if len(left) == 0 || len(right) == 0 {
		return unknown
	}
	out := no
	for i := range left {
		for j := range right {
			a, b := &left[i], &right[j]
			if a.bad || b.bad {
				out = unknown
			} else if holds(cmp, c.order(a, b)) {
				return yes
			}
		}
	}
	return out
}

// order compares two values; numbers and counts may be mixed.
func (c *Checker) order(a, b *val) int {
	switch {
	case a.kind == instant && b.kind == instant:
		switch {
		case a.unix < b.unix:
			return -1
		case a.unix > b.unix:
			return 1
		}
		return 0
	case a.kind == count && (b.kind == count || b.whole):
		return a.num - b.num
	case a.kind == count || b.kind == count || a.kind == decimal:
		return compareDecimals(c.digits(a), c.digits(b), c.mark(a), c.mark(b))
	}
	return bytes.Compare(a.text, b.text)
}

// digits returns a number as text.
func (c *Checker) digits(v *val) []byte {
	if v.kind != count {
		return v.text
	}
	n := len(c.arena)
	c.arena = appendInt(c.arena, v.num)
	return c.arena[n:]
}

func appendInt(b []byte, n int) []byte {
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	if n >= 10 {
		b = appendInt(b, n/10)
	}
	return append(b, byte('0'+n%10))
}

// mark is the decimal mark of a value: constants use a point.
func (c *Checker) mark(v *val) byte {
	if !v.sent {
		return '.'
	}
	return c.svc.Decimal
}

// uniform reports whether all values are equal, or all different.
func (c *Checker) uniform(p *predicate, at *context) truth {
	start := c.values(p.left, at)
	list := c.vals[start:]
	out := yes
	for i := 1; i < len(list) && out == yes; i++ {
		if p.Op == condition.Same {
			out = truthOf(bytes.Equal(list[0].text, list[i].text))
			continue
		}
		for j := range i {
			if c.work--; bytes.Equal(list[i].text, list[j].text) || c.work < 0 {
				out = no
				break
			}
		}
	}
	if c.work < 0 {
		out = unknown
		c.saw |= sawExternal
	}
	c.vals = c.vals[:start]
	return out
}

// eachValue evaluates what is asked of values one by one: one that meets it is enough.
func (c *Checker) eachValue(p *predicate, at *context) truth {
	if p.left.single {
		var v val
		if !c.single(p.left, at, &v) || v.bad {
			return unknown
		}
		return c.value(p, &v, at)
	}
	start := c.values(p.left, at)
	end := len(c.vals)
	out := no
	if start == end {
		out = unknown
	}
	for i := start; i < end && out != yes; i++ {
		v := c.vals[i]
		t := unknown
		if !v.bad {
			t = c.value(p, &v, at)
		}
		if t != no {
			out = t
		}
	}
	c.vals = c.vals[:start]
	return out
}

func (c *Checker) value(p *predicate, v *val, at *context) truth {
	switch p.Op {
	case condition.Like:
		return truthOf(glob([]byte(p.Text), v.text))
	case condition.Summer, condition.Winter:
		if c.instantOf(v); v.bad {
			return unknown
		}
		return truthOf(isSummer(v.unix) == (p.Op == condition.Summer))
	case condition.Format:
		return form(p.Text, v.text)
	case condition.List:
		return c.listed(p.Text, v.text)
	case condition.Cluster:
		return c.cluster(p, v, at)
	}
	return unknown
}

// listed reports whether a value is in a code list; unknown if nobody has the list.
func (c *Checker) listed(name string, value []byte) truth {
	if c.lists != nil {
		member, known := c.lists.HasFor(name, c.in.UseCase.Pruefidentifikator, value)
		if known {
			return truthOf(member)
		}
	}
	if c.Facts != nil {
		if member, known := c.Facts.InList(name, edifact.Latin1String(value)); known {
			return truthOf(member)
		}
	}
	c.saw |= sawExternal
	return unknown
}

// cluster reports whether an answer code belongs to a cluster of its Entscheidungsbaum.
func (c *Checker) cluster(p *predicate, v *val, at *context) truth {
	start := c.values(p.right, at)
	defer func() { c.vals = c.vals[:start] }()
	if c.lists == nil || len(c.vals) == start {
		c.saw |= sawExternal
		return unknown
	}
	out := no
	for _, ebd := range c.vals[start:] {
		member, known := c.lists.InCluster(p.Text, edifact.Latin1String(ebd.text), edifact.Latin1String(v.text))
		switch {
		case !known:
			c.saw |= sawExternal
			out = unknown
		case member:
			return yes
		}
	}
	return out
}

// role reports whether the Marktpartner of a NAD has one of the roles.
func (c *Checker) role(p *predicate) truth {
	id := c.partner(p.Text).id
	out := no
	for _, name := range p.Names {
		if c.Facts == nil || id == "" {
			out = unknown
			break
		}
		has, known := c.Facts.HasRole(id, name)
		switch {
		case !known:
			out = unknown
		case has:
			return yes
		}
	}
	if out == unknown {
		c.saw |= sawExternal
	}
	return out
}

// sparte reports whether the Marktpartner of a NAD belongs to a Sparte. The agency that gave the MP-ID tells: BDEW for
// Strom, DVGW for Gas; for a GLN whoever knows.
//
// Spec: Allgemeine Festlegungen 6.1 2.13 (DE 3055: 9, 293, 332)
func (c *Checker) sparte(p *predicate) truth {
	who := c.partner(p.Text)
	var sparte formats.Sparte
	switch {
	case who.agency == "293":
		sparte = formats.Strom
	case who.agency == "332":
		sparte = formats.Gas
	}
	if sparte == "" && c.Facts != nil && who.id != "" {
		sparte, _ = c.Facts.Sparte(who.id)
	}
	if sparte == "" {
		c.saw |= sawExternal
		return unknown
	}
	return truthOf(string(sparte) == p.Names[0])
}
