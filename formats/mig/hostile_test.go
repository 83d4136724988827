package mig_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/mig"
	"github.com/marktbote/marktbote/formats/rules"
)

// hostileSize is the size of a message with nothing but faults. Its check takes a tenth of a second; hostileTime leaves
// room for the race detector and a busy machine, and is far below what work that multiplies with the faults would take.
const (
	hostileSize = 100_000
	hostileTime = 60 * time.Second // a guard against what never ends, on a busy machine with the race detector too
)

// TestHostile: the work for a message in which nothing is in place is bounded by its size, however many findings are
// wanted.
func TestHostile(t *testing.T) {
	t.Parallel()
	shapes := []struct {
		name    string
		segment func(p *rules.Pack, nodes []int32, i int) string
	}{
		{"document backwards", func(p *rules.Pack, nodes []int32, i int) string {
			return example(p, nodes[len(nodes)-1-i%len(nodes)])
		}},
		{"every seventh segment", func(p *rules.Pack, nodes []int32, i int) string { return example(p, nodes[i*7%len(nodes)]) }},
		{"unknown qualifiers", func(p *rules.Pack, nodes []int32, i int) string {
			return p.Nodes[nodes[i*7%len(nodes)]].Tag.String() + "+QQQ"
		}},
		{"tags alone", func(p *rules.Pack, nodes []int32, i int) string { return p.Nodes[nodes[i*7%len(nodes)]].Tag.String() }},
		{"one segment", func(p *rules.Pack, nodes []int32, i int) string { return example(p, nodes[len(nodes)/2]) }},
		{"document up to the middle, then one tag", func(p *rules.Pack, nodes []int32, i int) string {
			if middle := len(nodes) / 2; i >= middle {
				return p.Nodes[nodes[middle]].Tag.String() + "+QQQ"
			}
			return example(p, nodes[i])
		}},
		{"unknown tag", func(*rules.Pack, []int32, int) string { return "QQQ" }},
	}
	for _, name := range []string{"UTILMD_Strom", "MSCONS", "IFTSTA"} {
		p, err := rules.Load("FV2610", name)
		if err != nil {
			t.Fatal(err)
		}
		var nodes []int32
		for i := range p.Nodes {
			if n := &p.Nodes[i]; !n.IsGroup && n.Parent >= 0 && n.Tag != edifact.UNH && n.Tag != edifact.UNT {
				nodes = append(nodes, int32(i))
			}
		}
		for _, shape := range shapes {
			t.Run(name+" "+shape.name, func(t *testing.T) {
				t.Parallel()
				var b strings.Builder
				b.WriteString("UNB+UNOC:3+9999100000013:500+9999200000020:500+261103:0715+R1'UNH+1+UTILMD:D:11A:UN:S2.2'")
				segments := 2
				for ; b.Len() < hostileSize; segments++ {
					b.WriteString(shape.segment(p, nodes, segments-2) + "'")
				}
				fmt.Fprintf(&b, "UNT+%d+1'UNZ+1+R1'", segments)
				m := messages(t, []byte(b.String()))[0]
				for _, limit := range []int{1, 500, 5000} {
					var c mig.Checker
					found, start := 0, time.Now()
					c.Check(p, m, limit, func(formats.Finding) { found++ })
					if took := time.Since(start); took > hostileTime || found == 0 || found > limit {
						t.Errorf("%d segments took %v for %d findings of at most %d", m.Len(), took, found, limit)
					}
				}
			})
		}
	}
}

// example returns a segment as a node wants it: the first code of each list.
func example(p *rules.Pack, node int32) string {
	n := &p.Nodes[node]
	var b strings.Builder
	b.WriteString(n.Tag.String())
	for _, e := range p.Elements[n.Elements.First:n.Elements.End] {
		sep := "+"
		for _, c := range p.Components[e.Components.First:e.Components.End] {
			b.WriteString(sep)
			sep = ":"
			if codes := p.Codes(c.Codes); len(codes) > 0 {
				b.WriteString(codes[0])
			} else if c.Status.Required() {
				b.WriteString("1")
			}
		}
	}
	return strings.TrimRight(b.String(), "+:")
}
