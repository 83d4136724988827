// Package sample writes valid messages of a Pruefidentifikator from its rule pack alone: for tests, for a partner that
// is played, and to see what a message looks like.
//
//	err := sample.Generate(w, pack, "55001", sample.Options{Variant: sample.Minimal, Seed: 1})
//
// How it works: a message is a tree of group instances and segments (tree.go). It begins with what the structure
// demands and grows until nothing changes any more (settle.go): rows whose status demands something are added,
// repetitions and packages are met, codes and values are chosen (fill.go) from what the conditions propose
// (propose.go). What a condition says about the tree is worked out by an interpreter of this package (eval.go,
// select.go) that walks the tree recursively and computes with decimal fractions and calendar times. It shares with
// package ahb, which judges messages, the rule packs and the parsed conditions and nothing else: ahb works on placed
// segments of a read message with compiled tables. A fault in one of them shows as a disagreement.
//
// Three variants: Minimal has what must be there, Full everything that may be there, Random a part of it that the
// seed decides. The same options give the same bytes.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 6 (statuses, conditions, packages, repetition)
package sample

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
)

// Variant says how much of what may be there is written.
type Variant string

// The variants.
const (
	Minimal Variant = "minimal"
	Full    Variant = "full"
	Random  Variant = "random"
)

// Options says what to write.
type Options struct {
	Variant  Variant
	Seed     uint64
	Messages int          // in the interchange, 1 if less
	At       time.Time    // instant of sending; zero: the 33rd day of the format version, 08:12 UTC
	Lists    *rules.Lists // code lists; nil: those that belong to the pack
}

// ErrUnknown says that the pack has no such Pruefidentifikator.
var ErrUnknown = errors.New("sample: the rule pack does not have the Prüfidentifikator")

// ErrWithdrawn says that the handbook tables have the Pruefidentifikator, but not the message description: no message
// with it can be right.
var ErrWithdrawn = errors.New("sample: the message description does not have the Prüfidentifikator")

// dayOfVersion is how far into a format version messages are dated, so that dates before them belong to it as well.
const dayOfVersion = 32

// Generate writes an interchange with messages of a Pruefidentifikator; APERAK and CONTRL have names of columns
// instead, such as APERAK_Fehlermeldung. The error is ErrUnknown, or says what could not be satisfied.
func Generate(w io.Writer, pack *rules.Pack, pruefidentifikator string, o Options) error {
	g, err := open(pack, pruefidentifikator, o)
	if err != nil {
		return err
	}
	var messages []*item
	for range max(1, o.Messages) {
		root, err := g.message()
		if err != nil {
			return fmt.Errorf("sample: %s %s: %w", pack.FormatVersion, pruefidentifikator, err)
		}
		messages = append(messages, root)
	}
	return g.interchange(w, messages...)
}

// open prepares the generator of a use case.
func open(pack *rules.Pack, pruefidentifikator string, o Options) (*generator, error) {
	use, err := pack.UseCase(pruefidentifikator)
	if err != nil {
		return nil, err
	}
	if use == nil {
		return nil, fmt.Errorf("%w: %s %s %s", ErrUnknown, pack.FormatVersion, pack.Name, pruefidentifikator)
	}
	if o.At.IsZero() {
		if o.At, err = within(pack.FormatVersion); err != nil {
			return nil, err
		}
	}
	if o.Lists == nil {
		if o.Lists, err = pack.Lists(); err != nil && !errors.Is(err, rules.ErrNotFound) {
			return nil, err
		}
	}
	g := newGenerator(pack, use, o)
	if g.withdrawn() {
		return nil, fmt.Errorf("%w: %s %s %s", ErrWithdrawn, pack.FormatVersion, pack.Name, pruefidentifikator)
	}
	return g, nil
}

// within returns an instant in a format version.
func within(fv formats.FormatVersion) (time.Time, error) {
	for _, v := range formats.Versions() {
		if v.Version == fv {
			y, m, d := v.From.Date()
			return time.Date(y, m, d+dayOfVersion, 8, 12, 0, 0, time.UTC), nil
		}
	}
	return time.Time{}, fmt.Errorf("sample: the dates of %s are not known, Options.At must be set", fv)
}

// generator writes messages of one use case.
type generator struct {
	pack  *rules.Pack
	use   *rules.UseCase
	lists *rules.Lists
	opts  Options
	rng   *rand.Rand
	plans []*plan // by node, nil if the use case does not have it
	head  *plan   // of UNB, nil if the document does not print it

	sender, receiver string // MP-IDs
	agency           string // DE 3055 of both
	used             int    // numbers given out
	attempt          int    // at the message
	root             *item
	changed          bool
	last             int32         // node that changed last
	wishes           map[wish]bool // what the variant decided, by place
	banned           map[wish]int  // what had to be taken out again, and how often
	fails            map[*item]int // rounds that a segment had no good value in
}

// wish is something that may be there in a group instance.
type wish struct {
	in        *item
	node      int32
	element   int
	component int
}

func newGenerator(pack *rules.Pack, use *rules.UseCase, o Options) *generator {
	g := &generator{pack: pack, use: use, lists: o.Lists, opts: o, plans: make([]*plan, len(pack.Nodes)),
		rng: rand.New(rand.NewPCG(o.Seed, 0x6d61726b74626f74))} //nolint:gosec // reproducible on purpose
	g.plan()
	g.partners()
	return g
}

// withdrawn reports whether the structure has no RFF+Z13 for the Pruefidentifikator.
func (g *generator) withdrawn() bool {
	found := false
	for node, p := range g.plans {
		if n := &g.pack.Nodes[node]; p == nil || n.IsGroup || n.Tag != edifact.MakeTag("RFF") || n.Elements.Len() == 0 {
			continue
		}
		e := &g.pack.Elements[g.pack.Nodes[node].Elements.First]
		if e.Components.Len() < 2 || !slices.Contains(g.pack.Codes(g.pack.Components[e.Components.First].Codes), "Z13") {
			continue
		}
		codes := g.codesOf(&g.pack.Components[e.Components.First+1])
		if codes == nil || slices.Contains(codes, g.use.Pruefidentifikator) {
			return false
		}
		found = true
	}
	return found
}

// number gives out a number that no other value of the interchange has.
func (g *generator) number() int {
	g.used++
	return g.used
}

// random reports whether the seed decides what is there.
func (g *generator) random() bool { return g.opts.Variant == Random }

// shuffles reports whether the seed decides the order in which values are tried.
func (g *generator) shuffles() bool { return g.random() || g.attempt > 0 }
