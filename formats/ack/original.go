package ack

import (
	"errors"
	"io"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/mig"
	"github.com/marktbote/marktbote/formats/rules"
)

// Original is a file that was checked, with what its answers repeat of it.
type Original struct {
	Result           *check.Result
	Sender, Receiver Party // UNB S002, S003

	headers   map[int]Identifier // S009 of the messages that CONTRL reports, by index in Result.Messages
	places    map[*formats.Finding]SegmentPlace
	intervals map[*formats.Finding][2]string
	lost      bool // findings of the check were not kept
}

// Identifier is UNH S009: what kind of message it is.
type Identifier struct {
	Type    string // 0065
	Version string // 0052
	Release string // 0054
	Agency  string // 0051
	Code    string // 0057
}

// SegmentPlace is where an error is: FTX+Z02.
type SegmentPlace struct {
	Name string // of the segment, as the message description prints it
	Raw  string // the segment as it was sent, without terminator; empty if it is missing or too long to be repeated
}

// Inspect reads a file once more that was checked with these options, and takes from it what the answers repeat: UNB,
// the headers of messages with syntax errors, the segments with errors of processing. It reads as far as it must. The
// error is not nil only if src or a rule pack cannot be read.
func Inspect(src io.Reader, result *check.Result, opts check.Options) (*Original, error) {
	if opts.Rules == nil {
		opts.Rules = rules.Embedded()
	}
	if opts.MaxFindings <= 0 {
		opts.MaxFindings = check.DefaultMaxFindings
	}
	o := &Original{
		Result: result, headers: map[int]Identifier{}, places: map[*formats.Finding]SegmentPlace{},
		intervals: map[*formats.Finding][2]string{},
	}
	kept := len(result.Findings)
	for i := range result.Messages {
		kept += len(findingsOf(&result.Messages[i]))
	}
	o.lost = kept >= opts.MaxFindings && result.FindingCount > kept

	in := inspector{Original: o, opts: opts}
	opts.Read.Concatenated = false
	reader := edifact.NewReader(src, opts.Read)
	last := lastReported(result)
	var m edifact.Message
	for i := range max(1, last+1) {
		err := reader.NextMessage(&m)
		if unb := reader.UNB(); unb != nil && o.Sender.ID == "" {
			o.Sender, o.Receiver = partyFrom(unb, 3), partyFrom(unb, 4)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if i >= len(result.Messages) {
			break
		}
		if err := in.message(i, &m, reader.UNB()); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// partyFrom reads S002 or S003 of UNB.
func partyFrom(unb *edifact.Segment, element int) Party {
	return Party{repeated(unb.Text(element, 1), 35), repeated(unb.Text(element, 2), 4)}
}

// findingsOf returns the findings of a message and its transactions. They point into the result.
func findingsOf(m *check.Message) []*formats.Finding {
	var list []*formats.Finding
	for i := range m.Findings {
		list = append(list, &m.Findings[i])
	}
	for t := range m.Transactions {
		for i := range m.Transactions[t].Findings {
			list = append(list, &m.Transactions[t].Findings[i])
		}
	}
	return list
}

// errorsFor returns the findings that are answered with CONTRL or APERAK.
func errorsFor(kind string, list []*formats.Finding) []*formats.Finding {
	var out []*formats.Finding
	for _, x := range list {
		if x.Severity == formats.Error && x.Wire != nil && x.Wire.Kind == kind {
			out = append(out, x)
		}
	}
	return out
}

// lastReported returns the last message that has an error, -1 if none has.
func lastReported(r *check.Result) int {
	for i := len(r.Messages) - 1; i >= 0; i-- {
		for _, x := range findingsOf(&r.Messages[i]) {
			if x.Severity == formats.Error {
				return i
			}
		}
	}
	return -1
}

// inspector goes through the messages of a file.
type inspector struct {
	*Original
	opts      check.Options
	structure mig.Checker
}

func (in *inspector) message(i int, m *edifact.Message, unb *edifact.Segment) error {
	list := findingsOf(&in.Result.Messages[i])
	unh := m.Segment(1)
	if in.Result.Verdict == check.RejectedSyntax {
		if len(errorsFor("CONTRL", list)) > 0 {
			in.headers[i] = Identifier{unh.Text(3, 1), unh.Text(3, 2), unh.Text(3, 3), unh.Text(3, 4), unh.Text(3, 5)}
		}
		return nil
	}
	list = errorsFor("APERAK", list)
	if len(list) == 0 {
		return nil
	}
	pack, err := in.opts.Rules.Find(unh.Text(3, 1), unh.Text(3, 5), in.Result.FormatVersion)
	if err != nil {
		return err
	}
	p := in.structure.Check(pack, m, 0, func(formats.Finding) {})
	for _, x := range list {
		if placed[x.Wire.Code] {
			in.places[x] = placeOf(x, m, p, unb)
		}
		if x.Wire.Code == "Z34" {
			in.intervals[x] = intervalOf(x, m, p)
		}
	}
	return nil
}

// intervalStarts are the dates that begin an interval, by the one that ends it.
//
// Spec: APERAK AHB 1.1 (Z34)
var intervalStarts = map[string]string{"164": "163", "156": "155", "Z43": "Z42", "93": "92", "159": "158", "472": "469"}

// intervalOf returns start and end of an interval that is negative or zero, each with its format. The finding stands at
// the end; the start stands in the same segment group.
//
// Spec: APERAK MIG 2.1i, SG4 FTX+ABO; APERAK MIG 2.2, SG4 FTX+ABO
func intervalOf(x *formats.Finding, m *edifact.Message, p *mig.Placement) [2]string {
	n := x.SegmentNumber
	if n < 1 || n > m.Len() || n > len(p.Instance) {
		return [2]string{}
	}
	value := func(s *edifact.Segment) string { return unoc(s.Text(2, 2)+":"+s.Text(2, 3), maxText) }
	end := m.Segment(n)
	group := p.Instances[p.Instance[n-1]]
	for k := int(group.First); k < int(group.End) && k <= m.Len(); k++ {
		s := m.Segment(k)
		if m.Tag(k) == tagDTM && p.Instance[k-1] == p.Instance[n-1] && s.Text(2, 1) == intervalStarts[end.Text(2, 1)] {
			return [2]string{value(&s), value(&end)}
		}
	}
	return [2]string{value(&end)}
}
