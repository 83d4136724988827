package sample

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/rules"
)

// partners chooses the MP-IDs. The agency follows the Sparte of the use case.
//
// Spec: Allgemeine Festlegungen 6.1 2.13 (DE 3055: 293 BDEW, 332 DVGW, 9 GS1; DE 0007: 500, 502, 14)
func (g *generator) partners() {
	g.agency = "293"
	if strings.HasSuffix(g.pack.Name, "_Gas") || g.use.Sparten == "Gas" {
		g.agency = "332"
	}
	allowed := map[string]bool{}
	for _, p := range g.plans {
		if p == nil || g.pack.Nodes[p.row.Node].Tag != edifact.MakeTag("NAD") {
			continue
		}
		for _, at := range p.places {
			if at.element == 2 && at.component == 3 {
				for _, c := range at.codes {
					allowed[c.code] = true
				}
			}
		}
	}
	for _, agency := range []string{"293", "332", "9"} {
		if len(allowed) > 0 && !allowed[g.agency] && allowed[agency] {
			g.agency = agency
		}
	}
	prefix := map[string]string{"293": "99", "332": "98", "9": "40"}[g.agency]
	g.sender = prefix + "00001" + fmt.Sprintf("%05d", g.rng.IntN(100000))
	g.receiver = prefix + "00002" + fmt.Sprintf("%05d", g.rng.IntN(100000))
	g.sender += "1"
	g.receiver += "2"
}

// interchange writes messages with their envelope.
func (g *generator) interchange(w io.Writer, messages ...*item) error {
	out := edifact.NewWriter(w, edifact.DefaultService)
	if err := g.envelope(out); err != nil {
		return err
	}
	for i, root := range messages {
		if err := g.write(out, root, i+1); err != nil {
			return err
		}
	}
	if err := out.EndInterchange(); err != nil {
		return err
	}
	return out.Flush()
}

// envelope writes UNB.
func (g *generator) envelope(out *edifact.Writer) error {
	qualifier := map[string]string{"293": "500", "332": "502", "9": "14"}[g.agency]
	application := ""
	if g.head != nil {
		for _, p := range g.head.places {
			if p.element == 7 && len(p.codes) > 0 {
				application = p.codes[0].code
			}
		}
	}
	return out.Segment("UNB", edifact.C("UNOC", "3"), edifact.C(g.sender, qualifier), edifact.C(g.receiver, qualifier),
		edifact.C(g.opts.At.UTC().Format("060102"), g.opts.At.UTC().Format("1504")),
		edifact.C(fmt.Sprintf("MB%012d", g.rng.Int64N(1e12))), nil, edifact.C(application))
}

// write writes one message.
func (g *generator) write(out *edifact.Writer, root *item, n int) error {
	var err error
	emit := func(it *item) {
		node := g.info(it)
		if err != nil || node.IsGroup {
			return
		}
		switch values := trimmed(it.values); node.Tag {
		case edifact.UNH:
			err = out.BeginMessage(strconv.Itoa(n), values[1], values[2:]...)
		case edifact.UNT:
			err = out.EndMessage()
		default:
			err = out.Segment(node.Tag.String(), values...)
		}
	}
	root.below(emit)
	return err
}

// trimmed drops empty elements at the end.
func trimmed(values [][]string) [][]string {
	end := len(values)
	for end > 0 && !slices.ContainsFunc(values[end-1], func(v string) bool { return v != "" }) {
		end--
	}
	return values[:max(end, min(2, len(values)))]
}

// codesOf returns the closed code list of a component, nil if any value is possible.
func (g *generator) codesOf(c *rules.Component) []string {
	if c.Open || c.Codes.Len() == 0 {
		return nil
	}
	return g.pack.Codes(c.Codes)
}
