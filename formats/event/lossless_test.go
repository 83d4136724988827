package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/sample"
)

// generated calls fn with messages of every Pruefidentifikator of the format versions in use.
func generated(t *testing.T, fn func(t *testing.T, pid string, env Envelope, unb *edifact.Segment, m *edifact.Message)) {
	for _, info := range rules.List() {
		if info.FormatVersion == "FV2510" || info.Type == "APERAK" || info.Type == "CONTRL" {
			continue
		}
		t.Run(string(info.FormatVersion)+"/"+info.Name, func(t *testing.T) {
			t.Parallel()
			pack, err := rules.Load(info.FormatVersion, info.Name)
			if err != nil {
				t.Fatal(err)
			}
			options := []sample.Options{{Variant: sample.Minimal}, {Variant: sample.Full}, {Variant: sample.Random, Seed: 1}}
			if !testing.Short() {
				options = append(options, sample.Options{Variant: sample.Random, Seed: 2}, sample.Options{Variant: sample.Random, Seed: 3})
			}
			env := Envelope{Direction: In, FormatVersion: info.FormatVersion, Sparte: formats.Strom}
			if info.Name == "UTILMD_Gas" {
				env.Sparte = formats.Gas
			}
			for _, use := range pack.UseCases() {
				for _, o := range options {
					var buf bytes.Buffer
					if err := sample.Generate(&buf, pack, use.Pruefidentifikator, o); err != nil {
						if !errors.Is(err, sample.ErrWithdrawn) {
							t.Errorf("%s: %v", use.Pruefidentifikator, err)
						}
						break
					}
					unb, messages := parse(t, numbered(buf.Bytes()))
					for _, m := range messages {
						fn(t, use.Pruefidentifikator, env, unb, m)
					}
				}
			}
		})
	}
}

// numbered gives every free text of a generated message, which are all XXX, a value of its own: what is lost of one shows
// then.
func numbered(data []byte) []byte {
	var out []byte
	n := 0
	for i := 0; i < len(data); i++ {
		end := i
		for end < len(data) && data[end] == 'X' {
			end++
		}
		if end > i && i > 0 && end < len(data) && bytes.IndexByte([]byte("+:"), data[i-1]) >= 0 && bytes.IndexByte([]byte("+:'"), data[end]) >= 0 {
			n++
			out = fmt.Appendf(out, "FREI%dTEXT", n)
			i = end - 1
			continue
		}
		out = append(out, data[i])
	}
	return out
}

// TestNumbered checks the tool of the tests.
func TestNumbered(t *testing.T) {
	t.Parallel()
	if got := string(numbered([]byte("A+XXX:X+AXX'B+X'"))); got != "A+FREI1TEXT:FREI2TEXT+AXX'B+FREI3TEXT'" {
		t.Error(got)
	}
}

// without are the Pruefidentifikatoren that have no event, with the reason.
var without = map[string]string{
	"44172": "the handbook prints it as not available (#nv#), and only in FV2604",
}

// TestNothingLost checks for every Pruefidentifikator that every data element of a message is in its events: as the
// value of a field, or in the rest.
func TestNothingLost(t *testing.T) {
	t.Parallel()
	generated(t, func(t *testing.T, pid string, env Envelope, unb *edifact.Segment, m *edifact.Message) {
		list, err := FromMessage(env, unb, m)
		if _, none := errors.AsType[*NoMapping](err); none && without[pid] != "" {
			return
		}
		if err != nil || len(list) == 0 {
			t.Errorf("%s: %d events, %v", pid, len(list), err)
			return
		}
		ids := map[string]bool{}
		for _, e := range list {
			if ids[e.ID] {
				t.Errorf("%s: two events have the id %s (%q)\n%s", pid, e.ID, e.IdempotencyKey, m.Raw())
			}
			ids[e.ID] = true
			if kind, id, ok := strings.Cut(e.Subject, "/"); !ok || kind == "" || id == "" || e.PartitionKey == "" {
				t.Errorf("%s: subject %q, partition %q", pid, e.Subject, e.PartitionKey)
			}
		}
		b, err := json.Marshal(list)
		if err != nil {
			t.Errorf("%s: %v", pid, err)
			return
		}
		if lost := lostOf(m, b); len(lost) > 0 {
			t.Errorf("%s: %v\n%s", pid, lost, m.Raw())
		}
	})
}

// implied are the places whose values follow from the rest: the version of the directory from that of the message type,
// the formats of times from their values, the counts of UNT.
func implied(tag string, e, c int) bool {
	switch tag {
	case "UNH":
		return e == 3 && c > 1 && c < 5
	case "UNS", "UNT":
		return true
	}
	return false
}

// lostOf returns the components of a message whose value stands nowhere in the JSON of its events. Codes are found as
// such, or in the name of a field: those are the codes of patterns, which the mapping file has.
func lostOf(m *edifact.Message, b []byte) (lost []string) {
	var all any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&all); err != nil {
		return []string{err.Error()}
	}
	texts := map[string]bool{}
	collect(all, texts)
	joined := string(b)
	for n := 1; n <= m.Len(); n++ {
		s := m.Segment(n)
		tag := string(s.Value(1, 1))
		for e := 2; e <= s.Elements(); e++ {
			for c := 1; c <= s.Components(e); c++ {
				v := s.Text(e, c)
				if v == "" || implied(tag, e, c) || texts[v] || isTime(tag, &s, e, c) || isQualifier(tag, &s, e, c, v) {
					continue
				}
				quoted, _ := json.Marshal(v)
				if strings.Contains(joined, string(quoted[1:len(quoted)-1])) {
					continue // part of a text
				}
				lost = append(lost, fmt.Sprintf("%s@%d.%d=%s", tag, e-1, c, v))
			}
		}
	}
	return lost
}

func collect(v any, into map[string]bool) {
	switch x := v.(type) {
	case map[string]any:
		for _, y := range x {
			collect(y, into)
		}
	case []any:
		for _, y := range x {
			collect(y, into)
		}
	case string:
		into[x] = true
	case json.Number:
		into[x.String()] = true
	}
}

// isTime reports whether a component is that of a time, which the events hold in another form.
func isTime(tag string, s *edifact.Segment, e, c int) bool {
	return tag == "DTM" && e == 2 && c > 1 && slices.Contains([]string{"102", "303", "304", "610"}, s.Text(2, 3))
}

// isQualifier reports whether a value is a code that says which field a segment is.
func isQualifier(tag string, s *edifact.Segment, e, c int, v string) bool {
	for _, t := range mappings().tables {
		if qualifies(t.object, s, e, c, v) {
			return true
		}
	}
	if codes := readByCode[tag]; slices.Contains(codes, v) {
		return true
	}
	if tag == "PIA" && e > 3 && c == 3 && v == "Z16" {
		return true // the list of the codes that say more about a product
	}
	return tag == "LIN" || tag == "PIA" && e == 2 || tag == "QTY" && c == 3 || tag == "DTM" && c == 1 || tag == "NAD" && e == 2 ||
		tag == "LOC" && e == 2 || tag == "IDE" && e == 2 || tag == "RFF" && v == "Z13"
}

// readByCode are the codes of segments that code reads instead of the mapping files.
var readByCode = map[string][]string{
	"SEQ": {"Z79", "ZH0"}, "PIA": {"Z11"}, "CCI": {"Z65", "Z66", "ZB3", "Z61"},
	"CAV": {"Z91", "ZF0", "ZH9", "ZV4", "Z75", "Z76", "Z77", "Z78", "Z79"},
}

func qualifies(o *object, s *edifact.Segment, e, c int, v string) bool {
	for _, x := range o.fields {
		for _, p := range []*pattern{x.trigger, x.segment} {
			if p == nil || p.tag != s.Tag() {
				continue
			}
			for _, k := range p.codes {
				if k.e == e && k.c == c && len(k.alts) == 1 && k.alts[0] == v {
					return true
				}
			}
		}
		if x.object != nil && qualifies(x.object, s, e, c, v) {
			return true
		}
	}
	return false
}
