package sqlstore

import (
	"errors"
	"fmt"

	"github.com/marktbote/marktbote/store"
)

// ReplaceMessages implements store.Tx.
func (t *tx) ReplaceMessages(interchangeID int64) error {
	// Transactions before the messages they refer to.
	for _, c := range []change{deleteFindings, deleteTransactions, deleteMessages} {
		if err := t.later(queued{op: "replace messages", c: c, args: []any{interchangeID}}); err != nil {
			return err
		}
	}
	return nil
}

// InsertMessage implements store.Tx.
func (t *tx) InsertMessage(m store.Message) error {
	return t.insertLater("insert message", insertMessage, m.InterchangeID, m.Index, m.Reference, m.Type, m.Version,
		m.DocumentCode, m.DocumentNo, m.Verdict)
}

// InsertTransaction implements store.Tx.
func (t *tx) InsertTransaction(x store.Transaction) error {
	return t.insertLater("insert transaction", insertTransaction, x.InterchangeID, x.MessageIndex, x.Index, x.Number,
		x.Pruefidentifikator, x.Subject, x.Verdict)
}

// InsertFinding implements store.Tx.
func (t *tx) InsertFinding(f store.Finding) error {
	const op = "insert finding"
	data, key, err := t.encrypt(op, blob(f.Data), findingName(f))
	if err != nil {
		return err
	}
	return t.insertLater(op, insertFinding, f.InterchangeID, f.Index, f.MessageIndex, f.TransactionIndex,
		f.Code, f.Severity, data, key)
}

// Messages implements store.Tx.
func (t *tx) Messages(interchangeID int64) ([]store.Message, error) {
	return list(t, "messages", listMessages, func(rows Rows) (m store.Message, err error) {
		return m, rows.Scan(&m.InterchangeID, &m.Index, &m.Reference, &m.Type, &m.Version, &m.DocumentCode,
			&m.DocumentNo, &m.Verdict)
	}, interchangeID)
}

// Transactions implements store.Tx.
func (t *tx) Transactions(interchangeID int64) ([]store.Transaction, error) {
	return list(t, "transactions", listTransactions, scanTransaction, interchangeID)
}

// Transaction implements store.Tx.
func (t *tx) Transaction(interchangeID int64, message, index int) (store.Transaction, error) {
	found, err := list(t, "transaction", selectTransaction, scanTransaction, interchangeID, message, index)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("store: transaction %d/%d/%d: %w", interchangeID, message, index, store.ErrNotFound)
	}
	if err != nil {
		return store.Transaction{}, err
	}
	return found[0], nil
}

func scanTransaction(rows Rows) (x store.Transaction, err error) {
	return x, rows.Scan(&x.InterchangeID, &x.MessageIndex, &x.Index, &x.Number, &x.Pruefidentifikator, &x.Subject, &x.Verdict)
}

// Findings implements store.Tx.
func (t *tx) Findings(interchangeID int64) ([]store.Finding, error) {
	const op = "findings"
	var keys []int64
	found, err := list(t, op, listFindings, func(rows Rows) (f store.Finding, err error) {
		var key int64
		err = rows.Scan(&f.InterchangeID, &f.Index, &f.MessageIndex, &f.TransactionIndex, &f.Code, &f.Severity,
			&f.Data, &key)
		keys = append(keys, key)
		return f, err
	}, interchangeID)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if found[i].Data, err = t.readable(op, found[i].Data, keys[i], findingName(found[i])); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// findingName is what the bytes of a finding are bound to.
func findingName(f store.Finding) string {
	return fmt.Sprintf("finding/%d/%d", f.InterchangeID, f.Index)
}

// readable decrypts what is listed with others; bytes that were destroyed are none.
func (t *tx) readable(op string, stored []byte, key int64, what string) ([]byte, error) {
	plain, err := t.decrypt(op, stored, key, what)
	if errors.Is(err, store.ErrShredded) {
		return nil, nil
	}
	if err != nil {
		return nil, t.fail(op, fmt.Errorf("%s: %w", what, err))
	}
	return bytesOf(plain), nil
}
