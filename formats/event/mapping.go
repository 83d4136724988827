package event

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/ident"
)

// NOTE: The mapping files. One file per message type (UTILMD by Sparte, lists apart), UTF-8, one record per line, depth
// by leading spaces, # begins a comment line. docs/events.md explains them to readers of events.
//
//	message UTILMD                    message type, UNH 0065
//	subject object                    what the event is about: object, document, party, invoice, paid-invoice
//	                                  (of the recipient) or own-invoice (of the sender, named in the field dokument)
//	split SG5                         one event for every instance of a group instead of one for the transaction
//	event 55013 contract.basic-supply.announced BGM E01
//	                                  Prüfidentifikator, name; BGM (or STS) and the codes of DE 1001 (DE 9015) it takes
//	event 13017 meter.reading.received as readings
//	                                  the values are read by code, see family
//	group SG8 SEQ RFF PIA             a segment group: the segment that opens it, those that stand in it directly
//	 group SG10 CCI CAV               groups inside are indented
//	behind UNS                        the groups that follow stand behind UNS
//	names reason                      normalised names of codes
//	 E01 move
//	fields                            the fields of the events follow, in the order of the JSON
//	start start:startDay SG4 DTM+92@1.2
//	                                  name, kind, place: group and segment with the codes that tell it from others, and the
//	                                  data element: element and component behind the tag, counted from 1
//	meloIds[] text SG5 LOC+Z17@2.1    a list: every such segment adds a value
//	zahler code SG10 CCI+++Z88 CAV+Z73@1.4
//	                                  the segment that opens the group, and one inside
//	messlokation[] object SG8 SEQ+Z18 an object per group; its fields are indented
//	 bilanzkreis text SG10 CCI+Z19@3.1
//	rows[] object SG4 IDE+24
//	 use UTILMD_Strom                 the fields of another file
//	personal.customer name SG12 NAD+Z09
//	                                  part of the block of personal data
//
//	customerGroup deep-code:group SG10 CCI+++Z15/Z18@3.1
//	                                  taken although another field takes it too, from anywhere in the transaction
//
// A code of a place with alternatives (Z01/Z80) matches any of them; one behind ~ need not be there and is a constant; -
// stands for an empty component. A field that is no list takes the first segment that
// fits. Whatever no field takes is in data.more, so that no event ever loses a part of its message.

//go:embed map/*.txt
var mappingFiles embed.FS

// table is one mapping file.
type table struct {
	name    string
	message string
	subject string
	split   *group // nil: one event per transaction
	root    *group
	groups  map[string]*group
	rows    []*mapping
	names   map[string]map[string]string
	object  *object // what the fields stand in
}

// group is a segment group of a message type; the message itself is one without trigger.
type group struct {
	name     string
	trigger  edifact.Tag
	segments []edifact.Tag // that stand in it directly
	parent   *group
	children []*group
	behind   bool // stands behind UNS
}

// object is a part of the data with fields of its own: the data as a whole or what one segment group says.
type object struct {
	group   *group
	trigger *pattern
	fields  []*field
	byGroup map[*group]members
}

// members are the fields of an object that are read from one group, by their index.
type members struct{ values, objects []int }

// within returns the members of a group.
func (o *object) within(g *group) members { return o.byGroup[g] }

// index makes the maps of an object and of those inside.
func (o *object) index() {
	o.byGroup = map[*group]members{}
	for i, x := range o.fields {
		if x.object != nil {
			x.object.index()
		}
		if x.deep || x.segment == nil {
			continue
		}
		in := o.byGroup[x.group]
		if x.object != nil {
			in.objects = append(in.objects, i)
		} else {
			in.values = append(in.values, i)
		}
		o.byGroup[x.group] = in
	}
}

// field is a value of the data with its place in the message.
type field struct {
	name     string
	list     bool
	personal bool
	deep     bool // the group may stand inside of objects
	kind     string
	arg      string  // of the kind: the name of a second field or of a table of names
	object   *object // kind object: what it holds
	group    *group
	trigger  *pattern // of the segment that opens the group; nil: any
	segment  *pattern
	e, c     int // as edifact counts: the tag is element 1
	names    map[string]string
}

// pattern is a segment with the codes that tell it from others.
type pattern struct {
	text  string
	tag   edifact.Tag
	codes []codePlace
}

// codePlace is a component that must have one of some codes.
type codePlace struct {
	e, c int
	alts []string
	free bool // the segment fits without it; the place only says that the code is a constant
}

// mapping is the event that a Pruefidentifikator raises.
type mapping struct {
	pid    ident.Pruefidentifikator
	tag    edifact.Tag // whose code decides: BGM, STS; 0: none
	codes  []string
	name   string // of the event, without prefix and version
	family family
	table  *table
}

// catalogue is all mapping files.
type catalogue struct {
	tables map[string]*table
	rows   map[ident.Pruefidentifikator][]*mapping
	byName map[string][]*mapping
}

var mappings = sync.OnceValue(func() *catalogue {
	entries, err := mappingFiles.ReadDir("map")
	if err != nil {
		panic("event: " + err.Error())
	}
	texts := map[string]string{}
	for _, f := range entries {
		b, err := mappingFiles.ReadFile(path.Join("map", f.Name()))
		if err != nil {
			panic("event: " + err.Error())
		}
		texts[strings.TrimSuffix(f.Name(), ".txt")] = string(b)
	}
	c, err := parseMappings(texts)
	if err != nil {
		panic("event: the mapping files are broken: " + err.Error())
	}
	return c
})

// parseMappings reads mapping files by name.
func parseMappings(texts map[string]string) (*catalogue, error) {
	c := &catalogue{tables: map[string]*table{}, rows: map[ident.Pruefidentifikator][]*mapping{}, byName: map[string][]*mapping{}}
	r := &mappingReader{texts: texts, done: c.tables}
	names := make([]string, 0, len(texts))
	for name := range texts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		t, err := r.table(name)
		if err != nil {
			return nil, err
		}
		t.object.index()
		for _, m := range t.rows {
			c.rows[m.pid] = append(c.rows[m.pid], m)
			c.byName[m.name] = append(c.byName[m.name], m)
		}
	}
	return c, nil
}

// lookup returns the row for a Pruefidentifikator; status is the code of its status segment. The first row that fits
// counts; nil if there is none.
func (c *catalogue) lookup(pid ident.Pruefidentifikator, code, status string) *mapping {
	for _, m := range c.rows[pid] {
		switch {
		case m.tag == 0, m.tag == tagBGM && slices.Contains(m.codes, code), m.tag == tagSTS && slices.Contains(m.codes, status):
			return m
		}
	}
	return nil
}

// mappingReader reads files that may use each other.
type mappingReader struct {
	texts map[string]string
	done  map[string]*table
	busy  []string
}

// table reads one file.
func (r *mappingReader) table(name string) (*table, error) {
	if t := r.done[name]; t != nil {
		return t, nil
	}
	text, ok := r.texts[name]
	if !ok || slices.Contains(r.busy, name) {
		return nil, fmt.Errorf("there is no file %q, or it uses itself", name)
	}
	r.busy = append(r.busy, name)
	t := &table{name: name, subject: "object", groups: map[string]*group{}, names: map[string]map[string]string{}}
	t.root = &group{}
	t.object = &object{group: t.root}
	f := &fileReader{r: r, t: t, groups: []*group{t.root}, objects: []*object{t.object}}
	n := 0
	for line := range strings.Lines(text) {
		n++
		words := strings.Fields(line)
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		if err := f.record(len(line)-len(strings.TrimLeft(line, " ")), words); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	r.busy = r.busy[:len(r.busy)-1]
	r.done[name] = t
	return t, nil
}

// fileReader reads the records of one file.
type fileReader struct {
	r        *mappingReader
	t        *table
	groups   []*group  // open ones by depth, the message first
	objects  []*object // open ones by depth
	names    map[string]string
	behind   bool
	inFields bool
}

var errRecord = errors.New("the record cannot be read")

func (f *fileReader) record(depth int, w []string) error {
	if f.inFields {
		return f.field(depth, w)
	}
	switch {
	case w[0] == "fields":
		f.inFields = true
	case depth > 0 && w[0] != "group":
		if f.names == nil || len(w) != 2 {
			return errRecord
		}
		f.names[w[0]] = w[1]
	case len(w) < 2:
		return errRecord
	case w[0] == "message":
		f.t.message = w[1]
	case w[0] == "subject":
		f.t.subject = w[1]
	case w[0] == "split":
		if f.t.split = f.t.groups[w[1]]; f.t.split == nil {
			return errRecord
		}
	case w[0] == "behind":
		f.behind, f.groups = true, f.groups[:1]
	case w[0] == "names":
		f.names = map[string]string{}
		f.t.names[w[1]] = f.names
	case w[0] == "group":
		return f.group(depth, w[1:])
	case w[0] == "event":
		return f.event(w[1:])
	default:
		return errRecord
	}
	return nil
}

func (f *fileReader) group(depth int, w []string) error {
	if depth >= len(f.groups) || len(w) < 2 || f.t.groups[w[0]] != nil {
		return errRecord
	}
	parent := f.groups[depth]
	g := &group{name: w[0], parent: parent, behind: f.behind, trigger: edifact.MakeTag(w[1])}
	for _, tag := range w[2:] {
		g.segments = append(g.segments, edifact.MakeTag(tag))
	}
	parent.children = append(parent.children, g)
	f.groups = append(f.groups[:depth+1], g)
	f.t.groups[g.name] = g
	return nil
}

func (f *fileReader) event(w []string) error {
	if len(w) < 2 {
		return errRecord
	}
	pid, err := ident.ParsePruefidentifikator(w[0])
	if err != nil {
		return err
	}
	m := &mapping{pid: pid, name: w[1], table: f.t}
	w = w[2:]
	if len(w) > 1 && w[len(w)-2] == "as" {
		if m.family = families[w[len(w)-1]]; m.family == 0 {
			return errRecord
		}
		w = w[:len(w)-2]
	}
	if len(w) > 0 {
		if m.tag, m.codes = edifact.MakeTag(w[0]), w[1:]; m.tag != tagBGM && m.tag != tagSTS || len(m.codes) == 0 {
			return errRecord
		}
	}
	f.t.rows = append(f.t.rows, m)
	return nil
}

func (f *fileReader) field(depth int, w []string) error {
	if depth >= len(f.objects) {
		return errRecord
	}
	in := f.objects[depth]
	f.objects = f.objects[:depth+1]
	if w[0] == "use" && len(w) == 2 {
		other, err := f.r.table(w[1])
		if err != nil {
			return err
		}
		for _, x := range other.object.fields {
			if !x.personal && !x.deep && kinds[x.kind].read != nil || x.object != nil && !x.personal {
				in.fields = append(in.fields, f.adopt(x))
			}
		}
		return nil
	}
	if len(w) < 2 {
		return errRecord
	}
	x := &field{}
	x.name, x.list = strings.CutSuffix(w[0], "[]")
	x.name, x.personal = strings.CutPrefix(x.name, "personal.")
	w[1], x.deep = strings.CutPrefix(w[1], "deep-")
	x.kind, x.arg, _ = strings.Cut(w[1], ":")
	if x.personal && depth > 0 {
		return errRecord
	}
	k, ok := kinds[x.kind]
	if !ok && x.kind != "object" {
		return fmt.Errorf("there is no kind %q", x.kind)
	}
	if x.names = f.t.names[x.arg]; x.kind == "code" && x.arg != "" && x.names == nil {
		return fmt.Errorf("there are no names %q", x.arg)
	}
	if err := f.place(x, w[2:], ok && k.read == nil); err != nil {
		return err
	}
	if x.kind == "object" {
		x.object = &object{group: x.group, trigger: x.segment}
		f.objects = append(f.objects, x.object)
	}
	in.fields = append(in.fields, x)
	return nil
}

// adopt copies a field of another file of the same structure.
func (f *fileReader) adopt(x *field) *field {
	c := *x
	if x.group != nil {
		c.group = f.t.groups[x.group.name]
		if x.group.name == "" {
			c.group = f.t.root
		}
	}
	if x.object != nil {
		c.object = &object{group: c.group, trigger: x.object.trigger}
		for _, y := range x.object.fields {
			c.object.fields = append(c.object.fields, f.adopt(y))
		}
	}
	return &c
}

// place reads the place of a field: [GROUP [SEGMENT]] SEGMENT@ELEMENT.COMPONENT.
func (f *fileReader) place(x *field, w []string, code bool) error {
	if code && len(w) == 0 {
		return nil // read by code, from anywhere
	}
	if x.group = f.t.root; len(w) > 0 && strings.HasPrefix(w[0], "SG") {
		if x.group = f.t.groups[w[0]]; x.group == nil {
			return fmt.Errorf("there is no group %q", w[0])
		}
		w = w[1:]
	}
	var err error
	if len(w) == 2 {
		if x.trigger, err = parsePattern(w[0]); err != nil {
			return err
		}
		if x.trigger.tag != x.group.trigger {
			return fmt.Errorf("%s does not open %s", w[0], x.group.name)
		}
		w = w[1:]
	}
	if len(w) != 1 {
		return errRecord
	}
	text, at, ok := strings.Cut(w[0], "@")
	if x.segment, err = parsePattern(text); err != nil {
		return err
	}
	if x.kind == "object" && x.segment.tag != x.group.trigger {
		return fmt.Errorf("%s does not open %s", text, x.group.name)
	}
	if x.segment.tag != x.group.trigger && !slices.Contains(x.group.segments, x.segment.tag) && x.group != f.t.root {
		return fmt.Errorf("%s is not in %s", text, x.group.name)
	}
	if !ok {
		return nil // kinds that read the whole segment
	}
	e, c, _ := strings.Cut(at, ".")
	if x.e, err = strconv.Atoi(e); err != nil {
		return errRecord
	}
	x.e, x.c = x.e+1, 1
	if c != "" {
		if x.c, err = strconv.Atoi(c); err != nil {
			return errRecord
		}
	}
	return nil
}

// parsePattern reads a segment such as CCI+Z30++Z06/Z07.
func parsePattern(text string) (*pattern, error) {
	elements := strings.Split(text, "+")
	p := &pattern{text: text, tag: edifact.MakeTag(elements[0])}
	if p.tag == 0 || len(elements[0]) != 3 {
		return nil, fmt.Errorf("%q is no segment", text)
	}
	for e, element := range elements[1:] {
		for c, codes := range strings.Split(element, ":") {
			if codes != "" {
				codes, free := strings.CutPrefix(codes, "~")
				if codes == "-" {
					codes = ""
				}
				p.codes = append(p.codes, codePlace{e: e + 2, c: c + 1, alts: strings.Split(codes, "/"), free: free})
			}
		}
	}
	return p, nil
}

// matches reports whether a segment fits.
func (p *pattern) matches(s *edifact.Segment) bool {
	if p == nil {
		return true
	}
	if s.Tag() != p.tag {
		return false
	}
	for i := range p.codes {
		x := &p.codes[i]
		if !x.free && !slices.Contains(x.alts, string(s.Value(x.e, x.c))) {
			return false
		}
	}
	return true
}
