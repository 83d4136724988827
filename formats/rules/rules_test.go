package rules_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
)

// messageTypes are those of both format versions; UTILMD has a pack per Sparte.
var messageTypes = []string{"APERAK", "COMDIS", "CONTRL", "IFTSTA", "INSRPT", "INVOIC", "MSCONS", "ORDCHG", "ORDERS",
	"ORDRSP", "PARTIN", "PRICAT", "QUOTES", "REMADV", "REQOTE", "UTILMD_Gas", "UTILMD_Strom", "UTILTS"}

func TestList(t *testing.T) {
	t.Parallel()
	byVersion := map[formats.FormatVersion][]string{}
	for _, info := range rules.List() {
		byVersion[info.FormatVersion] = append(byVersion[info.FormatVersion], info.Name)
	}
	for _, fv := range []formats.FormatVersion{"FV2604", "FV2610"} {
		if !slices.Equal(byVersion[fv], messageTypes) {
			t.Errorf("%s has %v", fv, byVersion[fv])
		}
	}
}

// TestAllPacks loads every pack and checks what the tables promise.
func TestAllPacks(t *testing.T) {
	t.Parallel()
	for _, info := range rules.List() {
		p, err := rules.Load(info.FormatVersion, info.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		if p.Info != info {
			t.Errorf("header of %s %s differs: %+v", info.FormatVersion, info.Name, p.Info)
		}
		numbers := map[string]bool{}
		for i := range p.Nodes {
			n := &p.Nodes[i]
			if n.End <= int32(i) || n.Parent >= int32(i) || n.Max < 1 {
				t.Errorf("%s %s: node %d is %+v", info.FormatVersion, info.Name, i, n)
			}
			if n.IsGroup {
				continue
			}
			if numbers[n.Nr] {
				t.Errorf("%s %s: segment number %s occurs twice", info.FormatVersion, info.Name, n.Nr)
			}
			numbers[n.Nr] = true
			if got := p.GroupPath(int32(i)); !strings.HasSuffix(got, n.Group) {
				t.Errorf("%s %s: %s stands in %s, path %s", info.FormatVersion, info.Name, n.Nr, n.Group, got)
			}
		}
		root := &p.Nodes[0]
		children := p.Children(root)
		if first, last := p.Nodes[children[0]].Tag, p.Nodes[children[len(children)-1]].Tag; first != edifact.UNH || last != edifact.UNT {
			t.Errorf("%s %s: message goes from %s to %s", info.FormatVersion, info.Name, first, last)
		}
	}
}

// The versions in UNH lead to the packs; a version of several format versions leads to the one asked for.
//
// Spec: EDI@Energy MIGs, UNH S009
func TestFind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		messageType, version string
		at                   formats.FormatVersion
		want                 string
	}{
		{"UTILMD", "S2.1", "FV2604", "FV2604 UTILMD_Strom D:11A:UN"},
		{"UTILMD", "S2.2", "FV2604", "FV2610 UTILMD_Strom D:11A:UN"},
		{"UTILMD", "G1.2", "FV2610", "FV2610 UTILMD_Gas D:11A:UN"},
		{"MSCONS", "2.4c", "FV2610", "FV2604 MSCONS D:04B:UN"},
		{"MSCONS", "2.5", "FV2610", "FV2610 MSCONS D:04B:UN"},
		{"CONTRL", "2.0b", "FV2604", "FV2604 CONTRL D:3:UN"},
		{"CONTRL", "2.0b", "FV2610", "FV2610 CONTRL D:3:UN"},
		{"CONTRL", "2.0b", "FV2510", "FV2510 CONTRL D:3:UN"},
		{"CONTRL", "2.0b", "FV2704", "FV2610 CONTRL D:3:UN"},
		{"APERAK", "2.2", "FV2610", "FV2610 APERAK D:07B:UN"},
		{"INVOIC", "2.8e", "FV2610", "FV2610 INVOIC D:06A:UN"},
	} {
		p, err := rules.Find(c.messageType, c.version, c.at)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := string(p.FormatVersion) + " " + p.Name + " " + p.Directory; got != c.want {
			t.Errorf("%s %s at %s: %s, want %s", c.messageType, c.version, c.at, got, c.want)
		}
	}
	if _, err := rules.Find("MSCONS", "2.4b", "FV2610"); !errors.Is(err, rules.ErrNotFound) {
		t.Errorf("unknown version: %v", err)
	}
	if _, err := rules.Load("FV2610", "NOSUCH"); !errors.Is(err, rules.ErrNotFound) {
		t.Errorf("unknown name: %v", err)
	}
}

// MSCONS prints UNB: what it allows there can be asked for.
func TestServiceSegment(t *testing.T) {
	t.Parallel()
	p, err := rules.Load("FV2610", "MSCONS")
	if err != nil {
		t.Fatal(err)
	}
	unb, ok := p.ServiceSegment(edifact.UNB)
	if !ok {
		t.Fatal("MSCONS has no UNB")
	}
	e := p.Elements[unb.Elements.First+6]
	c := p.Components[e.Components.First]
	if e.ID != "0026" || e.Status != 'R' || !slices.Equal(p.Codes(c.Codes), []string{"EM", "TL", "VL"}) {
		t.Errorf("UNB element 7 is %+v with %v", e, p.Codes(c.Codes))
	}
	for _, k := range p.Children(&p.Nodes[0]) {
		if p.Nodes[k].Tag == edifact.UNB {
			t.Error("UNB is part of the message")
		}
	}
}

func TestHasCode(t *testing.T) {
	t.Parallel()
	p, err := rules.Load("FV2610", "UTILMD_Gas")
	if err != nil {
		t.Fatal(err)
	}
	lists := 0
	for _, c := range p.Components {
		for _, code := range p.Codes(c.Codes) {
			latin1, err := edifact.AppendLatin1(nil, code)
			if err != nil {
				t.Fatal(err)
			}
			if !p.HasCode(c.Codes, rules.Key(latin1), latin1) {
				t.Errorf("%s is not in its own list", code)
			}
			other := append(latin1, '~')
			if p.HasCode(c.Codes, rules.Key(other), other) {
				t.Errorf("%s is in the list of %s", other, c.ID)
			}
			lists++
		}
	}
	if lists == 0 {
		t.Error("no codes at all")
	}
}

// TestParseErrors changes one thing in a correct pack; the error names file and line.
func TestParseErrors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("compile/testdata/small.pack")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rules.Parse("small.pack", text); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ replace, with, want string }{
		{"marktbote-pack 1", "marktbote-pack 2", `small.pack:1: first line is not "marktbote-pack 1"`},
		{"type SMALL", "kind SMALL", `small.pack:3: expected header line "type" with a value, found "kind SMALL"`},
		{"hash sha256:", "hash md5:", "small.pack:10: hash is not sha256: and 64 hex digits"},
		{"part 2380 C/R an..35", "part 2380 C/R an..36", "small.pack:10: hash is "},
		{"segment BGM", "segmend BGM", `small.pack:24: unknown record "segmend"`},
		{"segment BGM", "segment BG1", `small.pack:24: "BG1" is no segment tag`},
		{" 0020 0 M/M 1/1 Beginn", " x 0 M/M 1/1 Beginn", `small.pack:24: "x" is no number`},
		{"0020 0 M/M 1/1 Beginn", "0020 0 M/X 1/1 Beginn", `small.pack:24: "M/X" is no status`},
		{"simple 1225 C/R an..3", "simple 1225 C/R xy..3", `small.pack:28: "xy..3" is no format`},
		{" simple 1225", "  simple 1225", "small.pack:28: indented by 2, not 1"},
		{" simple 1225", " part 1225", "small.pack:28: indented by 1, not 2"},
		{"an..3 Nachrichtenfunktion, Code", "an..3", "small.pack:28: expected 3 values and a name"},
		{" segment NAD", "   segment NAD", "small.pack:38: indented by 3, the node above allows 1"},
		{"   codes Z01 Z09\n", "", ""},
		{" segment NAD", " segment UNA", "small.pack:38: UNA inside a group"},
		{"segment UNH", "segment UNA", "small.pack:45: message does not begin with UNH"},
		{"   codes Z01 Z09\n", "   codes Z01\n   codes-open Z09\n", "small.pack:28: codes and codes-open for the same data element"},
	} {
		broken := strings.Replace(string(text), c.replace, c.with, 1)
		if broken == string(text) {
			t.Errorf("%q is not in the pack", c.replace)
			continue
		}
		if !strings.Contains(c.want, "hash") {
			broken = rehash(broken)
		}
		_, err := rules.Parse("small.pack", []byte(broken))
		var pe *rules.ParseError
		switch {
		case c.want == "" && err == nil:
		case c.want == "" || !errors.As(err, &pe) || !strings.HasPrefix(err.Error(), "rules: "+c.want):
			t.Errorf("%q for %q: %v, want %s", c.with, c.replace, err, c.want)
		}
	}
}

// rehash gives a changed pack the hash of its content.
func rehash(text string) string {
	start := strings.Index(text, "hash sha256:")
	end := start + strings.IndexByte(text[start:], '\n')
	return text[:start] + "hash sha256:" + rules.ContentHash([]byte(text)) + text[end:]
}

func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("compile/testdata/small.pack")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "hash sha256:") && strings.Contains(text[strings.Index(text, "hash sha256:"):], "\n") {
			text = rehash(text)
		}
		p, err := rules.Parse("fuzz", []byte(text))
		if err == nil && len(p.Nodes) == 0 {
			t.Fatal("no nodes")
		}
	})
}
