package process

import (
	"fmt"
	"strings"

	"github.com/marktbote/marktbote/formats"
)

// Describe says in a sentence what answers the message, until when, and what silence means.
func (e *Entry) Describe(lang formats.Lang) string {
	de := lang != formats.English
	if len(e.Answers) == 0 {
		return pick(de, "Wird nicht beantwortet.", "It is not answered.")
	}
	var parts []string
	for _, group := range []struct {
		effect Effect
		word   string
	}{
		{Confirms, pick(de, "bestätigt", "confirms")}, {Refuses, pick(de, "lehnt ab", "refuses")},
		{Informs, pick(de, "antwortet", "answers")},
	} {
		var pids []string
		for _, a := range e.Answers {
			if a.Effect == group.effect {
				pid := a.Pruefidentifikator.String()
				if a.By.Known() {
					pid += " (" + a.By.Describe(lang) + ")"
				}
				pids = append(pids, pid)
			}
		}
		if pids != nil {
			parts = append(parts, strings.Join(pids, ", ")+" "+group.word)
		}
	}
	text := pick(de, "Antwort: ", "Answer: ") + strings.Join(parts, "; ") + ". " + pick(de, "Frist: ", "Deadline: ") + e.Due.Describe(lang)
	if e.Sure == Low && e.Due.Known() {
		text += pick(de, " (nicht gesichert)", " (not verified)")
	}
	text += "."
	if e.Due.Known() {
		text += " " + e.Silence.Describe(lang)
		if e.VoidLate {
			text += pick(de, " Eine spätere Antwort ist wirkungslos.", " A later answer has no effect.")
		}
	}
	return text
}

// Describe says what holds when no answer has come by the deadline.
func (s Silence) Describe(lang formats.Lang) string {
	words, ok := silenceWords[s]
	if !ok {
		words = silenceWords[SilenceUnknown]
	}
	return pick(lang != formats.English, words[0], words[1])
}

// Describe says where a step stands.
func (s State) Describe(lang formats.Lang) string {
	words, ok := stateWords[s]
	if !ok {
		return string(s)
	}
	return pick(lang != formats.English, words[0], words[1])
}

var stateWords = map[State][2]string{
	Draft:         {"noch nicht gesendet", "not sent yet"},
	Sent:          {"gesendet, Empfang offen", "sent, not received yet"},
	Open:          {"Antwort offen", "answer awaited"},
	Accepted:      {"anerkannt, Antwort offen", "acknowledged, answer awaited"},
	Done:          {"erledigt, keine Antwort vorgesehen", "done, no answer is foreseen"},
	Rejected:      {"technisch abgelehnt, gilt als nicht empfangen", "rejected technically, counts as not received"},
	Confirmed:     {"bestätigt", "confirmed"},
	Refused:       {"abgelehnt", "refused"},
	Answered:      {"beantwortet", "answered"},
	Silent:        {"durch Schweigen entschieden", "decided by silence"},
	Overdue:       {"überfällig", "overdue"},
	Cancelled:     {"storniert", "cancelled"},
	NeedsClearing: {"widersprüchlich, zu klären", "contradictory, to be clarified"},
}

var silenceWords = map[Silence][2]string{
	SilenceUnknown: {"Was bei Schweigen gilt, ist nicht belegt.", "What silence means is not established."},
	Breach:         {"Schweigen bewirkt nichts; die Antwort bleibt geschuldet.", "Silence decides nothing; the answer is still owed."},
	Consent:        {"Schweigen gilt als Zustimmung.", "Silence is consent."},
	NoDeviation:    {"Schweigen heißt, dass die Daten ohne Abweichung übernommen sind.", "Silence means that the data are accepted as sent."},
	Approved:       {"Schweigen genehmigt den Lieferschein.", "Silence approves the delivery note."},
	NBEnds:         {"Bei Schweigen beendet der NB die Zuordnung.", "After silence the NB ends the assignment."},
	NBAssigns:      {"Bei Schweigen ordnet der NB zu.", "After silence the NB assigns."},
	Waived:         {"Geschuldet ist nichts; nach der Frist ist kein Widerspruch mehr möglich.", "Nothing is owed; after the deadline no objection is possible."},
}

// Describe says the deadline in words.
func (d Deadline) Describe(lang formats.Lang) string {
	de := lang != formats.English
	if !d.Known() {
		return pick(de, "nicht belegt", "not established")
	}
	var parts []string
	for i := range d.alternatives {
		a := &d.alternatives[i]
		text := a.term.describe(de, a.anchor(de))
		if a.only != nil {
			text += " (" + a.only.describe(de) + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, pick(de, ", sonst ", ", else "))
}

// anchor names what the clock runs from.
func (a *alternative) anchor(de bool) string {
	switch {
	case a.from != "":
		return "DTM+" + a.from
	case a.of != nil:
		var pids []string
		for _, p := range a.of {
			pids = append(pids, p.String())
		}
		return pick(de, "dem Eingang von ", "the receipt of ") + strings.Join(pids, pick(de, " oder ", " or "))
	}
	return pick(de, "dem Eingang", "the receipt")
}

func (t *term) describe(de bool, anchor string) string {
	n := fmt.Sprintf("%d.", t.n)
	if !de {
		n = ordinal(t.n)
	}
	at := t.clock.describe(de)
	switch t.form {
	case hours:
		return fmt.Sprintf(pick(de, "%d Stunden nach %s", "%d hours after %s"), t.n, anchor)
	case minutes:
		return fmt.Sprintf(pick(de, "%d Minuten nach %s", "%d minutes after %s"), t.n, anchor)
	case werktag, day:
		if t.n == 0 {
			return at + pick(de, " des Eingangstages", " on the day of receipt")
		}
		if t.form == day {
			return at + pick(de, fmt.Sprintf(" des %s Tages nach %s", n, anchor), fmt.Sprintf(" of the %s day after %s", n, anchor))
		}
		return at + pick(de, fmt.Sprintf(" des %s Werktages nach %s", n, anchor), fmt.Sprintf(" of the %s Werktag after %s", n, anchor))
	case before:
		return at + pick(de, fmt.Sprintf(" des %s Werktages vor DTM+%s", n, t.date), fmt.Sprintf(" of the %s Werktag before DTM+%s", n, t.date))
	case after:
		return at + pick(de, fmt.Sprintf(" des %s Werktages nach DTM+%s", n, t.date), fmt.Sprintf(" of the %s Werktag after DTM+%s", n, t.date))
	case on:
		return at + pick(de, " des Tages DTM+", " of the day DTM+") + t.date
	case lead:
		return fmt.Sprintf(pick(de, "mindestens %d volle Werktage vor DTM+%s", "at least %d whole Werktage before DTM+%s"), t.n, t.date)
	case monthWerktag:
		return at + pick(de, fmt.Sprintf(" des %s Werktages des Monats nach DTM+%s", n, t.date), fmt.Sprintf(" of the %s Werktag of the month after DTM+%s", n, t.date))
	default:
		return at + pick(de, fmt.Sprintf(" des %s Tages des Monats nach DTM+%s", n, t.date), fmt.Sprintf(" of the %s day of the month after DTM+%s", n, t.date))
	}
}

func (c clock) describe(de bool) string {
	if c.end {
		return pick(de, "bis zum Ende", "by the end")
	}
	return fmt.Sprintf(pick(de, "bis %02d:%02d Uhr", "by %02d:%02d"), c.hour, c.minute)
}

func (list conditions) describe(de bool) string {
	var parts []string
	for i := range list {
		parts = append(parts, list[i].describe(de))
	}
	return strings.Join(parts, pick(de, " und ", " and "))
}

func (c *condition) describe(de bool) string {
	words := strings.Join(c.words, pick(de, " oder ", " or "))
	var text string
	switch c.on {
	case "BGM":
		text = "BGM " + words
	case "to":
		text = pick(de, "an ", "to ") + words
	case "metering":
		text = pick(de, "bei ", "with ") + words
	case "case":
		names, ok := caseWords[c.words[0]]
		if !ok {
			names = [2]string{words, words}
		}
		text = pick(de, names[0], names[1])
	case "ahead":
		text = "DTM+" + words + pick(de, " in der Zukunft", " in the future")
	case "past":
		text = "DTM+" + words + pick(de, " in der Vergangenheit", " in the past")
	default:
		text = c.on
	}
	if c.not {
		return pick(de, "nicht: ", "not: ") + text
	}
	return text
}

// caseWords are the circumstances that no message tells.
var caseWords = map[string][2]string{
	"first-set-up": {"erstmalige Einrichtung", "first set-up"},
	"msb-involved": {"der MSB ist beteiligt", "the MSB is involved"},
	"second-msb":   {"ein zweiter MSB muss liefern", "a second MSB has to deliver"},
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}

func pick(de bool, german, english string) string {
	if de {
		return german
	}
	return english
}
