package compile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ebd is an EBD, or a code list of answers, to be written: its codes by cluster, those without one under "".
type ebd struct {
	open     bool
	clusters map[string][]string
}

// clusterTexts lead from the words before an answer to its cluster; the first that fits counts.
var clusterTexts = []struct{ text, cluster string }{
	{"Ablehnung auf Kopfebene", "ablehnung/kopfebene"},
	{"Ablehnung auf Positionsebene", "ablehnung/positionsebene"},
	{"Ablehnung auf Summenebene", "ablehnung/summenebene"},
	{"Ablehnung der gesamten Liste", "ablehnung/liste"},
	{"Ablehnung", "ablehnung"},
	{"Abweisung", "abweisung"},
	{"Korrekturliste wegen Ablehnung", "korrekturliste"},
	{"Zustimmung", "zustimmung"},
	{"erfolgreich", "erfolgreich"},
	{"gescheitert", "gescheitert"},
	{"keine Änderung der Daten", "keine-aenderung"},
	{"Keine Änderung der Daten", "keine-aenderung"},
	{"Änderung der Daten", "aenderung"},
}

// readEBDs reads the answer codes of the format version. The cluster stands in a column, in the text behind
// "Cluster:", or both; where they differ, there is none. Codes with an asterisk stand for those of another EBD. Code
// lists of answers (G_, S_, GS_) come from running text, so that some of their codes may be missing.
func (l *lists) readEBDs() (map[string]*ebd, error) {
	name := string(l.fv) + ".csv"
	src, err := l.src.Open("ebd/" + name)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	t, err := readTable(src, "ebd", "code", "cluster", "text")
	if err != nil {
		return nil, fmt.Errorf("ebd/%s: %w", name, err)
	}
	ebds, seen := map[string]*ebd{}, map[[2]string]bool{}
	for i, row := range t.rows {
		nr, code := t.get(row, "ebd"), t.get(row, "code")
		if code == "" {
			continue
		}
		if seen[[2]string{nr, code}] {
			return nil, fmt.Errorf("ebd/%s: record %d: %s %s occurs twice", name, i+1, nr, code)
		}
		seen[[2]string{nr, code}] = true
		if ebds[nr] == nil {
			ebds[nr] = &ebd{open: !strings.HasPrefix(nr, "E_"), clusters: map[string][]string{}}
		}
		if strings.Contains(code, "*") {
			ebds[nr].open = true
			continue
		}
		cluster, err := clusterOf(t.get(row, "cluster"), oneLine(t.get(row, "text")))
		if err != nil {
			return nil, fmt.Errorf("ebd/%s: %s %s: %w", name, nr, code, err)
		}
		ebds[nr].clusters[cluster] = append(ebds[nr].clusters[cluster], code)
	}
	maps.DeleteFunc(ebds, func(_ string, x *ebd) bool { return len(x.clusters) == 0 })
	return ebds, nil
}

func clusterOf(column, text string) (string, error) {
	fromText := ""
	if rest, ok := strings.CutPrefix(text, "Cluster:"); ok {
		if fromText = clusterIn(oneLine(rest)); fromText == "" {
			return "", fmt.Errorf("the text names no known cluster")
		}
	}
	if column == "" {
		return fromText, nil
	}
	fromColumn := clusterIn(column)
	switch root, _, _ := strings.Cut(fromText, "/"); {
	case fromColumn == "":
		return "", fmt.Errorf("cluster %q is not known", column)
	case fromText == "":
		return fromColumn, nil
	case root != fromColumn:
		return "", nil
	}
	return fromText, nil
}

func clusterIn(text string) string {
	for _, c := range clusterTexts {
		if rest, ok := strings.CutPrefix(text, c.text); ok && (rest == "" || rest[0] == ' ') {
			return c.cluster
		}
	}
	return ""
}

// ebd writes an EBD.
func (w *writer) ebd(name string, x *ebd) {
	w.line(0, "ebd %s", name)
	if x.open {
		w.line(1, "open *")
	}
	for _, cluster := range slices.Sorted(maps.Keys(x.clusters)) {
		codes := x.clusters[cluster]
		slices.Sort(codes)
		keyword := "codes"
		if cluster != "" {
			keyword = "cluster " + cluster
		}
		w.line(1, "%s %s", keyword, strings.Join(codes, " "))
	}
}
