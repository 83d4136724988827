package ack

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/rules"
)

var errNoNumbers = errors.New("ack: Options.Numbers is missing")

// Envelope is the header of an interchange, UNB.
type Envelope struct {
	Sender, Receiver Party
	CreatedAt        time.Time // S004, to the minute
	ControlRef       string    // 0020
	Test             bool      // 0035
}

// Interchange is a file with answers, ready to be sent.
type Interchange struct {
	Envelope
	Type     string // CONTRL or APERAK
	Messages int
	Bytes    []byte // ISO 8859-1
}

// Write writes the answers of one or more decisions: every CONTRL as an interchange of its own, the APERAK bundled by
// partner, in the order of the decisions. Tests are not mixed with others.
//
// Spec: CONTRL AHB 1.0; APERAK AHB 1.1 2.3 (APERAK are bundled, 312 with 313, about several files)
func Write(opts Options, decisions ...*Decision) ([]Interchange, error) {
	var out []Interchange
	for _, d := range decisions {
		if d.Contrl == nil {
			continue
		}
		x, err := WriteContrl(opts, envelopeOf(d), d.Contrl)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	var order []Envelope
	bundles := map[Envelope][]Aperak{}
	for _, d := range decisions {
		key := envelopeOf(d)
		for i := range d.Aperaks {
			if len(bundles[key]) == 0 {
				order = append(order, key)
			}
			bundles[key] = append(bundles[key], d.Aperaks[i].Aperak)
		}
	}
	for _, key := range order {
		x, err := WriteAperaks(opts, key, bundles[key])
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

func envelopeOf(d *Decision) Envelope {
	return Envelope{Sender: d.Sender, Receiver: d.Receiver, Test: d.Test}
}

// WriteContrl writes an interchange with one CONTRL. Without a control reference in env it takes one from
// Options.Numbers, and Options.SentAt is its time.
//
// Spec: CONTRL MIG 2.0b
func WriteContrl(opts Options, env Envelope, c *Contrl) (Interchange, error) {
	pack, err := answerPack(opts.shelf(), "CONTRL", opts.version())
	if err != nil {
		return Interchange{}, err
	}
	return interchange(opts, env, pack, 1, func(w *edifact.Writer, _ int) { writeContrl(w, c) })
}

// WriteAperaks writes an interchange with an APERAK in every message, in the form of the format version in which it is
// sent. Control reference and time are as for WriteContrl.
//
// Spec: APERAK MIG 2.1i; APERAK MIG 2.2
func WriteAperaks(opts Options, env Envelope, list []Aperak) (Interchange, error) {
	pack, err := answerPack(opts.shelf(), "APERAK", opts.version())
	if err != nil {
		return Interchange{}, err
	}
	named := namesMessage(pack)
	return interchange(opts, env, pack, len(list), func(w *edifact.Writer, i int) { writeAperak(w, &list[i], named) })
}

// interchange writes UNB, n messages and UNZ.
func interchange(opts Options, env Envelope, pack *rules.Pack, n int, body func(w *edifact.Writer, i int)) (Interchange, error) {
	env.CreatedAt = opts.SentAt.UTC().Truncate(time.Minute)
	if env.ControlRef == "" {
		if opts.Numbers == nil {
			return Interchange{}, errNoNumbers
		}
		ref, err := opts.Numbers.ControlRef()
		if err != nil {
			return Interchange{}, fmt.Errorf("ack: control reference: %w", err)
		}
		env.ControlRef = ref
	}
	if !usableControlRef(env.ControlRef) {
		return Interchange{}, fmt.Errorf("ack: control reference %q is not 1 to 14 upper-case letters and digits", env.ControlRef)
	}
	var buf bytes.Buffer
	w := edifact.NewWriter(&buf, edifact.DefaultService)
	test := ""
	if env.Test {
		test = "1"
	}
	_ = w.Segment("UNB", edifact.C("UNOC", "3"), edifact.C(env.Sender.ID, env.Sender.Qualifier), edifact.C(env.Receiver.ID, env.Receiver.Qualifier),
		edifact.C(env.CreatedAt.Format("060102"), env.CreatedAt.Format("1504")), edifact.C(env.ControlRef), nil, nil, nil, nil, nil, edifact.C(test))
	for i := range n {
		_ = w.BeginMessage(strconv.Itoa(i+1), identifierOf(pack))
		body(w, i)
		_ = w.EndMessage()
	}
	_ = w.EndInterchange()
	if err := w.Flush(); err != nil { // the first error of all
		return Interchange{}, fmt.Errorf("ack: write %s: %w", pack.Type, err)
	}
	return Interchange{Envelope: env, Type: pack.Type, Messages: n, Bytes: buf.Bytes()}, nil
}

func usableControlRef(s string) bool {
	for _, r := range s {
		if (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return false
		}
	}
	return s != "" && len(s) <= 14
}

// writeContrl writes the segments of a CONTRL between UNH and UNT. Errors stay in the Writer.
func writeContrl(w *edifact.Writer, c *Contrl) {
	_ = w.Segment("UCI", append([][]string{
		{c.ControlRef}, {c.Sender.ID, c.Sender.Qualifier}, {c.Receiver.ID, c.Receiver.Qualifier}, {string(c.Action)},
	}, faultElements(c.Fault)...)...)
	for i := range c.Messages {
		m := &c.Messages[i]
		_ = w.Segment("UCM", append([][]string{
			{m.Reference}, {m.Identifier.Type, m.Identifier.Version, m.Identifier.Release, m.Identifier.Agency, m.Identifier.Code}, {string(Rejected)},
		}, faultElements(m.Fault)...)...)
		for _, s := range m.Segments {
			_ = w.Segment("UCS", edifact.C(strconv.Itoa(s.Position)), edifact.C(s.Code))
			for _, e := range s.Elements {
				_ = w.Segment("UCD", edifact.C(e.Code), placeElement(e.Place))
			}
		}
	}
}

// faultElements returns 0085, 0013 and S011 of UCI and UCM.
func faultElements(f *Fault) [][]string {
	if f == nil {
		return nil
	}
	return [][]string{{f.Code}, {f.Segment}, placeElement(f.Place)}
}

// placeElement returns S011.
func placeElement(p edifact.Place) []string {
	switch {
	case p.Element == 0:
		return nil
	case p.Component == 0:
		return edifact.C(strconv.Itoa(p.Element))
	}
	return edifact.C(strconv.Itoa(p.Element), strconv.Itoa(p.Component))
}

// writeAperak writes the segments of an APERAK between UNH and UNT. Where the references of a 313 stand depends on
// whether its form names the message, see namesMessage.
//
// Spec: APERAK AHB 1.0 (columns), APERAK MIG 2.1i; APERAK AHB 1.1 (columns), APERAK MIG 2.2
func writeAperak(w *edifact.Writer, a *Aperak, named bool) {
	rejects := a.Code == NotAccepted
	_ = w.Segment("BGM", edifact.C(string(a.Code)), edifact.C(a.Number))
	_ = w.Segment("DTM", edifact.C("137", dtm(a.CreatedAt), "303"))
	_ = w.Segment("RFF", edifact.C("ACE", a.ControlRef))
	_ = w.Segment("DTM", edifact.C("171", dtm(a.FileCreatedAt), "303"))
	if !rejects || !named {
		_ = w.Segment("RFF", edifact.C("AGO", a.Document))
		if a.Transaction != "" {
			_ = w.Segment("RFF", edifact.C("TN", a.Transaction))
		}
	}
	_ = w.Segment("NAD", edifact.C("MS"), edifact.C(a.Sender.ID, "", a.Sender.agency()))
	_ = w.Segment("NAD", edifact.C("MR"), edifact.C(a.Receiver.ID, "", a.Receiver.agency()))
	for i := range a.Errors {
		e := &a.Errors[i]
		_ = w.Segment("ERC", edifact.C(e.Code))
		if e.Content[0] != "" {
			freeText(w, "ABO", e.Content[0], e.Content[1])
		}
		writeReferences(w, a, e, named)
		if e.Successor != "" {
			_ = w.Segment("RFF", edifact.C("Z08", e.Successor))
		}
	}
}

// writeReferences writes what an error refers to (SG5). Texts follow the innermost reference.
func writeReferences(w *edifact.Writer, a *Aperak, e *ApplicationError, named bool) {
	described := e.Help != "" || e.Place.Name != ""
	if named {
		_ = w.Segment("RFF", edifact.C("ACW", a.Message))
		_ = w.Segment("RFF", edifact.C("AGO", a.Document))
		if a.Transaction != "" {
			_ = w.Segment("RFF", edifact.C("TN", a.Transaction))
		}
	} else if described {
		if a.Transaction != "" {
			_ = w.Segment("RFF", edifact.C("TN", a.Transaction))
		} else {
			_ = w.Segment("RFF", edifact.C("AGO", a.Document))
		}
	}
	if e.Help != "" {
		freeText(w, "AAO", e.Help)
	}
	if e.Place.Name != "" {
		freeText(w, "Z02", e.Place.Name, e.Place.Raw)
	}
}

func freeText(w *edifact.Writer, qualifier string, text ...string) {
	_ = w.Segment("FTX", edifact.C(qualifier), nil, nil, text)
}
