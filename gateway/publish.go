package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/store"
)

// maxHeld is how many events and transactions of one interchange are held in memory between reading and commit. What
// has more is read again inside the transaction.
const maxHeld = 2000

// content is what an accepted interchange says: events for the systems behind, and what its transactions are in their
// processes.
type content struct {
	g        *Gateway
	x        store.Interchange
	rejected map[place]bool // transactions that do not count

	events []event.Event
	rows   []store.Event // the same, as the outbox keeps them
	steps  []transaction
	large  bool // not held
	count  int  // events that were new
}

// readContent translates an accepted interchange but for the transactions that the check rejected.
func (g *Gateway) readContent(ctx context.Context, x store.Interchange, rejected map[place]bool) (*content, error) {
	c := &content{g: g, x: x, rejected: rejected}
	if x.PayloadSize > store.MaxInlinePayload {
		c.large = true
		return c, nil
	}
	err := c.read(ctx,
		func(e event.Event) error {
			row, err := g.outboxEvent(x, e)
			c.events, c.rows = append(c.events, e), append(c.rows, row)
			c.large = c.large || len(c.events) > maxHeld
			return err
		},
		func(t transaction) error {
			c.steps = append(c.steps, t)
			c.large = c.large || len(c.steps) > maxHeld
			return nil
		})
	if c.large {
		c.events, c.rows, c.steps = nil, nil, nil
	}
	return c, err
}

// commit keeps the content of what was received or sent at an instant.
func (c *content) commit(ctx context.Context, tx store.Tx, at time.Time) error {
	c.count = 0 // the transaction may run again
	follow := func(t transaction) error { return c.g.follow(ctx, tx, c.x, t, at) }
	if c.large {
		return c.read(ctx, func(e event.Event) error {
			row, err := c.g.outboxEvent(c.x, e)
			if err != nil {
				return err
			}
			return c.publish(tx, []event.Event{e}, []store.Event{row})
		}, follow)
	}
	if err := c.publish(tx, c.events, c.rows); err != nil {
		return err
	}
	for _, t := range c.steps {
		if err := follow(t); err != nil {
			return err
		}
	}
	return nil
}

// publish adds events to the outbox but for those that are there already: the same business transaction arrived before.
func (c *content) publish(tx store.Tx, events []event.Event, rows []store.Event) error {
	known, err := tx.InsertEvents(rows...)
	if err != nil {
		return err
	}
	for i, e := range events {
		if slices.Contains(known, i) {
			err = c.g.arrivedBefore(tx, c.x, e, rows[i].Data)
		} else {
			c.count++
			err = learn(tx, c.x, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *content) after() {
	c.g.events.Add(float64(c.count))
	c.g.log.Debug("events published", zap.Int64("interchange", c.x.ID), zap.Int("events", c.count))
}

// read goes through the messages of an interchange, one in memory at a time, but not through what the check rejected:
// of an accepted interchange that can be single transactions.
func (c *content) read(ctx context.Context, emit func(event.Event) error, follow func(transaction) error) error {
	body, err := c.g.payload(ctx, c.x.PayloadDigest)
	if err != nil {
		return err
	}
	defer body.Close()
	x := c.x
	env := event.Envelope{
		Direction: event.Direction(x.Direction), SenderRole: c.g.config.Rolle(x.Sender), RecipientRole: c.g.config.Rolle(x.Recipient),
		FormatVersion: formats.FormatVersion(x.FormatVersion), Sparte: formats.Sparte(x.Sparte), ReceivedAt: x.ReceivedAt, Test: x.Test,
		Original: fmt.Sprintf("/interchanges/%d", x.ID),
	}
	r := edifact.NewReader(body, edifact.Options{MaxMessageBytes: c.g.config.MaxMessageBytes})
	var m edifact.Message
	for {
		err := r.NextMessage(&m)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		list, err := event.FromMessage(env, r.UNB(), &m)
		var none *event.NoMapping
		var value *event.ValueError
		switch {
		case errors.As(err, &none):
			c.g.log.Debug("no event for a message", zap.Int64("interchange", x.ID), zap.Int("message", m.Index()), zap.String("reason", none.Error()))
		case errors.As(err, &value):
			return final{err} // the check let pass what cannot be translated: a person must look
		case err != nil:
			return err
		}
		refused := map[int]bool{} // first segments of rejected transactions
		for i, t := range event.Transactions(&m) {
			if c.rejected[place{m.Index(), i + 1}] {
				refused[t.First] = true
			}
		}
		for _, e := range list {
			if refused[firstSegment(e)] {
				continue
			}
			if err := emit(e); err != nil {
				return err
			}
		}
		if x.Test || c.g.channel == nil {
			continue // a test is no step of a process
		}
		if err := c.g.transactions(x, r.UNB(), &m, c.rejected, follow); err != nil {
			return err
		}
	}
}

// firstSegment returns where the transaction of an event begins in its message.
func firstSegment(e event.Event) int {
	switch data := e.Data.(type) {
	case *event.Record:
		return data.Message.FirstSegment
	case *event.Meter:
		return data.Message.FirstSegment
	}
	return 0
}

// outboxEvent is an event as the outbox keeps it.
func (g *Gateway) outboxEvent(x store.Interchange, e event.Event) (store.Event, error) {
	e.RecordedAt = g.now()
	data, err := e.MarshalJSON() // json.Marshal would read and copy it once more
	if err != nil {
		return store.Event{}, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	return store.Event{
		ID: e.ID, Type: e.Type, Subject: e.Subject, PartitionKey: e.PartitionKey, InterchangeID: x.ID,
		RecordedAt: e.RecordedAt, Data: data,
	}, nil
}

// EventJSON returns the CloudEvent of an outbox row with its place in the outbox, which is known only since the
// commit. There must be Data: retention has not destroyed it.
func EventJSON(e store.Event) []byte {
	head := fmt.Appendf(nil, `{"sequence":"%020d",`, e.Seq)
	return append(head, e.Data[1:]...)
}
