package event

import (
	"fmt"
	"time"

	"github.com/marktbote/marktbote/formats/ident"
)

// Warning is what the gateway noticed about the way to a Marktpartner: that he will not be reachable, or is not.
type Warning struct {
	Kind     string               `json:"kind"`     // of package partner, such as partner-expiring
	Severity string               `json:"severity"` // info, warning, alarm
	MPID     ident.MarktpartnerID `json:"mpId,omitempty"`
	Usage    string               `json:"usage,omitempty"` // of the certificate
	CA       string               `json:"ca,omitempty"`    // of a revocation list
	Until    time.Time            `json:"until,omitzero"`
	Werktage int                  `json:"werktage,omitempty"` // threshold before Until that was passed
	Text     string               `json:"text"`
	At       time.Time            `json:"at"`
}

// OfWarning returns the event of a warning. One with an end is one event for each threshold, others are one each day.
func OfWarning(w Warning) Event {
	w.Until, w.At = w.Until.UTC(), w.At.UTC()
	subject := "party/" + string(w.MPID)
	if w.MPID == "" {
		subject = "ca/" + w.CA
	}
	key := fmt.Sprintf("partner/%s/%s/%s/%d/%s", w.Kind, subject, w.Usage, w.Werktage, w.Until.Format(time.RFC3339))
	if w.Until.IsZero() {
		key = fmt.Sprintf("partner/%s/%s/%s/%s", w.Kind, subject, w.Usage, w.At.Format(time.DateOnly))
	}
	e := Event{
		IdempotencyKey: key,
		Source:         "urn:marktbote", Type: typePrefix + "partner.warning" + typeSuffix, Subject: subject, PartitionKey: subject,
		Time: w.At, Data: w,
	}
	e.ID = eventID(e.IdempotencyKey, e.Type)
	return e
}
