package formats

import "time"

// LocalTime writes an instant in legal German time for people, such as 16.11.2026 12:30 MEZ. The zone is named because
// the messages hold UTC, and because one hour of the year occurs twice.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 3 (values are UTC, people count in legal German time)
func LocalTime(t time.Time, lang Lang) string {
	local := t.In(Berlin)
	if lang == English {
		return local.Format("2006-01-02 15:04 MST")
	}
	zone := " MEZ"
	if local.IsDST() {
		zone = " MESZ"
	}
	return local.Format("02.01.2006 15:04") + zone
}
