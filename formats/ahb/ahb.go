// Package ahb checks a message against the column of its Pruefidentifikator in the Anwendungshandbuch: what must be
// there, under which conditions, which codes and forms are allowed, how often something may occur. Every violation
// is a formats.Finding with the code that APERAK has for it.
//
// It works on a message that package mig has placed without a syntax error: a message that is answered with CONTRL is
// not looked at. The use case of the rule pack is compiled once into a program of flat tables; conditions are evaluated
// with three outcomes, and what is unknown never leads to a finding but is counted in Coverage.
//
//	c := ahb.Checker{Lang: formats.German}
//	cov := c.Check(ahb.Input{Pack: pack, UseCase: use, Message: msg, Placement: placement, ...}, report)
//
// How an expression is evaluated: its branches are tried in turn, the first whose premises hold gives the status.
// Premises are conditions that say "if"; demands ("must") and repetitions ("card") do not decide whether a branch
// holds, they must be met when it does. In an alternative every branch whose premises hold is active, and one active
// branch whose demands are met is enough.
//
// What stands in the message beyond the column is ignored; Soll and Kann never reject.
//
// Spec: APERAK AHB 1.1 2.1.2 (what is an error, all errors are reported); APERAK/CONTRL AHB 2.3k 3.1.2
// Spec: Allgemeine Festlegungen 6.1 ch. 6 (conditions, packages, repetition)
package ahb

import (
	"slices"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/mig"
	"github.com/marktbote/marktbote/formats/rules"
)

// Facts is what is known outside the message. Each method returns known = false where nobody knows.
type Facts interface {
	// HasRole reports whether the Marktpartner has the role, such as LF, NB, MSB, UENB, BKV.
	HasRole(mpID, role string) (has, known bool)
	// Sparte returns the Sparte of the Marktpartner.
	Sparte(mpID string) (sparte formats.Sparte, known bool)
	// Fact answers a fact that a condition names, for the object of the transaction.
	Fact(key string, about Subject) (holds, known bool)
	// InList reports whether a value is in a code list that the packs do not hold.
	InList(list, value string) (member, known bool)
}

// Subject is what a fact is asked about.
type Subject struct {
	Pruefidentifikator string
	Number             string // of the transaction
	Sender, Receiver   string // MP-IDs
}

// Input is one transaction to check.
type Input struct {
	Pack      *rules.Pack
	UseCase   *rules.UseCase
	Message   *edifact.Message
	Placement *mig.Placement
	UNB       *edifact.Segment // the header of the interchange; nil: is not checked
	// Head asks for the part of the message outside all transactions as well.
	Head bool
	// First and Last are the segments of the transaction, UNH = 1. Whole is set if the transaction is the message.
	First, Last int
	Whole       bool
	Number      string
	ReceivedAt  time.Time // zero: not known
}

// Coverage counts rows of use cases: how many were decided, how many need knowledge that nobody had, and how many have
// a condition that is not translated. Several codes of a data element are several rows, as in the document.
type Coverage struct {
	Rows, Decided, External, NotCompiled int
}

// Checker checks transactions. Its buffers are reused, so it is not safe for concurrent use. The zero value works and
// knows no facts.
type Checker struct {
	Lang  formats.Lang
	Facts Facts
	Limit int // findings per call, 200 if less than 1

	in     Input
	prog   *program
	svc    edifact.ServiceChars
	p      *mig.Placement
	report func(formats.Finding)
	found  int
	lists  *rules.Lists

	hits          []hit        // of selectors, used as a stack
	vals          []val        // of operands, used as a stack
	seen          []uint64     // rows seen in the open instances, used as a stack
	pkgs          []*term      // packages of active branches
	sent          []sentCode   // whose codes are counted
	cards         []repetition // of active branches
	judged        []repetition // those of the row whose repetitions are checked
	failed        []*rule      // demands that were not met
	held, refused []*rule      // premises by their outcome
	marks         []uint8      // per row of the use case: how it went
	saw           uint8        // why something was unknown
	arena         []byte       // values without release characters
	cache         []cached
	parts         partners
	clock         clock
	work          int  // steps left for searching
	trial, broken bool // repetitions are tried only, and one did not hold

	counted []int32 // per repetition of the program: the instance it was last counted in, plus 1
}

// Why an outcome is unknown.
const (
	sawExternal uint8 = 1 << iota
	sawOpen
)

const (
	defaultLimit = 200
	// maxWork bounds the search of conditions in one transaction: a message of the market needs a few thousand steps,
	// and one made to be slow must not hold up the others. What is beyond is unknown.
	maxWork     = 5_000_000
	workPerItem = 200
)

// Check checks one transaction and reports its findings in the order of the message.
func (c *Checker) Check(in Input, report func(formats.Finding)) Coverage {
	c.in, c.p, c.report, c.found = in, in.Placement, report, 0
	c.prog = programOf(in.Pack, in.UseCase)
	c.lists = c.prog.lists
	first := in.Message.Segment(1)
	c.svc = first.Service()
	c.arena, c.hits, c.vals, c.seen = c.arena[:0], c.hits[:0], c.vals[:0], c.seen[:0]
	c.marks = zeroed(c.marks, len(in.UseCase.Rows))
	for len(c.cache) < c.prog.cached {
		c.cache = append(c.cache, cached{})
	}
	for i := range c.cache {
		c.cache[i].asker = 0
	}
	c.counted = zeroed(c.counted, c.prog.counts)
	c.parts = partners{}
	c.work = maxWork + workPerItem*(in.Last-in.First)
	c.roles()
	switch {
	case in.Whole:
		c.instance(0, &c.prog.rows[0])
	default:
		if in.Head {
			c.instance(0, &c.prog.rows[0])
		}
		c.transaction()
	}
	c.interchange()
	c.intervals()
	c.report = nil
	return c.coverage()
}

// transaction checks the group instances that begin in the transaction and are not part of another one of it.
func (c *Checker) transaction() {
	list := c.p.Instances
	i, _ := slices.BinarySearchFunc(list[1:], int32(c.in.First), func(x mig.Instance, first int32) int { return int(x.First - first) })
	for i++; i < len(list) && int(list[i].First) <= c.in.Last; {
		if r := c.prog.row(list[i].Node); r != nil {
			c.instance(int32(i), r)
		}
		end := list[i].End
		for i++; i < len(list) && list[i].First < end; i++ {
		}
	}
}

// end is the segment behind an instance. The instance of a transaction may go on with further transactions, as CNI of
// IFTSTA does with one per status: they are not part of it.
func (c *Checker) end(i int32) int32 {
	end := c.p.Instances[i].End
	if first := int(c.p.Instances[i].First); i > 0 && int(end) > c.in.Last+1 && first >= c.in.First && first <= c.in.Last {
		return int32(c.in.Last + 1)
	}
	return end
}

// coverage counts how the rows went.
func (c *Checker) coverage() Coverage {
	var cov Coverage
	for i, mark := range c.marks {
		if mark == 0 {
			continue
		}
		n := rowsOf(&c.in.UseCase.Rows[i])
		if mark&sawOpen != 0 {
			cov.NotCompiled += n
		} else {
			cov.External += n
		}
	}
	cov.Rows = c.prog.total
	cov.Decided = cov.Rows - cov.NotCompiled - cov.External
	return cov
}

// rowsOf returns how many rows of the document a row is.
func rowsOf(r *rules.Row) int { return max(1, len(r.Codes)) }

// zeroed returns a slice of n zero values, made from s if it is large enough.
func zeroed[T any](s []T, n int) []T {
	s = slices.Grow(s[:0], n)[:n]
	clear(s)
	return s
}
