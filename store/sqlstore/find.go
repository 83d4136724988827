package sqlstore

import (
	"github.com/marktbote/marktbote/store"
)

// FindTransactions implements store.Tx.
func (t *tx) FindTransactions(q store.TransactionQuery) ([]store.Found, error) {
	args := []any{string(q.Direction), q.Sender, limitOf(q.Limit)}
	text := ""
	switch {
	case q.Number != "":
		text, args = findByNumber, append(args, q.Number, q.DocumentNo)
	case q.DocumentNo != "":
		text, args = findByDocument, append(args, q.DocumentNo)
	case q.ControlRef != "" && q.MessageReference != "":
		text, args = findByMessage, append(args, q.ControlRef, q.MessageReference)
	default:
		return nil, nil
	}
	return list(t, "find transactions", text, scanFound, args...)
}

func scanFound(rows Rows) (store.Found, error) {
	var f store.Found
	var receivedAt int64
	var test int
	err := rows.Scan(&f.InterchangeID, &f.MessageIndex, &f.Index, &f.Number, &f.Pruefidentifikator, &f.Subject, &f.Verdict,
		&f.DocumentNo, &receivedAt, &f.Recipient, &f.InterchangeVerdict, &test)
	f.ReceivedAt, f.Test = instant(receivedAt), test != 0
	return f, err
}
