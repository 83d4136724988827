package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/store"
)

// Action is what a person decides about a work item.
type Action string

// The actions.
const (
	Requeue Action = "requeue" // a parked item is tried again
	Hold    Action = "hold"    // an item that is not parked is parked
	Solve   Action = "solve"   // a parked item is ended without being done
)

// Why a decision is not carried out.
var (
	// ErrNoItem: there is no such work item, or it is not in the state that the action needs.
	ErrNoItem = errors.New("gateway: there is no work item to which this can be done")
	// ErrNotThere: there is no such interchange.
	ErrNotThere = errors.New("gateway: there is no such interchange")
	// ErrNotSent: only what was sent can be sent again.
	ErrNotSent = errors.New("gateway: the interchange was not sent yet")
)

// DecisionError says what is missing in a decision.
type DecisionError struct {
	Field string // who, reason
	Limit int    // characters allowed
}

// Error is for the person who decides.
func (e *DecisionError) Error() string {
	return fmt.Sprintf("%s must be a text of 1 to %d characters in one line", e.Field, e.Limit)
}

// Limits of a decision in characters.
const (
	maxWho    = 100
	maxReason = 1000
)

// justify checks who decides and why.
func justify(who, reason string) (string, string, error) {
	for _, f := range []struct {
		name  string
		text  *string
		limit int
	}{{"who", &who, maxWho}, {"reason", &reason, maxReason}} {
		*f.text = strings.TrimSpace(*f.text)
		n := utf8.RuneCountInString(*f.text)
		if n == 0 || n > f.limit || !utf8.ValidString(*f.text) || strings.ContainsFunc(*f.text, unicode.IsControl) {
			return "", "", &DecisionError{f.name, f.limit}
		}
	}
	return who, reason, nil
}

// Decide carries out what a person decided about a work item, and records who and why. Errors: *DecisionError,
// ErrNoItem, those of ctx and of the store.
func (g *Gateway) Decide(ctx context.Context, action Action, item int64, who, reason string) error {
	who, reason, err := justify(who, reason)
	if err != nil {
		return err
	}
	err = g.store.Update(ctx, func(tx store.Tx) error {
		switch action {
		case Requeue:
			return tx.RequeueWork(item, g.now(), who, reason)
		case Hold:
			return tx.HoldWork(item, who, reason)
		case Solve:
			return tx.SolveWork(item, who, reason)
		}
		return ErrNoItem
	})
	if errors.Is(err, store.ErrNotFound) {
		return ErrNoItem
	}
	if err != nil {
		return fmt.Errorf("gateway: %s: %w", action, err)
	}
	g.log.Info("decided about work", zap.String("action", string(action)), zap.Int64("item", item))
	g.work.Wake()
	return nil
}

// actionResend is the action of the decision to send once more.
const actionResend = "resend"

// Resend sends an interchange once more that was sent: the same bytes in a new transport message. The deadlines of the
// first time stay. Errors: *DecisionError, ErrNotThere, ErrNotSent, those of ctx and of the store.
func (g *Gateway) Resend(ctx context.Context, id int64, who, reason string) error {
	who, reason, err := justify(who, reason)
	if err != nil {
		return err
	}
	now := g.now()
	err = g.store.Update(ctx, func(tx store.Tx) error {
		if err := tx.Lock(fmt.Sprintf("resend/%d", id)); err != nil {
			return err
		}
		x, err := tx.Interchange(id)
		if errors.Is(err, store.ErrNotFound) {
			return ErrNotThere
		}
		if err != nil {
			return err
		}
		through, err := isThrough(tx, x)
		if err != nil {
			return err
		}
		if !through {
			return ErrNotSent
		}
		tx.SetActor(who, reason)
		if _, err := tx.InsertDecision(store.Decision{
			DecidedAt: now, Actor: who, Action: actionResend, Subject: fmt.Sprintf("interchange/%d", id), Reason: reason, InterchangeID: id,
		}); err != nil {
			return err
		}
		return g.addDispatch(tx, x, x.MessageType)
	})
	if err != nil {
		return fmt.Errorf("gateway: resend: %w", err)
	}
	g.log.Info("interchange is sent again", zap.Int64("interchange", id))
	g.work.Wake()
	return nil
}

// isThrough reports whether an interchange was sent and is not being sent again already.
func isThrough(tx store.Tx, x store.Interchange) (bool, error) {
	if x.Direction != store.Out || x.Verdict != string(check.Accepted) {
		return false, nil
	}
	pending, err := tx.WorkItems(store.WorkQuery{Kind: kindDispatch, InterchangeID: x.ID, Limit: 1})
	if err != nil || len(pending) > 0 {
		return false, err
	}
	ledger, err := tx.Ledger(x.ID)
	for _, e := range ledger {
		if e.Kind == store.LedgerTransport && !e.DoneAt.IsZero() {
			return true, err
		}
	}
	return false, err
}
