package mig_test

import (
	"bytes"
	"testing"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/mig"
	"github.com/marktbote/marktbote/formats/rules"
)

// FuzzCheck wants of any message: no panic, no more findings than the limit, findings that point into the message,
// a placement of all segments that agrees with the tags, and the same result from a Checker that was used before.
func FuzzCheck(f *testing.F) {
	for _, file := range faultFiles {
		data := read(f, file)
		f.Add(data)
		f.Add(bytes.ReplaceAll(data, []byte("+Z"), []byte("+Q")))
		f.Add(bytes.ReplaceAll(data, []byte("DTM"), []byte("NAD")))
		f.Add(bytes.ReplaceAll(data, []byte("'"), []byte(":'")))
	}
	var packs []*rules.Pack
	for _, name := range []string{"UTILMD_Strom", "MSCONS", "ORDERS"} {
		p, err := rules.Load("FV2610", name)
		if err != nil {
			f.Fatal(err)
		}
		packs = append(packs, p)
	}
	const limit = 7
	f.Fuzz(func(t *testing.T, data []byte) {
		r := edifact.NewReader(bytes.NewReader(data), edifact.Options{})
		var m edifact.Message
		var used mig.Checker
		for r.NextMessage(&m) == nil {
			for _, p := range packs {
				var first []formats.Finding
				pl := used.Check(p, &m, limit, func(g formats.Finding) { first = append(first, g) })
				if len(first) > limit {
					t.Fatalf("%d findings", len(first))
				}
				checkPlacement(t, p, &m, pl)
				for _, g := range first {
					checkPosition(t, &m, g)
				}
				var fresh mig.Checker
				i := 0
				fresh.Check(p, &m, limit, func(g formats.Finding) {
					if i >= len(first) || g.Text != first[i].Text || g.Path != first[i].Path || g.Offset != first[i].Offset {
						t.Fatalf("finding %d differs in a fresh Checker: %s", i, g.Text)
					}
					i++
				})
				if i != len(first) {
					t.Fatalf("%d findings, %d with a fresh Checker", len(first), i)
				}
			}
		}
	})
}

func checkPlacement(t *testing.T, p *rules.Pack, m *edifact.Message, pl *mig.Placement) {
	t.Helper()
	if len(pl.Nodes) != m.Len() || len(pl.Instance) != m.Len() {
		t.Fatalf("%d segments, %d nodes, %d instances", m.Len(), len(pl.Nodes), len(pl.Instance))
	}
	for n := 1; n <= m.Len(); n++ {
		node, instance := pl.Nodes[n-1], pl.Instance[n-1]
		if node >= 0 && p.Nodes[node].Tag != m.Tag(n) {
			t.Fatalf("segment %d %s is placed at %s", n, m.Tag(n), p.Nodes[node].Tag)
		}
		if node >= 0 && p.Nodes[node].Parent != pl.Instances[instance].Node {
			t.Fatalf("segment %d stands in an instance of another group", n)
		}
		if m.Tag(n) != 0 && pl.Path(n) == "" {
			t.Fatalf("segment %d has no path", n)
		}
	}
	for i, in := range pl.Instances {
		if int(in.Parent) >= i || in.First < 1 || in.End < in.First || int(in.End) > m.Len()+1 {
			t.Fatalf("instance %d is %+v of %d segments", i, in, m.Len())
		}
	}
}

func checkPosition(t *testing.T, m *edifact.Message, g formats.Finding) {
	t.Helper()
	if g.SegmentNumber < 1 || g.SegmentNumber > m.Len() {
		t.Fatalf("segment %d of %d", g.SegmentNumber, m.Len())
	}
	seg := m.Segment(g.SegmentNumber)
	if end := seg.Offset() + int64(len(seg.Raw())); g.Offset < seg.Offset() || g.Offset+int64(g.Length) > end {
		t.Fatalf("%s: %d+%d is not in segment %d", g.Code, g.Offset, g.Length, g.SegmentNumber)
	}
	if g.Text == "" || g.Wire == nil || g.Rule == "" {
		t.Fatalf("finding is not complete: %+v", g)
	}
}
