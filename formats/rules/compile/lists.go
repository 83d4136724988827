package compile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
)

// listSources says which documents a format version takes its lists from: the file of product codes, and whether the
// codes of purposes exist.
// A format version that is not here takes them from the documents of the newest one.
var listSources = map[formats.FormatVersion]listSource{
	"FV2510": {"konfigurationen_202504.json", false},
	"FV2604": {"konfigurationen_202604.json", false},
	"FV2610": {"konfigurationen_202610.json", true},
}

type listSource struct {
	products string
	purposes bool
}

const newestListed formats.FormatVersion = "FV2610"

// Files in the folder codelists of the source.
const (
	chapterFile = "konfigurationen_202504.json" // the only one with chapters
	obisFile    = "obis.json"
	obisText    = "obis_2.5c_consultation_20250801.md"
)

// listFile is what the JSON files of the source have in common: the title of the document and codes, as an array or
// as the names of an object.
type listFile struct {
	Title      string              `json:"quelle"`
	Source     string              `json:"source"`
	Codes      json.RawMessage     `json:"codes"`
	All        []string            `json:"all_product_codes"`
	Categories map[string][]string `json:"categories"`
}

// list is a list to be written.
type list struct {
	edition string
	base    string
	open    []string
	codes   []string
	unknown []string
	pids    map[string][]string
}

// lists collects the lists of a format version.
type lists struct {
	src fs.FS
	fv  formats.FormatVersion
	all map[string]*list

	sources listSource
}

// Lists makes the text of the lists of a format version from the folders codelists and ebd of a source directory:
// codelists has one JSON file per document and the text of the Codeliste der OBIS-Kennzahlen with its tables, ebd one
// CSV file per format version with the columns ebd, code, cluster and text. Names of codes and texts of answers are
// not taken over. The result has been loaded once. Type rules.Lists documents what the lists claim and what they
// leave open.
func Lists(src fs.FS, fv formats.FormatVersion) ([]byte, error) {
	l := lists{src: src, fv: fv, all: map[string]*list{}}
	text, err := l.compile()
	if err != nil {
		return nil, fmt.Errorf("compile: lists of %s: %w", fv, err)
	}
	return text, nil
}

func (l *lists) compile() ([]byte, error) {
	if l.sources = listSources[l.fv]; l.sources.products == "" {
		l.sources = listSources[newestListed]
	}
	o, err := l.readOBIS()
	if err != nil {
		return nil, err
	}
	l.obis(o)
	for _, step := range []func() error{func() error { return l.products(o) }, l.articleIDs, l.flat} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	ebds, err := l.readEBDs()
	if err != nil {
		return nil, err
	}
	w := writer{}
	w.line(0, "%s", rules.ListsMagic)
	w.line(0, "format-version %s", l.fv)
	w.line(0, "hash -")
	for _, name := range slices.Sorted(maps.Keys(l.all)) {
		w.list(name, l.all[name])
	}
	for _, name := range slices.Sorted(maps.Keys(ebds)) {
		w.ebd(name, ebds[name])
	}
	text := w.buf.Bytes()
	hash := "hash sha256:" + rules.ContentHash(text) + "\n"
	text = bytes.Replace(text, []byte("hash -\n"), []byte(hash), 1)
	if _, err := rules.ParseLists("result", text); err != nil {
		return nil, err
	}
	return text, nil
}

func (l *lists) read(name string) (*listFile, error) {
	data, err := fs.ReadFile(l.src, "codelists/"+name)
	if err != nil {
		return nil, err
	}
	var f listFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if f.Title == "" {
		f.Title = f.Source
	}
	if f.Title = oneLine(f.Title); f.Title == "" {
		return nil, fmt.Errorf("%s does not name its document", name)
	}
	return &f, nil
}

// codes returns the codes of an array or the names of an object.
func (f *listFile) codes() ([]string, error) {
	if len(f.All) > 0 {
		return f.All, nil
	}
	var codes []string
	if json.Unmarshal(f.Codes, &codes) == nil {
		return codes, nil
	}
	var byCode map[string]json.RawMessage
	if err := json.Unmarshal(f.Codes, &byCode); err != nil {
		return nil, err
	}
	return slices.Collect(maps.Keys(byCode)), nil
}

// flat makes the lists without chapters or columns. The source has them without any check that nothing was lost on
// the way from the document, so that a value of the form of their codes may always belong to them.
func (l *lists) flat() error {
	for _, f := range []struct {
		file, name string
		open       []string
	}{
		{"artikelnummern.json", "artikelnummern", []string{"999##########"}},
		{"laendercodes.json", "laender", []string{"*"}},
		{"lokationsbuendel.json", "lokationsbuendel", []string{"9992#########"}},
		{"temperaturanbieter.json", "temperaturanbieter", []string{"ZT*"}},
		{"verwendungszwecke.json", "verwendungszwecke", []string{"V##"}},
		{"zeitreihentypen.json", "zeitreihentypen", []string{"*"}},
	} {
		if f.name == "verwendungszwecke" && !l.sources.purposes {
			continue
		}
		src, err := l.read(f.file)
		if err != nil {
			return err
		}
		codes, err := src.codes()
		if err != nil {
			return fmt.Errorf("%s: %w", f.file, err)
		}
		x := &list{edition: src.Title, open: f.open}
		for _, code := range codes {
			// Product codes among the article numbers are examples of the document.
			if f.name == "artikelnummern" && !strings.HasPrefix(code, "9990") {
				x.unknown = append(x.unknown, code)
				continue
			}
			x.codes = append(x.codes, code)
		}
		l.all[f.name] = x
	}
	return nil
}

// articleColumns are the columns of the list of article IDs. Services that a distribution network operator offers
// (they begin with 2-) have no columns for UTILMD.
var articleColumns = []string{"utilmd-code", "utilmd-preis", "pricat-code", "pricat-preis", "invoic-code", "invoic-preis"}

// articleIDs makes the lists of article IDs. The marks of an ID are complete if there is one per column; where there
// are fewer, the source does not say which one is missing.
func (l *lists) articleIDs() error {
	const file = "artikelIds.json"
	src, err := l.read(file)
	if err != nil {
		return err
	}
	var ids map[string]struct {
		Flags []string `json:"flags"`
	}
	if err := json.Unmarshal(src.Codes, &ids); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	open := []string{"#-##-#", "#-##-#-###"}
	all, placed := &list{edition: src.Title, open: open}, &list{edition: src.Title, open: open}
	l.all["artikel-id"], l.all["artikel-id/spalten"] = all, placed
	columns := map[string]*list{}
	for _, c := range articleColumns {
		columns[c] = &list{edition: src.Title, base: "artikel-id/spalten", open: open}
		l.all["artikel-id/"+c] = columns[c]
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		flags, names := ids[id].Flags, articleColumns
		if strings.HasPrefix(id, "2-") {
			names = articleColumns[2:]
			columns[articleColumns[0]].unknown = append(columns[articleColumns[0]].unknown, id)
			columns[articleColumns[1]].unknown = append(columns[articleColumns[1]].unknown, id)
		}
		switch {
		case len(flags) == 0 && !strings.HasPrefix(id, "4-03-"): // a number in the text, not a row of the table
			all.unknown = append(all.unknown, id)
			continue
		case len(flags) != len(names):
			all.codes = append(all.codes, id)
			continue
		}
		all.codes, placed.codes = append(all.codes, id), append(placed.codes, id)
		for i, name := range names {
			switch flags[i] {
			case "X":
				columns[name].codes = append(columns[name].codes, id)
			case "--":
			default:
				return fmt.Errorf("%s: %s has the mark %q", file, id, flags[i])
			}
		}
	}
	return nil
}

// list writes a list.
func (w *writer) list(name string, x *list) {
	w.line(0, "list %s", name)
	w.line(1, "edition %s", x.edition)
	if x.base != "" {
		w.line(1, "base %s", x.base)
	}
	for _, form := range x.open {
		w.line(1, "open %s", form)
	}
	w.codeLines(1, "codes", x.codes)
	w.codeLines(1, "unknown", x.unknown)
	for _, pid := range slices.Sorted(maps.Keys(x.pids)) {
		w.line(1, "pid %s", pid)
		w.codeLines(2, "codes", x.pids[pid])
	}
}

// codeLines writes codes in lines of those that differ in the last two characters only, so that a new code changes
// one short line.
func (w *writer) codeLines(depth int, keyword string, codes []string) {
	codes = slices.Clone(codes)
	slices.Sort(codes)
	codes = slices.Compact(codes)
	head := func(code string) string { return code[:max(0, len(code)-2)] }
	for start := 0; start < len(codes); {
		end := start + 1
		for end < len(codes) && head(codes[end]) == head(codes[start]) && !strings.Contains(codes[end], "{") {
			end++
		}
		w.line(depth, "%s %s", keyword, strings.Join(codes[start:end], " "))
		start = end
	}
}
