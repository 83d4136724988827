package calendar

import (
	"time"

	"github.com/marktbote/marktbote/formats"
)

// AddWerktage returns the n-th Werktag after d. The day itself never counts, whatever day it is and whatever the hour,
// and counting begins with the next Werktag. For n below 1 it returns d.
//
//	calendar.StromDayOf(received).AddWerktage(3) // the last day of "3 Werktage after receipt"
//
// Spec: GPKE, ch. 7 (Fristen); the day of the event does not count
func (d Date) AddWerktage(n int) Date {
	for ; n > 0; n-- {
		for d = d.AddDays(1); !d.IsWerktag(); {
			d = d.AddDays(1)
		}
	}
	return d
}

// At returns the instant, in UTC, at which clocks in Germany show the hour and minute on that day. The hour from 2 to 3,
// in which clocks change, does not tell an instant on two days of the year.
func (d Date) At(hour, minute int) time.Time {
	return time.Date(d.Year, d.Month, d.Day, hour, minute, 0, 0, formats.Berlin).UTC()
}

// End returns the instant, in UTC, at which the day ends by legal German time, 24:00, which is 00:00 of the next day.
func (d Date) End() time.Time { return d.AddDays(1).At(0, 0) }
