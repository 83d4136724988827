// Package formats holds what the German energy market adds to EDIFACT: format versions with their dates, the
// Sparten, and the Finding, the one way in which everything below says that a message is wrong.
//
// The packages below it check and translate messages: rules (the rule packs), mig (structure), check (the one
// entry point), event (messages to events), ident and calendar (identifiers and days). They take the time as an
// argument, never read the clock and do no I/O of their own.
//
// Documents followed, with their state: SPECS.md in this folder.
package formats

import (
	"time"
	_ "time/tzdata" // the German calendar must not depend on the machine
)

// Berlin is legal German time.
var Berlin = mustLoadBerlin()

func mustLoadBerlin() *time.Location {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic("formats: time zone data is compiled in but cannot be read: " + err.Error())
	}
	return loc
}

// Sparte is the sector a message belongs to.
type Sparte string

// The two Sparten.
const (
	Strom Sparte = "strom"
	Gas   Sparte = "gas"
)

// FormatVersion names a set of document versions that come into force together, such as FV2610.
type FormatVersion string

// Validity is one format version with the day it comes into force at 00:00 legal German time.
type Validity struct {
	Version FormatVersion
	From    time.Time
}

// versions lists the format versions by date, oldest first. The days are set by BNetzA and are not always the
// first of a month.
//
// Spec: APERAK AHB 1.1 and CONTRL AHB 1.0 (format change); Mitteilung of BNetzA per version
var versions = []Validity{
	{"FV2310", time.Date(2023, 10, 1, 0, 0, 0, 0, Berlin)},
	{"FV2404", time.Date(2024, 4, 3, 0, 0, 0, 0, Berlin)},
	{"FV2410", time.Date(2024, 10, 1, 0, 0, 0, 0, Berlin)},
	{"FV2504", time.Date(2025, 6, 6, 0, 0, 0, 0, Berlin)},
	{"FV2510", time.Date(2025, 10, 1, 0, 0, 0, 0, Berlin)},
	{"FV2604", time.Date(2026, 4, 1, 0, 0, 0, 0, Berlin)},
	{"FV2610", time.Date(2026, 10, 1, 0, 0, 0, 0, Berlin)},
}

// Versions returns all known format versions, oldest first.
func Versions() []Validity { return append([]Validity(nil), versions...) }

// VersionAt returns the format version in force at t; "" before the first known one.
func VersionAt(t time.Time) FormatVersion {
	var v FormatVersion
	for _, x := range versions {
		if t.Before(x.From) {
			break
		}
		v = x.Version
	}
	return v
}
