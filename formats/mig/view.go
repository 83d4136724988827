package mig

import "github.com/marktbote/marktbote/edifact"

// view is a segment of a message with its components laid out.
type view struct {
	edifact.Layout
	msg *edifact.Message
	n   int
	tag edifact.Tag
}

// load turns to segment n of a message.
func (v *view) load(m *edifact.Message, n int) {
	v.Layout = m.Layout(n)
	v.msg, v.n, v.tag = m, n, m.Tag(n)
}

// segment returns the segment itself.
func (v *view) segment() edifact.Segment { return v.msg.Segment(v.n) }
