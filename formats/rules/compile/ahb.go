package compile

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/rules"
)

// Handbook is the source of what an Anwendungshandbuch says: tables as CSV with a header line. Package compile reads
// these columns and ignores others:
//
//	Rows        pid kind path segment nr de pos code name expr
//	Heads       pid name ahb_version ahb_date
//	Conditions  type key kind text
//	Packages    type key expression
//	Overrides   pid type key text (may be nil)
type Handbook struct {
	Rows, Heads, Conditions, Packages, Overrides io.Reader

	// Translations has further rules for conditions, in files like those in this package (NAME.txt, common.txt) at its
	// root. They go before the ones here. May be nil.
	Translations fs.FS
}

// Report says what a compilation could not do by itself.
type Report struct {
	UseCases  int
	Rows      int
	ToReview  []string // conditions without a translation, as "hash number: text"
	Ambiguous []string // rows whose place in the structure had to be found by tag and codes, or whose codes it lacks
}

// translations holds the reviewed rules, lines of hash of the source text, number, rule: files of a message type, whose
// name may end in a number where one would be too long, and common.txt for texts that several types share.
//
//go:embed conditions/*.txt
var translations embed.FS

//go:embed directions.txt
var directionsText string

// TextHash identifies the text of a condition: the first eight hex digits of SHA-256 over the text with single
// spaces. A rule is found by the text, not by the number, so that a changed text cannot keep its old meaning.
func TextHash(text string) string {
	sum := sha256.Sum256([]byte(oneLine(text)))
	return hex.EncodeToString(sum[:4])
}

// reviewed reads the translations of a message type: those of this package and, going before them, further ones.
func reviewed(name string, further fs.FS) (map[string]string, error) {
	rulesByHash := map[string]string{}
	here, err := fs.Sub(translations, "conditions")
	if err != nil {
		return nil, err
	}
	for _, fsys := range []fs.FS{here, further} {
		for _, kind := range []string{"common", name} { // a file of the type goes before common.txt
			if fsys == nil {
				continue
			}
			if err := readTranslations(fsys, kind, rulesByHash); err != nil {
				return nil, err
			}
		}
	}
	return rulesByHash, nil
}

// readTranslations adds the rules in the files of a name: NAME.txt, or NAME_1.txt and so on.
func readTranslations(fsys fs.FS, name string, rulesByHash map[string]string) error {
	files, err := fs.Glob(fsys, "*.txt")
	if err != nil {
		return err
	}
	for _, file := range files {
		if strings.TrimRight(strings.TrimSuffix(path.Base(file), ".txt"), "_0123456789") != name {
			continue
		}
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			return err
		}
		line := 0
		for text := range strings.Lines(string(data)) {
			line++
			text = strings.TrimSpace(text)
			if text == "" || text[0] == '#' {
				continue
			}
			hash, rest, _ := strings.Cut(text, " ")
			_, rule, ok := strings.Cut(rest, " ")
			if !ok || len(hash) != 8 {
				return fmt.Errorf("%s:%d: not a hash, a number and a rule", file, line)
			}
			if _, err := condition.Parse(rule); err != nil {
				return fmt.Errorf("%s:%d: %w", file, line, err)
			}
			rulesByHash[hash] = rule
		}
	}
	return nil
}

// table is a CSV with a header.
type table struct {
	columns map[string]int
	rows    [][]string
}

func readTable(src io.Reader, need ...string) (*table, error) {
	if src == nil {
		return &table{}, nil
	}
	r := csv.NewReader(io.LimitReader(src, maxSourceBytes))
	r.ReuseRecord = false
	all, err := r.ReadAll()
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("table is empty")
	}
	t := &table{columns: map[string]int{}, rows: all[1:]}
	for i, name := range all[0] {
		t.columns[strings.TrimPrefix(name, "\ufeff")] = i
	}
	for _, name := range need {
		if _, ok := t.columns[name]; !ok {
			return nil, fmt.Errorf("column %q is missing", name)
		}
	}
	return t, nil
}

func (t *table) get(row []string, column string) string {
	i, ok := t.columns[column]
	if !ok || i >= len(row) {
		return ""
	}
	return strings.TrimSpace(row[i])
}

// handbook appends the part of the Anwendungshandbuch to the structure that w holds.
func (w *writer) handbook(name string, structure *rules.Pack, h *Handbook) (*Report, error) {
	b := handbookWriter{w: w, name: name, pack: structure, report: &Report{}}
	if err := b.conditions(h); err != nil {
		return nil, err
	}
	if err := b.packages(h); err != nil {
		return nil, err
	}
	return b.report, b.useCases(h)
}

type handbookWriter struct {
	w         *writer
	name      string
	pack      *rules.Pack
	report    *Report
	byHash    map[string]string
	overrides map[string][]string // lines by Pruefidentifikator
}

// rule translates the text of a condition.
func (b *handbookWriter) rule(number, kind, text string) string {
	if kind == "HINT" {
		return "hint"
	}
	if r, ok := b.byHash[TextHash(text)]; ok {
		return r
	}
	b.report.ToReview = append(b.report.ToReview, TextHash(text)+" "+number+": "+oneLine(text))
	return "open"
}

func (b *handbookWriter) conditions(h *Handbook) error {
	var err error
	if b.byHash, err = reviewed(b.name, h.Translations); err != nil {
		return err
	}
	t, err := readTable(h.Conditions, "type", "key", "kind", "text")
	if err != nil {
		return fmt.Errorf("conditions: %w", err)
	}
	type entry struct {
		number int
		rule   string
	}
	var list []entry
	for _, row := range t.rows {
		if t.get(row, "type") != b.name {
			continue
		}
		n, err := strconv.Atoi(t.get(row, "key"))
		if err != nil {
			return fmt.Errorf("conditions: %q is no number", t.get(row, "key"))
		}
		list = append(list, entry{n, b.rule(t.get(row, "key"), t.get(row, "kind"), t.get(row, "text"))})
	}
	slices.SortFunc(list, func(x, y entry) int { return cmp.Compare(x.number, y.number) })
	for _, e := range list {
		b.w.line(0, "condition %d %s", e.number, e.rule)
	}
	b.overrides = map[string][]string{}
	if t, err = readTable(h.Overrides); err != nil {
		return fmt.Errorf("overrides: %w", err)
	}
	for _, row := range t.rows {
		if t.get(row, "type") != b.name {
			continue
		}
		n, _ := strconv.Atoi(t.get(row, "key"))
		kind := ""
		if n >= 500 && n < 900 {
			kind = "HINT"
		}
		pid := t.get(row, "pid")
		b.overrides[pid] = append(b.overrides[pid], fmt.Sprintf("condition %d %s", n, b.rule(t.get(row, "key"), kind, t.get(row, "text"))))
	}
	return nil
}

func (b *handbookWriter) packages(h *Handbook) error {
	t, err := readTable(h.Packages, "type", "key", "expression")
	if err != nil {
		return fmt.Errorf("packages: %w", err)
	}
	var lines []string
	for _, row := range t.rows {
		if t.get(row, "type") == b.name {
			lines = append(lines, strings.TrimSpace("package "+t.get(row, "key")+" "+strings.Join(strings.Fields(t.get(row, "expression")), "")))
		}
	}
	slices.Sort(lines)
	for _, line := range slices.Compact(lines) {
		b.w.line(0, "%s", line)
	}
	return nil
}

// row is one line of the source table.
type row struct {
	kind, path, segment, nr, de, pos, code, name, expr string
}

func (b *handbookWriter) useCases(h *Handbook) error {
	t, err := readTable(h.Rows, "pid", "kind", "path", "segment", "nr", "de", "pos", "code", "name", "expr")
	if err != nil {
		return fmt.Errorf("rows: %w", err)
	}
	byPID := map[string][]row{}
	for _, r := range t.rows {
		pid := t.get(r, "pid")
		byPID[pid] = append(byPID[pid], row{t.get(r, "kind"), t.get(r, "path"), t.get(r, "segment"), t.get(r, "nr"), t.get(r, "de"),
			t.get(r, "pos"), t.get(r, "code"), oneLine(t.get(r, "name")), strings.Join(strings.Fields(t.get(r, "expr")), "")})
	}
	b.names(byPID)
	heads, err := readTable(h.Heads, "pid", "name", "ahb_version", "ahb_date")
	if err != nil {
		return fmt.Errorf("heads: %w", err)
	}
	byHead := map[string][]string{}
	for _, r := range heads.rows {
		byHead[heads.get(r, "pid")] = []string{heads.get(r, "ahb_version"), heads.get(r, "ahb_date"), oneLine(heads.get(r, "name"))}
	}
	pids := make([]string, 0, len(byPID))
	for pid := range byPID {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	for _, pid := range pids {
		head := byHead[pid]
		if head == nil {
			head = []string{"", "", pid}
		}
		sparten, directions := directionsOf(pid)
		b.w.line(0, "use %s %s %s %s %s %s", pid, orDash(head[0]), orDash(head[1]), directions, sparten, orDash(head[2]))
		b.report.UseCases++
		for _, line := range b.overrides[pid] {
			b.w.line(1, "%s", line)
		}
		if err := b.useCase(byPID[pid]); err != nil {
			return fmt.Errorf("use case %s: %w", pid, err)
		}
	}
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return strings.ReplaceAll(s, "\n", " ")
}

// directionsOf returns Sparten and directions of a Pruefidentifikator, - where nothing is known.
func directionsOf(pid string) (sparten, directions string) {
	for line := range strings.Lines(directionsText) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == pid {
			return f[1], f[2]
		}
	}
	return "-", "-"
}

// maxCodeName is how long the name of a code may be; longer ones are explanations and are left out.
const maxCodeName = 60

// names writes the short names of codes, for each the one used most.
func (b *handbookWriter) names(byPID map[string][]row) {
	votes := map[string]map[string]int{}
	for _, list := range byPID {
		for _, r := range list {
			if r.kind != "C" || r.name == "" || len([]rune(r.name)) > maxCodeName || strings.Contains(r.code, " ") {
				continue
			}
			key := r.de + " " + r.code
			if votes[key] == nil {
				votes[key] = map[string]int{}
			}
			votes[key][r.name]++
		}
	}
	keys := make([]string, 0, len(votes))
	for k := range votes {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		best, most := "", 0
		for name, n := range votes[k] {
			if n > most || n == most && name < best {
				best, most = name, n
			}
		}
		b.w.line(0, "name %s %s", k, best)
	}
}

// useCase writes the rows of one Pruefidentifikator. open are the nodes of the groups that are open.
func (b *handbookWriter) useCase(list []row) error {
	var open []int32
	for i := 0; i < len(list); {
		r := &list[i]
		end := i + 1
		switch r.kind {
		case "G":
			depth := strings.Count(r.path, "/")
			if depth > len(open) {
				return fmt.Errorf("group %s %s stands outside %s", r.path, r.nr, r.path)
			}
			open = open[:depth]
			node, err := b.find(b.around(open), r, list[i:], true)
			if err != nil {
				return err
			}
			open = append(open, node)
			b.w.line(1, "g %s %s", b.pack.Nodes[node].Nr, r.expr)
			b.report.Rows++
		case "S":
			if depth := strings.Count(r.path, "/") + 1; r.path == "" {
				open = open[:0]
			} else if depth <= len(open) {
				open = open[:depth]
			}
			node, err := b.find(b.around(open), r, list[i:], false)
			if err != nil {
				return err
			}
			b.w.line(1, "s %s %s", b.pack.Nodes[node].Nr, r.expr)
			b.report.Rows++
			for end < len(list) && (list[end].kind == "D" || list[end].kind == "C") {
				end++
			}
			if err := b.values(list[i+1 : end]); err != nil {
				return err
			}
		default:
			return fmt.Errorf("data element %s outside a segment", r.de)
		}
		i = end
	}
	return nil
}

func (b *handbookWriter) around(open []int32) int32 {
	if len(open) == 0 {
		return 0
	}
	return open[len(open)-1]
}

// find returns the node a row means: the one with its number, or, if the source names one of another group or one that
// does not have the codes of the row, the child of the open group with the same tag that takes them.
func (b *handbookWriter) find(around int32, r *row, rest []row, group bool) (int32, error) {
	node, ok := b.pack.NodeByNr(r.nr)
	if !ok {
		return 0, fmt.Errorf("segment number %s is not in the structure", r.nr)
	}
	if group {
		node = b.pack.Nodes[node].Parent
	}
	if service := b.pack.Nodes[node].Parent < 0 && !group; service {
		return node, nil
	}
	var codes []row
	for _, x := range rest[1:] {
		if x.kind == "C" && x.nr == r.nr {
			codes = append(codes, x)
		} else if x.kind == "S" && x.nr != r.nr || x.kind == "G" {
			break
		}
	}
	here := b.pack.Nodes[node].Parent == around
	if here && b.takes(node, codes) {
		return node, nil
	}
	for _, child := range b.pack.Children(&b.pack.Nodes[around]) {
		if b.pack.Nodes[child].IsGroup == group && b.pack.Nodes[child].Tag == b.pack.Nodes[node].Tag && b.takes(child, codes) {
			b.report.Ambiguous = append(b.report.Ambiguous, r.path+" "+r.nr+" is "+b.pack.Nodes[child].Nr)
			return child, nil
		}
	}
	if here {
		b.report.Ambiguous = append(b.report.Ambiguous, r.path+" "+r.nr+" has codes that the structure does not have")
		return node, nil
	}
	return 0, fmt.Errorf("%s %s does not stand in the open group (%s)", r.path, r.nr, b.pack.Nodes[around].Nr)
}

// takes reports whether a node has all the codes of some rows.
func (b *handbookWriter) takes(node int32, codes []row) bool {
	seg := b.pack.Segment(node)
	for _, r := range codes {
		element, component, err := position(r.pos)
		if err != nil || element > seg.Elements.Len() {
			return false
		}
		e := b.pack.Elements[int(seg.Elements.First)+element-1]
		if component > e.Components.Len() {
			return false
		}
		c := b.pack.Components[int(e.Components.First)+component-1]
		if c.Codes.Len() > 0 && !c.Open && !slices.Contains(b.pack.Codes(c.Codes), r.code) {
			return false
		}
	}
	return true
}

// position turns element.component counted from 0 into the same counted from 1.
func position(pos string) (element, component int, err error) {
	e, c, two := strings.Cut(pos, ".")
	if element, err = strconv.Atoi(e); err != nil {
		return 0, 0, fmt.Errorf("%q is no position", pos)
	}
	if two {
		if component, err = strconv.Atoi(c); err != nil {
			return 0, 0, fmt.Errorf("%q is no position", pos)
		}
	}
	return element + 1, component + 1, nil
}

// values writes the data elements of a segment; codes with the same expression share a line.
func (b *handbookWriter) values(list []row) error {
	for i := 0; i < len(list); {
		r := &list[i]
		element, component, err := position(r.pos)
		if err != nil {
			return err
		}
		b.report.Rows++
		end := i + 1
		if r.kind == "D" {
			b.w.line(2, "d %d.%d %s", element, component, r.expr)
			i = end
			continue
		}
		codes := []string{r.code}
		for end < len(list) && list[end].kind == "C" && list[end].pos == r.pos && list[end].expr == r.expr {
			codes = append(codes, list[end].code)
			end++
			b.report.Rows++
		}
		for _, c := range codes {
			if c == "" || strings.ContainsAny(c, " \t") {
				return fmt.Errorf("element %s has the code %q", r.de, c)
			}
		}
		b.w.line(2, "c %d.%d %s %s", element, component, r.expr, strings.Join(codes, " "))
		i = end
	}
	return nil
}
