package mig

import (
	"strconv"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/rules"
)

// Placement says where the segments of a message belong. Instances[0] is the message itself; an instance comes
// after the one it is part of. A Placement belongs to the message it was made from.
type Placement struct {
	Pack      *rules.Pack
	Nodes     []int32 // per segment, the first at 0: its node, -1 if it could not be placed
	Instance  []int32 // per segment: the group instance it stands in
	Instances []Instance
	Complete  bool // the whole message was looked at

	msg *edifact.Message
}

// Instance is one occurrence of a segment group: the segments from First up to, not including, End, counted from 1
// as in CONTRL. In a faulty message the first segment of the group may be missing.
type Instance struct {
	Node   int32 // the group
	Parent int32 // the instance it is part of, -1 for the message
	First  int32
	End    int32
}

func (p *Placement) reset(pack *rules.Pack, m *edifact.Message) {
	p.Pack, p.msg, p.Complete = pack, m, false
	p.Nodes, p.Instance, p.Instances = p.Nodes[:0], p.Instance[:0], p.Instances[:0]
}

// add makes room for segment n.
func (p *Placement) add(n int) {
	instance := int32(0)
	if n > 1 {
		instance = p.Instance[n-2]
	}
	p.Nodes = append(p.Nodes, -1)
	p.Instance = append(p.Instance, instance)
}

func (p *Placement) set(n int, node, instance int32) { p.Nodes[n-1], p.Instance[n-1] = node, instance }

func (p *Placement) open(group, parent int32, first int) int32 {
	p.Instances = append(p.Instances, Instance{Node: group, Parent: parent, First: int32(first), End: -1})
	return int32(len(p.Instances) - 1)
}

// finish gives the instances that are still open their end, and segments that were not looked at no node.
func (p *Placement) finish(segments int) {
	for i := range p.Instances {
		if p.Instances[i].End < 0 {
			p.Instances[i].End = int32(len(p.Nodes)) + 1
		}
	}
	for len(p.Nodes) < segments {
		p.add(len(p.Nodes) + 1)
	}
}

// Path returns where segment n stands, such as SG4[2]/SG8[1]/CCI[3]: groups and segments with the same tag are
// counted from 1 within the group instance around them.
func (p *Placement) Path(n int) string {
	if n < 1 || n > len(p.Nodes) {
		return ""
	}
	instance, tag := p.Instance[n-1], p.msg.Tag(n)
	count := 0
	for i := p.Instances[instance].First; i <= int32(n); i++ {
		if p.Instance[i-1] == instance && p.msg.Tag(int(i)) == tag {
			count++
		}
	}
	return p.GroupPath(instance) + tag.String() + "[" + strconv.Itoa(count) + "]"
}

// GroupPath returns the path of an instance with a slash at its end; empty for the message.
func (p *Placement) GroupPath(instance int32) string {
	i := p.Instances[instance]
	if i.Parent < 0 {
		return ""
	}
	group := p.Pack.Nodes[i.Node].Group
	count := 1
	for _, other := range p.Instances[i.Parent:instance] {
		if other.Parent == i.Parent && p.Pack.Nodes[other.Node].Group == group {
			count++
		}
	}
	return p.GroupPath(i.Parent) + group + "[" + strconv.Itoa(count) + "]/"
}
