package sqlstore

import (
	"database/sql"
	"fmt"

	"github.com/marktbote/marktbote/store"
)

// ReplaceMessages implements store.Tx.
func (t *tx) ReplaceMessages(interchangeID int64) error {
	// Transactions before the messages they refer to.
	for _, text := range []string{deleteFindings, deleteTransactions, deleteMessages} {
		if _, err := t.exec("replace messages", text, interchangeID); err != nil {
			return err
		}
	}
	return nil
}

// InsertMessage implements store.Tx.
func (t *tx) InsertMessage(m store.Message) error {
	return t.insert("insert message", insertMessage, m.InterchangeID, m.Index, m.Reference, m.Type, m.Version,
		m.DocumentCode, m.DocumentNo, m.Verdict)
}

// InsertTransaction implements store.Tx.
func (t *tx) InsertTransaction(x store.Transaction) error {
	return t.insert("insert transaction", insertTransaction, x.InterchangeID, x.MessageIndex, x.Index, x.Number,
		x.Pruefidentifikator, x.Subject, x.Verdict)
}

// InsertFinding implements store.Tx.
func (t *tx) InsertFinding(f store.Finding) error {
	return t.insert("insert finding", insertFinding, f.InterchangeID, f.Index, f.MessageIndex, f.TransactionIndex,
		f.Code, f.Severity, blob(f.Data))
}

// insert adds one row with a text that does nothing if the key exists.
func (t *tx) insert(op, text string, args ...any) error {
	n, err := t.exec(op, text, args...)
	if err == nil && n == 0 {
		err = fmt.Errorf("store: %s: %w", op, store.ErrDuplicate)
	}
	return err
}

// Messages implements store.Tx.
func (t *tx) Messages(interchangeID int64) ([]store.Message, error) {
	return list(t, "messages", listMessages, func(rows *sql.Rows) (m store.Message, err error) {
		return m, rows.Scan(&m.InterchangeID, &m.Index, &m.Reference, &m.Type, &m.Version, &m.DocumentCode,
			&m.DocumentNo, &m.Verdict)
	}, interchangeID)
}

// Transactions implements store.Tx.
func (t *tx) Transactions(interchangeID int64) ([]store.Transaction, error) {
	return list(t, "transactions", listTransactions, func(rows *sql.Rows) (x store.Transaction, err error) {
		return x, rows.Scan(&x.InterchangeID, &x.MessageIndex, &x.Index, &x.Number, &x.Pruefidentifikator,
			&x.Subject, &x.Verdict)
	}, interchangeID)
}

// Findings implements store.Tx.
func (t *tx) Findings(interchangeID int64) ([]store.Finding, error) {
	return list(t, "findings", listFindings, func(rows *sql.Rows) (f store.Finding, err error) {
		err = rows.Scan(&f.InterchangeID, &f.Index, &f.MessageIndex, &f.TransactionIndex, &f.Code, &f.Severity,
			&f.Data)
		f.Data = bytesOf(f.Data)
		return f, err
	}, interchangeID)
}
