package ack

import (
	"slices"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/calendar"
)

// Deadline says until when an acknowledgement must have been sent. The duty is to send it without delay; this is the
// outer limit.
type Deadline struct {
	By time.Time // UTC
	// Until is the end of the tolerance if By lies in that of a change of the format version; else it equals By.
	Until time.Time
	Rule  DeadlineRule
}

// DeadlineRule names what the deadline follows from.
type DeadlineRule string

// The rules.
const (
	SixHours     DeadlineRule = "6 hours"
	FortyFive    DeadlineRule = "45 minutes"
	SundayNoon   DeadlineRule = "Sunday 12:00"
	NextWerktag  DeadlineRule = "next Werktag 12:00"
	ThirdWerktag DeadlineRule = "end of the third Werktag"
)

const (
	contrlTime      = 6 * time.Hour
	shortTime       = 45 * time.Minute
	noon            = 12
	initialWerktage = 3
)

// initialProcesses are the Pruefidentifikatoren that begin a process in Gas and so have more time.
//
// Spec: APERAK AHB 1.1 2.5 (Initialprozess); Anwendungsübersicht der Prüfidentifikatoren 4.0
var initialProcesses = []string{"44001", "44016", "44039", "44042"}

// ContrlDeadline returns until when a file must be answered with CONTRL. Hours are hours, at night and on holidays too.
//
// Spec: CONTRL AHB 1.0; APERAK/CONTRL AHB 2.3k 2.2.3
func ContrlDeadline(received time.Time, messageType string) Deadline {
	if messageType == "ALOCAT" {
		return deadline(received.Add(shortTime), FortyFive)
	}
	return deadline(received.Add(contrlTime), SixHours)
}

// AperakDeadline returns until when a transaction must be answered with APERAK; in Gas silence until then accepts it.
// Without a Sparte the earlier one of both holds.
//
// Spec: APERAK AHB 1.1 2.4, 2.5
func AperakDeadline(received time.Time, sparte formats.Sparte, messageType, pruefidentifikator string) Deadline {
	day := calendar.StromDayOf(received)
	strom := messageType == "UTILMD" || messageType == "ORDERS"
	switch {
	case sparte == formats.Gas && slices.Contains(initialProcesses, pruefidentifikator):
		return deadline(day.AddWerktage(initialWerktage).End(), ThirdWerktag)
	case sparte == formats.Gas || !strom:
		return deadline(day.AddWerktage(1).At(noon, 0), NextWerktag)
	case received.In(formats.Berlin).Weekday() == time.Saturday:
		return deadline(day.AddDays(1).At(noon, 0), SundayNoon)
	}
	return deadline(received.Add(shortTime), FortyFive)
}

func deadline(by time.Time, rule DeadlineRule) Deadline {
	d := Deadline{By: by.UTC(), Until: by.UTC(), Rule: rule}
	for _, v := range formats.Versions() {
		if from, to := changeWindow(v.From); !d.By.Before(from) && d.By.Before(to) {
			d.Until = to
		}
	}
	return d
}

// changeWindow returns the time around the day of a new format version in which late acknowledgements are accepted:
// from six hours before the day until its end.
//
// Spec: CONTRL AHB 1.0 (format change); APERAK AHB 1.1 2.4, 2.5
func changeWindow(from time.Time) (begin, end time.Time) {
	day := calendar.StromDayOf(from)
	return day.AddDays(-1).At(18, 0), day.End()
}
