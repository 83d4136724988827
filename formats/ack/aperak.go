package ack

import "time"

// Aperak is the content of an APERAK: what it says about one Geschaeftsvorfall.
type Aperak struct {
	Code             AperakCode
	Number           string    // BGM 1004
	CreatedAt        time.Time // DTM+137; zero if it cannot be read
	Sender, Receiver Party     // NAD+MS, NAD+MR; only those that are told

	ControlRef    string    // RFF+ACE: UNB 0020 of the file that it is about
	FileCreatedAt time.Time // DTM+171: its UNB S004; zero if it cannot be read
	Message       string    // RFF+ACW: UNH 0062; up to 2.1i and in a 313 only
	Document      string    // RFF+AGO: BGM 1004
	Transaction   string    // RFF+TN; empty if it is about the whole message

	Errors []ApplicationError // of a 313
}

// AperakCode is BGM 1001.
type AperakCode string

// The two kinds of APERAK.
const (
	Recognized  AperakCode = "312" // Anerkennungsmeldung: can be processed
	NotAccepted AperakCode = "313" // cannot be processed, counts as not received
)

// ApplicationError is one error (SG4).
type ApplicationError struct {
	Code      string       // ERC 9321
	Content   [2]string    // FTX+ABO: the content that is wrong, see Content
	Help      string       // FTX+AAO: text for people
	Place     SegmentPlace // FTX+Z02
	Successor string       // RFF+Z08: MP-ID of the network operator that took over, with Z16
	// Transaction is set if the error names another transaction than the APERAK, which it should not.
	Transaction string
}

// transactional are the message types whose transactions have a number of their own.
//
// Spec: APERAK AHB 1.1 (RFF+TN with IFTSTA, INSRPT, UTILMD and UTILTS)
var transactional = map[string]bool{"IFTSTA": true, "INSRPT": true, "UTILMD": true, "UTILTS": true}
