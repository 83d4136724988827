package wss

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// TestMutations changes messages at random, without the key of the sender. Whatever is still accepted says what it said
// before: the same Messaging, the same payloads, the same signer if he is trusted. WSS_MUTATIONS says how many are made (500 if unset),
// WSS_SEED repeats a run.
func TestMutations(t *testing.T) {
	number := func(name string, value uint64) uint64 {
		if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
			return n
		}
		return value
	}
	n, seed := number("WSS_MUTATIONS", 500), number("WSS_SEED", rand.Uint64())
	t.Logf("WSS_MUTATIONS=%d WSS_SEED=%d", n, seed)
	m := mutator{rand: rand.New(rand.NewPCG(seed, 2))}

	original := change{ids: []string{"a@x", "b@x"}}.make(t)
	parse := func(xml string) *xmltree.Element {
		root, err := xmltree.Parse([]byte(xml), xmltree.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return root
	}
	messaging := func(root *xmltree.Element) []byte {
		return root.Find(soapSpace, "Header").Find(ebSpace, "Messaging").Canonical(nil)
	}
	want := messaging(parse(original.xml))
	accepted := 0
	for range n {
		mutant := original.clone()
		root := parse(mutant.xml)
		for range 1 + m.rand.IntN(3) {
			m.mutate(root)
		}
		mutant.xml = string(root.Canonical(nil))
		switch m.rand.IntN(20) {
		case 0:
			slices.Reverse(mutant.parts)
		case 1:
			mutant.parts[0].Data, mutant.parts[1].Data = mutant.parts[1].Data, mutant.parts[0].Data
		case 2:
			mutant.parts = mutant.parts[1:]
		}
		v, parts, err := receive(mutant, recipientKeys())
		if err != nil {
			continue
		}
		accepted++
		if got := messaging(parse(mutant.xml)); !bytes.Equal(got, want) {
			t.Fatalf("another Messaging is accepted:\n%s", mutant.xml)
		}
		for _, p := range parts {
			if !bytes.Equal(p.Data, payload(p.ID, 200+len(p.ID)).Data) {
				t.Fatalf("another payload is accepted for %s:\n%s", p.ID, mutant.xml)
			}
		}
		if len(parts) != 2 {
			t.Fatalf("%d parts are accepted:\n%s", len(parts), mutant.xml)
		}
		// A certificate may be damaged here as long as its key is not.
		if _, err := people().pki.Trust().Verify(v.Leaf, v.Path, smpki.Signature, time.Now()); err == nil && !v.Leaf.Equal(people().sender.Signature.Certificate) {
			t.Fatalf("signed by %s:\n%s", v.Leaf.Subject, mutant.xml)
		}
	}
	t.Logf("%d of %d are accepted", accepted, n)
}

type mutator struct{ rand *rand.Rand }

// mutate changes one thing in a tree.
func (m *mutator) mutate(root *xmltree.Element) {
	var all []*xmltree.Element
	for e := range root.Descend() {
		all = append(all, e)
	}
	pick := func() *xmltree.Element { return all[m.rand.IntN(len(all))] }
	a, b := pick(), pick()
	switch m.rand.IntN(12) {
	case 0: // away
		if a.Parent != nil {
			remove(a)
		}
	case 1: // somewhere else
		if a.Parent != nil && !inside(b, a) {
			m.insert(b, remove(a))
		}
	case 2, 3: // in a second place
		if c := a.Clone(); !inside(b, a) {
			m.insert(b, c)
		}
	case 4: // a copy in its place, the genuine one elsewhere
		if a.Parent != nil && !inside(b, a) {
			c := a.Clone()
			if e := find(c, "PartyId"); e != nil {
				e.SetText("9900000000099")
			}
			replace(a, c)
			m.insert(b, a)
		}
	case 5: // the name of another
		a.Prefix, a.Space, a.Local = b.Prefix, b.Space, b.Local
	case 6: // the text of another
		if a != b && len(a.Children) == 1 && len(b.Children) == 1 && a.Children[0].Element == nil && b.Children[0].Element == nil {
			a.Children[0].Text = b.Children[0].Text
		}
	case 7: // another text
		if len(a.Children) == 1 && a.Children[0].Element == nil {
			text := []byte(a.Children[0].Text)
			text[m.rand.IntN(len(text))] = "AB09= "[m.rand.IntN(6)]
			a.SetText(string(text))
		}
	case 8: // without an attribute
		if len(a.Attrs) > 0 {
			i := m.rand.IntN(len(a.Attrs))
			a.Attrs = slices.Delete(slices.Clone(a.Attrs), i, i+1)
		}
	case 9: // the value of another attribute
		if len(a.Attrs) > 0 && len(b.Attrs) > 0 {
			a.Attrs[m.rand.IntN(len(a.Attrs))].Value = b.Attrs[m.rand.IntN(len(b.Attrs))].Value
		}
	case 10: // an attribute of another
		if len(b.Attrs) > 0 {
			x := b.Attrs[m.rand.IntN(len(b.Attrs))]
			a.SetNS(x.Prefix, x.Space, x.Local, x.Value)
		}
	case 11: // children in another order
		m.rand.Shuffle(len(a.Children), func(i, j int) { a.Children[i], a.Children[j] = a.Children[j], a.Children[i] })
	}
}

func (m *mutator) insert(into, e *xmltree.Element) {
	e.Parent = into
	into.Children = slices.Insert(into.Children, m.rand.IntN(len(into.Children)+1), xmltree.Node{Element: e})
}
