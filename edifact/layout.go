package edifact

// Layout is a segment of a Message with its elements told apart, so that any component is found at once: for those who
// look at most components of most segments. It is valid as long as a Segment of the Message, and counts like one.
type Layout struct {
	m     *Message
	first []uint32 // per element the index in m.marks where its first component ends, and one more for the end
}

// Layout returns the layout of segment n, counted from 1 (UNH). It panics if there is none.
func (m *Message) Layout(n int) Layout {
	return Layout{m, m.elements[m.segs[n-1].element : m.segs[n].element+1]}
}

// Elements returns the number of elements including the tag; trailing empty ones count if they were sent.
func (l *Layout) Elements() int { return len(l.first) - 1 }

// Components returns the number of components of element e (1 for a simple element, also an empty one); 0 if the
// element was not sent.
func (l *Layout) Components(e int) int {
	if uint(e-1) >= uint(len(l.first)-1) {
		return 0
	}
	return int(l.first[e] - l.first[e-1])
}

// RawComponent returns component c of element e as sent, release characters included; nil if it was not sent.
func (l *Layout) RawComponent(e, c int) []byte {
	if uint(e-1) >= uint(len(l.first)-1) {
		return nil
	}
	i := l.first[e-1] + uint32(c-1)
	if c < 1 || i >= l.first[e] {
		return nil
	}
	start, end := l.m.marks[i-1]+1, l.m.marks[i]
	return l.m.raw[start:end:end]
}
