// Package ack decides how a received file is acknowledged with CONTRL and APERAK, writes both, reads those of others
// and finds out what they are about.
//
//	result, err := check.File(bytes.NewReader(file), opts)
//	original, err := ack.Inspect(bytes.NewReader(file), result, opts) // what the answers repeat of the file
//	decision, err := ack.Decide(original, ack.Options{ReceivedAt: received, SentAt: now, Numbers: numbers})
//	answers, err := ack.Write(options, decision)                      // zero, one or two interchanges
//	fmt.Println(decision.ContrlReason.Text(formats.German))
//
// Vocabulary: CONTRL answers a file (syntax), APERAK one Geschaeftsvorfall (can it be processed). A 312 accepts, a 313
// rejects. Which of them are sent depends on the Sparte of the receiver; deadline.go tells until when.
//
// The other direction: Read, or ParseContrl and ParseAperak for a single message, and Match.
//
// Everything is pure: the time and the numbers come in as arguments. The functions are safe for concurrent use as long
// as Options.Numbers is.
//
// Spec: CONTRL AHB 1.0; CONTRL MIG 2.0b
// Spec: APERAK AHB 1.0; APERAK AHB 1.1; APERAK MIG 2.1i; APERAK MIG 2.2
package ack

import (
	"errors"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
)

// Party is a Marktpartner with the qualifier that UNB has for its code list: 14 GS1, 500 BDEW, 502 DVGW.
type Party struct {
	ID        string // MP-ID
	Qualifier string // UNB 0007
}

// agencies are the code lists as NAD 3055 names them.
//
// Spec: Allgemeine Festlegungen 6.1 2.13 (UNB 0007 and NAD 3055)
var agencies = map[string]string{"14": "9", "500": "293", "502": "332"}

// agency returns NAD 3055.
func (p Party) agency() string { return agencies[p.Qualifier] }

// partyOf returns a party that NAD names.
func partyOf(id, agency string) Party {
	for q, a := range agencies {
		if a == agency {
			return Party{id, q}
		}
	}
	return Party{ID: id}
}

// Numbers hands out the numbers of answers.
type Numbers interface {
	// ControlRef returns a new UNB 0020: at most 14 upper-case letters and digits, not to be used again for ten years.
	ControlRef() (string, error)
	// DocumentNumber returns a new BGM 1004, at most 35 characters.
	DocumentNumber() (string, error)
}

// Options say how to answer.
type Options struct {
	ReceivedAt time.Time // the deadlines begin here
	SentAt     time.Time // of the answer; decides its format version
	Numbers    Numbers

	// Own is the sender of the answers if the file was not addressed to one of our MP-IDs; else its receiver is.
	Own Party
	// Sparte of the receiver, needed only if its MP-ID is a GLN, which does not tell it.
	Sparte formats.Sparte
	// FormatVersion, if set, is that of the answers whatever the dates say.
	FormatVersion formats.FormatVersion
	Outside       []Outside    // what was found out beside the message
	NoHelp        bool         // no text for people in the APERAK (FTX+AAO)
	Rules         *rules.Shelf // nil: the embedded packs
}

func (o *Options) shelf() *rules.Shelf {
	if o.Rules == nil {
		return rules.Embedded()
	}
	return o.Rules
}

// version returns the format version of the answers: that of the moment in which they are sent, also if the file that
// they are about is older.
func (o *Options) version() formats.FormatVersion {
	if o.FormatVersion != "" {
		return o.FormatVersion
	}
	return formats.VersionAt(o.SentAt)
}

// ErrIncomplete says that the check kept fewer findings than it made, so that nobody knows which transactions are
// right. The file has to be checked with a larger check.Options.MaxFindings.
var ErrIncomplete = errors.New("ack: the check did not keep all findings of the file")

// Limits of CONTRL and APERAK.
//
// Spec: CONTRL MIG 2.0b (SG1, SG2, UCD); APERAK MIG 2.2 (SG4, FTX)
const (
	maxUCM  = 999_999
	maxUCS  = 999 // per message
	maxUCD  = 99  // per segment
	maxERC  = 99_999
	maxText = 512 // characters of a DE 4440
)
