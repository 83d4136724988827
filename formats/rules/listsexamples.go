package rules

import (
	"slices"
	"strings"
)

// Examples returns up to most values that a list has, sorted; of a list that differs by Pruefidentifikator those of
// pid. A code with placeholders gives the value with the first number of each.
func (l *Lists) Examples(name, pid string, most int) []string {
	list := l.find(name)
	if list == nil {
		return nil
	}
	codes := &list.codes
	if list.pids != nil {
		if codes = list.pids[pid]; codes == nil {
			return nil
		}
	}
	var out []string
	for _, text := range codes.texts {
		out = append(out, firstOf(text))
	}
	slices.Sort(out)
	return out[:min(most, len(out))]
}

// Answers returns the answer codes of an EBD that belong to a cluster or a part of one, sorted.
func (l *Lists) Answers(cluster, ebd string) []string {
	list := l.ebds[ebd]
	if list == nil {
		return nil
	}
	var out []string
	for code := range list.clusters {
		if member, known := l.InCluster(cluster, ebd, code); member && known {
			out = append(out, code)
		}
	}
	slices.Sort(out)
	return out
}

// firstOf replaces every placeholder by its first number.
func firstOf(text string) string {
	for {
		start := strings.IndexByte(text, '{')
		if start < 0 {
			return text
		}
		end := start + strings.IndexByte(text[start:], '}')
		inner := text[start+1 : end]
		first := inner[:strings.IndexAny(inner+".", ".,")]
		text = text[:start] + first + text[end+1:]
	}
}
