package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/gateway/work"
	"github.com/marktbote/marktbote/store"
)

// arrivedBefore deals with a business transaction whose event is in the outbox already. The same content again is
// nothing new. Other content under the same number is for a person: it was acknowledged, because no code of CONTRL or
// APERAK is meant for it, and is not in the outbox.
func (g *Gateway) arrivedBefore(tx store.Tx, x store.Interchange, e event.Event, data []byte) error {
	first, err := tx.Event(e.ID)
	if err != nil {
		return err
	}
	same := len(first.Data) == 0 // destroyed, because its time was over: nobody can tell any more
	if !same {
		if same, err = sameContent(first.Data, data); err != nil {
			return err
		}
	}
	if same {
		g.log.Warn("business transaction arrived before", zap.Int64("interchange", x.ID), zap.Int64("first", first.InterchangeID))
		return nil
	}
	err = tx.AddWork(store.Work{
		Kind: kindDecide, Lane: work.Urgent, InterchangeID: x.ID, DueAt: g.now(), Parked: true,
		Reason: fmt.Sprintf("gateway: a transaction (segment %d) has the number of one in interchange %d and other content; it gave no event",
			firstSegment(e), first.InterchangeID),
	})
	return err
}

// deliveryParts are the parts of an event that tell how it came, not what it says.
var deliveryParts = []string{"id", "source", "time", "recordedtime", "formatversion"}

// deliveryMessageParts are those of data.message.
var deliveryMessageParts = []string{
	"interchange", "reference", "version", "document", "documentTime", "receivedTime", "firstSegment", "lastSegment", "original",
}

// sameContent reports whether two events say the same.
func sameContent(a, b []byte) (bool, error) {
	one, err := contentOf(a)
	if err != nil {
		return false, err
	}
	other, err := contentOf(b)
	return bytes.Equal(one, other), err
}

func contentOf(data []byte) ([]byte, error) {
	var e map[string]any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&e); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	for _, name := range deliveryParts {
		delete(e, name)
	}
	if content, ok := e["data"].(map[string]any); ok {
		if message, ok := content["message"].(map[string]any); ok {
			for _, name := range deliveryMessageParts {
				delete(message, name)
			}
		}
		withoutPlaces(content["more"])
		if personal, ok := content["personal"].(map[string]any); ok {
			withoutPlaces(personal["more"])
		}
	}
	return json.Marshal(e) // sorts the names
}

// withoutPlaces takes the places out of segments that an event keeps as sent: a transaction that comes again can stand
// elsewhere in its message.
func withoutPlaces(segments any) {
	list, _ := segments.([]any)
	for _, v := range list {
		if segment, ok := v.(map[string]any); ok {
			delete(segment, "segment")
		}
	}
}
