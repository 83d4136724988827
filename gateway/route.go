package gateway

import (
	"context"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/gateway/deliver"
	"github.com/marktbote/marktbote/gateway/route"
	"github.com/marktbote/marktbote/gateway/work"
	"github.com/marktbote/marktbote/store"
)

// The kinds of work items for systems of the company.
const (
	kindRoute   = "route"   // again, because a person wants it
	kindDeliver = "deliver" // to the destination Work.Target
)

// routed is what an accepted interchange holds, and where each of it goes.
type routed struct {
	transactions []deliver.Transaction
	to           [][]string // destinations of each; nil for what was rejected
	unmatched    string     // what no rule fits; empty: nothing
}

// routesOf asks the rules for the transactions of a received interchange. A message that has none is asked for as a whole.
// Rejected transactions go nowhere: the partner was told that they count as not received. Acknowledgements are for the
// gateway itself, so they may have no destination.
func (g *Gateway) routesOf(tx store.Tx, x store.Interchange) (*routed, error) {
	messages, err := tx.Messages(x.ID)
	if err != nil {
		return nil, err
	}
	transactions, err := tx.Transactions(x.ID)
	if err != nil {
		return nil, err
	}
	table, out := g.config.Table(), &routed{}
	missing := 0
	add := func(m store.Message, t deliver.Transaction) {
		out.transactions = append(out.transactions, t)
		out.to = append(out.to, nil)
		if t.Verdict != string(check.Accepted) {
			return
		}
		to, _ := table.Decide(route.Facts{
			Receiver: x.Recipient, Sender: x.Sender, Rolle: g.config.Rolle(x.Recipient), Type: m.Type, PID: t.Pruefidentifikator, Object: t.Object,
		})
		out.to[len(out.to)-1] = to
		if len(to) > 0 || acknowledges(x) {
			return
		}
		if missing++; missing == 1 {
			out.unmatched = fmt.Sprintf("no rule in routes fits message %d, transaction %d (%s %s)", t.Message, t.Transaction, m.Type, t.Pruefidentifikator)
		}
	}
	for _, m := range messages {
		whole := true
		for len(transactions) > 0 && transactions[0].MessageIndex == m.Index {
			t := transactions[0]
			transactions, whole = transactions[1:], false
			add(m, deliver.Transaction{
				Message: m.Index, Transaction: t.Index, Number: t.Number, Pruefidentifikator: t.Pruefidentifikator, Object: t.Subject, Verdict: t.Verdict,
			})
		}
		if whole {
			add(m, deliver.Transaction{Message: m.Index, Number: m.DocumentNo, Verdict: m.Verdict})
		}
	}
	if missing > 1 {
		out.unmatched += fmt.Sprintf(" and %d more", missing-1)
	}
	return out, nil
}

// route adds a work item for each system that a received interchange goes to, in the transaction of its verdict. If
// there is a transaction that no rule fits, the whole interchange waits for a person: then one decision holds for all
// of it, and no system gets it twice.
func (g *Gateway) route(tx store.Tx, x store.Interchange) error {
	table := g.config.Table()
	if table.Empty() || x.Verdict != string(check.Accepted) {
		return nil
	}
	r, err := g.routesOf(tx, x)
	if err != nil {
		return err
	}
	item := store.Work{InterchangeID: x.ID, DueAt: g.now()}
	if r.unmatched != "" {
		item.Kind, item.Lane, item.Parked, item.Reason = kindRoute, work.Urgent, true, "gateway: route: "+r.unmatched
		return tx.AddWork(item)
	}
	return g.addDeliveries(tx, item, r)
}

func (g *Gateway) addDeliveries(tx store.Tx, item store.Work, r *routed) error {
	var names []string
	for _, to := range r.to {
		names = append(names, to...)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		item.Kind, item.Lane, item.Target = kindDeliver, work.Deliver, name
		if err := tx.AddWork(item); err != nil {
			return err
		}
	}
	return nil
}

// routeAgain decides once more about an interchange that a rule was missing for.
func (g *Gateway) routeAgain(ctx context.Context, item store.Work) (work.Commit, error) {
	var r *routed
	x, err := g.interchange(ctx, item.InterchangeID)
	if err == nil {
		err = g.store.View(ctx, func(tx store.Tx) (err error) {
			r, err = g.routesOf(tx, x)
			return err
		})
	}
	if err != nil {
		return work.Commit{}, fmt.Errorf("gateway: route: %w", err)
	}
	if r.unmatched != "" {
		return work.Commit{}, final{fmt.Errorf("gateway: route: %s", r.unmatched)}
	}
	return work.Commit{
		Do: func(tx store.Tx) error {
			if err := g.addDeliveries(tx, store.Work{InterchangeID: x.ID, DueAt: g.now()}, r); err != nil {
				return err
			}
			return tx.CompleteWork(item)
		},
		After: func() { g.work.Wake(work.Deliver) },
	}, nil
}

// deliver makes one attempt to hand an interchange to a system.
func (g *Gateway) deliver(ctx context.Context, item store.Work) (work.Commit, error) {
	destination, ok := g.destinations[item.Target]
	if !ok {
		return work.Commit{}, final{fmt.Errorf("gateway: deliver: there is no destination %q in the configuration any more", item.Target)}
	}
	x, err := g.interchange(ctx, item.InterchangeID)
	if err != nil {
		return work.Commit{}, fmt.Errorf("gateway: deliver: %w", err)
	}
	notice, err := g.notice(ctx, x, item.Target)
	if err != nil {
		return work.Commit{}, fmt.Errorf("gateway: deliver: %w", err)
	}
	body, err := g.store.OpenPayload(ctx, x.PayloadDigest)
	if err != nil {
		return work.Commit{}, fmt.Errorf("gateway: deliver: %w", err)
	}
	defer body.Close()
	if err := destination.Deliver(ctx, notice, body); err != nil {
		return work.Commit{}, fmt.Errorf("gateway: %w", err)
	}
	return work.Commit{
		Do: func(tx store.Tx) error { return tx.CompleteWork(item) },
		After: func() {
			g.log.Info("interchange delivered", zap.Int64("interchange", x.ID), zap.String("destination", item.Target))
		},
	}, nil
}

// notice says what of an interchange is for a destination, by the rules as they are now.
func (g *Gateway) notice(ctx context.Context, x store.Interchange, destination string) (*deliver.Notice, error) {
	var r *routed
	if err := g.store.View(ctx, func(tx store.Tx) (err error) {
		r, err = g.routesOf(tx, x)
		return err
	}); err != nil {
		return nil, err
	}
	n := &deliver.Notice{
		ID: x.ID, Destination: destination, Sender: x.Sender, Receiver: x.Recipient, Reference: x.ControlRef, Type: x.MessageType,
		FormatVersion: x.FormatVersion, Sparte: x.Sparte, Test: x.Test, ReceivedAt: x.ReceivedAt.UTC(), SHA256: x.PayloadDigest, Size: x.PayloadSize,
		Pruefidentifikatoren: []string{}, Transactions: r.transactions,
		Links: deliver.Links{Interchange: fmt.Sprintf("/v1/interchanges/%d", x.ID), Raw: fmt.Sprintf("/interchanges/%d/raw", x.ID)},
	}
	meant := false
	for i := range n.Transactions {
		t := &n.Transactions[i]
		if t.Deliver = slices.Contains(r.to[i], destination); !t.Deliver {
			continue
		}
		meant = true
		if t.Pruefidentifikator != "" && !slices.Contains(n.Pruefidentifikatoren, t.Pruefidentifikator) {
			n.Pruefidentifikatoren = append(n.Pruefidentifikatoren, t.Pruefidentifikator)
		}
	}
	if !meant {
		return nil, final{fmt.Errorf("the rules have changed: nothing of it is for %q any more", destination)}
	}
	return n, nil
}
