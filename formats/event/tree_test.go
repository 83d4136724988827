package event

import (
	"strings"
	"testing"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/formats/mig"
	"github.com/marktbote/marktbote/formats/rules"
)

// TestGroups checks that the mapping files put every segment of generated messages into the group in which the structure
// check finds it.
func TestGroups(t *testing.T) {
	t.Parallel()
	generated(t, func(t *testing.T, pid string, env Envelope, _ *edifact.Segment, m *edifact.Message) {
		rows := mappings().rows[ident.Pruefidentifikator(pid)]
		if len(rows) == 0 {
			return
		}
		unh := m.Segment(1)
		pack, err := rules.Find(MessageType(m), unh.Text(3, 5), env.FormatVersion)
		if err != nil {
			t.Fatal(err)
		}
		var c mig.Checker
		p := c.Check(pack, m, 10, func(formats.Finding) {})
		var walk func(in *instance)
		walk = func(in *instance) {
			for _, n := range in.segments {
				if node := p.Nodes[n-1]; node >= 0 && pack.Nodes[node].Group != in.group.name {
					t.Errorf("%s: segment %d (%s) is in %q, the structure has it in %q", pid, n, strings.SplitN(string(rawOf(m, n)), "+", 2)[0],
						in.group.name, pack.Nodes[node].Group)
				}
			}
			for _, sub := range in.below {
				walk(sub)
			}
		}
		walk(rows[0].table.tree(m, span{1, m.Len()}))
	})
}

func rawOf(m *edifact.Message, n int) []byte {
	s := m.Segment(n)
	return s.Raw()
}
