package event

import (
	"strconv"
	"strings"

	"github.com/marktbote/marktbote/formats/ident"
)

// Field is a field of the data of events and where it stands in the message: enough to read it, and to write a message
// from an event.
type Field struct {
	Name      string
	List      bool    // one value per segment or group that fits
	Personal  bool    // in the block of personal data
	Derived   bool    // a second view of what another field takes, or worked out from others
	Kind      string  // how the value is written: text, code, instant and so on, see the mapping files
	Group     string  // segment group, empty for the message itself
	Opener    string  // the segment that opens the group, where it decides: CCI+++Z88
	Segment   string  // the segment with its codes: CAV+Z73; empty if code reads the value from several
	Element   int     // behind the tag, from 1; 0 if the whole segment is the value
	Component int     // from 1
	Fields    []Field // of an object
}

// Place returns the place as mapping files write it.
func (f Field) Place() string {
	var b strings.Builder
	for _, part := range []string{f.Group, f.Opener} {
		if part != "" {
			b.WriteString(part + " ")
		}
	}
	b.WriteString(f.Segment)
	if f.Element > 0 {
		b.WriteString("@" + strconv.Itoa(f.Element) + "." + strconv.Itoa(f.Component))
	}
	return b.String()
}

// FieldsOf returns the fields that the events of a Pruefidentifikator can have, in the order of their JSON; nil if it has
// no event. Those of MSCONS are the fields of data.details.
func FieldsOf(pid ident.Pruefidentifikator) []Field {
	rows := mappings().rows[pid]
	if len(rows) == 0 {
		return nil
	}
	return rows[0].table.object.places()
}

// EventsOf returns the names of the events of a Pruefidentifikator, the first one first.
func EventsOf(pid ident.Pruefidentifikator) (names []string) {
	for _, m := range mappings().rows[pid] {
		names = append(names, m.name)
	}
	return names
}

func (o *object) places() []Field {
	list := make([]Field, 0, len(o.fields))
	for _, x := range o.fields {
		f := Field{Name: x.name, List: x.list, Personal: x.personal, Kind: x.kind, Derived: x.deep || kinds[x.kind].whole != nil}
		if x.arg != "" {
			f.Kind += ":" + x.arg
		}
		if x.group != nil {
			f.Group = x.group.name
		}
		if x.trigger != nil {
			f.Opener = x.trigger.text
		}
		if x.segment != nil {
			f.Segment = x.segment.text
		}
		if x.e > 0 {
			f.Element, f.Component = x.e-1, x.c
		}
		if x.object != nil {
			f.Fields = x.object.places()
		}
		list = append(list, f)
	}
	return list
}
