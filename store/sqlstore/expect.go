package sqlstore

// NOTE: what a transaction has asked in advance. An answer is used once, or as long as it holds: whoever changes
// something that could make it another one takes it back, and the question is then asked when its time comes.

import (
	"slices"

	"github.com/marktbote/marktbote/store"
)

const (
	// These need arrays.
	listLedgers = `SELECT ` + ledgerColumns + ` FROM ledger WHERE interchange_id = ANY($1::bigint[])
		ORDER BY interchange_id, message_index, transaction_index, kind`
	takeInterchangeIDs = `SELECT nextval(pg_get_serial_sequence('interchange', 'id')) FROM generate_series(1, $1::bigint)`
)

// expected are answers that came in advance.
type expected struct {
	refs    map[store.ControlRef][]store.Interchange
	asked   map[string]bool // IDs of events
	there   map[string]bool // those of them that exist
	ledgers map[int64][]store.LedgerEntry
	ids     []int64 // for interchanges
}

// Expect implements store.Tx. Without a server the questions wait for nobody.
func (t *tx) Expect(e store.Expected) error {
	const op = "expect"
	if !t.store.dialect.Arrays {
		return nil
	}
	slices.Sort(e.Locks)
	for _, key := range e.Locks {
		if err := t.Lock(key); err != nil {
			return err
		}
	}
	x := &t.expected
	var list []Statement
	x.refs = map[store.ControlRef][]store.Interchange{}
	for _, ref := range e.ControlRefs {
		list = append(list, Statement{
			Text: listControlRef, Args: cleaned([]any{string(ref.Direction), ref.Sender, ref.ControlRef}),
			Rows: func(rows Rows) (err error) { x.refs[cleanRef(ref)], err = collect(rows, scanInterchange); return err },
		})
	}
	if len(e.Events) > 0 {
		ids := make([]any, len(e.Events))
		x.asked, x.there = map[string]bool{}, map[string]bool{}
		for i, id := range e.Events {
			ids[i], x.asked[id] = id, true
		}
		list = append(list, Statement{Text: selectKnownEvents, Args: cleaned([]any{cleaned(ids)}), Rows: func(rows Rows) error {
			found, err := collect(rows, scanText)
			for _, id := range found {
				x.there[id] = true
			}
			return err
		}})
	}
	if len(e.Ledgers) > 0 {
		list = append(list, Statement{Text: t.locking(listLedgers), Args: []any{e.Ledgers}, Rows: func(rows Rows) error {
			found, err := collect(rows, scanLedger)
			x.ledgers = map[int64][]store.LedgerEntry{}
			for _, id := range e.Ledgers {
				x.ledgers[id] = nil
			}
			for _, entry := range found {
				x.ledgers[entry.InterchangeID] = append(x.ledgers[entry.InterchangeID], entry)
			}
			return err
		}})
	}
	if e.Interchanges > 0 {
		list = append(list, Statement{Text: takeInterchangeIDs, Args: []any{e.Interchanges}, Rows: func(rows Rows) (err error) {
			x.ids, err = collect(rows, scanID)
			return err
		}})
	}
	if len(list) == 0 {
		return nil
	}
	return t.run(op, list...)
}

func scanText(rows Rows) (text string, err error) { return text, rows.Scan(&text) }

// takeRef returns what was asked in advance about a control reference.
func (x *expected) takeRef(ref store.ControlRef) ([]store.Interchange, bool) {
	if len(x.refs) == 0 {
		return nil, false
	}
	ref = cleanRef(ref)
	found, ok := x.refs[ref]
	delete(x.refs, ref)
	return found, ok
}

// cleanRef is a control reference as it is stored.
func cleanRef(ref store.ControlRef) store.ControlRef {
	ref.Sender, ref.ControlRef = cleanedText(ref.Sender), cleanedText(ref.ControlRef)
	return ref
}

// forgetInterchange takes back answers that have an interchange or will have it.
func (x *expected) forgetInterchange(id int64, sender, controlRef string) {
	for ref, list := range x.refs {
		if ref.Sender == cleanedText(sender) && ref.ControlRef == cleanedText(controlRef) ||
			slices.ContainsFunc(list, func(i store.Interchange) bool { return i.ID == id }) {
			delete(x.refs, ref)
		}
	}
}

// takeLedger returns what was asked in advance about the ledger of an interchange.
func (x *expected) takeLedger(id int64) ([]store.LedgerEntry, bool) {
	found, ok := x.ledgers[id]
	delete(x.ledgers, id)
	return found, ok
}

// takeID returns a number for an interchange.
func (x *expected) takeID() (id int64, ok bool) {
	if len(x.ids) == 0 {
		return 0, false
	}
	id, x.ids = x.ids[0], x.ids[1:]
	return id, true
}

// events returns which of the IDs exist, if all of them were asked for in advance; those that the transaction adds later
// are put in by who adds them.
func (x *expected) events(events []store.Event) (map[string]bool, bool) {
	if x.asked == nil {
		return nil, false
	}
	for _, e := range events {
		if !x.asked[e.ID] {
			return nil, false
		}
	}
	return x.there, true
}
