package ahb

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
		p := &s.places[pi]
		if !p.packages {
			continue
		}
		scope := i
		if c.wanted(i, kid, p) > int(c.in.Pack.Nodes[kid.node].Max) {
			scope = c.repeatable(i)
			if c.counted[p.count] == scope+1 {
				continue // counted from another instance
			}
			c.counted[p.count] = scope + 1
		}
		at := c.at(i, c.p.Instances[i].First)
		for ki := range p.codes {
			k := &p.codes[ki]
			limit := c.limit(&at, k)
			if limit == nil {
				continue
			}
			n, last := c.occurrences(scope, s, p, k)
			if n > 0 { // conditions may ask about the segment with the code
				there := c.at(c.p.Instance[last-1], last)
				if limit = c.limit(&there, k); limit == nil {
					continue
				}
			}
			switch {
			case limit.max >= 0 && n > limit.max:
				c.tooManyCodes(last, s, p, k, limit)
			case n < limit.min:
				c.tooFewCodes(i, s, p, k, limit)
			}
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
func (c *Checker) wanted(i int32, kid *row, p *place) int {
	at := c.at(i, c.p.Instances[i].First)
	low, high := 0, 0
	for ki := range p.codes {
		if limit := c.limit(&at, &p.codes[ki]); limit != nil {
			low, high = low+limit.min, max(high, limit.max)
		}
	}
	return max(low, high)
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

// occurrences counts the segments of a row in an instance and in groups below it that have a code, and returns the last.
func (c *Checker) occurrences(scope int32, s *row, p *place, k *code) (count int, last int32) {
	list := c.p.Instances
	for n := list[scope].First; n < c.end(scope); n++ {
		if c.work--; c.work < 0 {
			return 0, 0
		}
		if c.p.Nodes[n-1] == s.node && c.hasCode(n, p, k) {
			count, last = count+1, n
		}
	}
	return count, last
}
