package sqlstore

import (
	"fmt"
	"strings"
)

// change is a statement that changes rows the audit log knows. An insert, which does nothing if the key exists, has a
// parameter for each column of the table, in its order, but for a number the engine makes up. The others return the
// rows, or their keys.
type change struct {
	verb byte
	tb   *table
	text string
	many string // of an insert: as many rows as the parameters, which are arrays, have elements
}

func inserting(tb *table) change {
	columns := strings.Join(tb.given(), ", ")
	var values, arrays []string
	for i, kind := range tb.types {
		if i == tb.generated {
			continue
		}
		n := len(values) + 1
		values = append(values, fmt.Sprintf("$%d", n))
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", n, map[byte]string{'i': "bigint", 't': "text", 'b': "bytea"}[kind]))
	}
	head, tail := "INSERT INTO "+tb.name+" ("+columns+") ", " ON CONFLICT DO NOTHING"
	return change{
		verbInsert, tb,
		head + "VALUES (" + strings.Join(values, ", ") + ")" + tail,
		head + "SELECT * FROM unnest(" + strings.Join(arrays, ", ") + ")" + tail,
	}
}

// numbered is inserting for a table whose numbers the engine makes up otherwise. It needs arrays.
func numbered(tb *table, overriding string) change {
	c := inserting(tb)
	c.text = strings.Replace(c.text, ") VALUES", ") "+overriding+" VALUES", 1)
	c.many = strings.Replace(c.many, ") SELECT", ") "+overriding+" SELECT", 1)
	return c
}

// manyReturning is many with what tells the rows apart: the key, or the generated number with the unique text, or all
// columns.
func (c change) manyReturning() string {
	switch {
	case c.tb.generated < 0:
		return c.many + c.tb.returningKey()
	case c.tb.unique < 0:
		return c.many + c.tb.returning()
	default:
		return c.many + c.tb.returningGenerated() + ", " + c.tb.columns[c.tb.unique]
	}
}

// joins reports whether rows of both can be inserted by one statement.
func (c change) joins(other change) bool { return c.verb == verbInsert && c.many == other.many }

func updating(tb *table, text string) change {
	return change{verb: verbUpdate, tb: tb, text: text + tb.returning()}
}

func deleting(tb *table, text string) change {
	return change{verb: verbDelete, tb: tb, text: text + tb.returningKey()}
}

var (
	insertPayload = inserting(tablePayload)
	insertChunk   = inserting(tableChunk)
	insertUpload  = inserting(tableUpload)
	// The chunks of an abandoned upload go a few at a time to keep the transactions short. The last condition
	// holds even if a commit succeeded that was reported as failed: bytes of a payload are never deleted.
	deleteChunks = deleting(tableChunk, `DELETE FROM payload_chunk WHERE upload_id = $1
		AND n IN (SELECT n FROM payload_chunk WHERE upload_id = $1 ORDER BY n LIMIT 16)
		AND NOT EXISTS (SELECT 1 FROM payload WHERE upload_id = $1)`)
	deleteUpload = deleting(tableUpload, `DELETE FROM payload_upload WHERE id = $1
		AND NOT EXISTS (SELECT 1 FROM payload WHERE upload_id = $1)`)
	insertInterchange = inserting(tableInterchange)
	// insertInterchangeAs is for numbers that were taken before.
	insertInterchangeAs = numbered(tableInterchangeAs, "OVERRIDING SYSTEM VALUE")
	updateInterchange   = updating(tableInterchange, `UPDATE interchange SET state = $2, verdict = $3, format_version = $4, sparte = $5,
		sender = $6, recipient = $7, control_ref = $8, application_ref = $9, message_type = $10, test = $11,
		message_count = $12, finding_count = $13, checked_at = $14 WHERE id = $1`)
	// It leaves the indexes alone, and is what every sending does.
	setState           = updating(tableInterchange, `UPDATE interchange SET state = $2 WHERE id = $1`)
	deleteMessages     = deleting(tableMessage, `DELETE FROM message WHERE interchange_id = $1`)
	deleteTransactions = deleting(tableTransaction, `DELETE FROM message_transaction WHERE interchange_id = $1`)
	deleteFindings     = deleting(tableFinding, `DELETE FROM finding WHERE interchange_id = $1`)
	insertMessage      = inserting(tableMessage)
	insertTransaction  = inserting(tableTransaction)
	insertFinding      = inserting(tableFinding)
	insertEvent        = inserting(tableEvent)
	insertWork         = inserting(tableWork)
	deleteWork         = deleting(tableWork, `DELETE FROM work WHERE id = $1 AND lease = $2 AND parked = 0`)
	retryWork          = updating(tableWork, `UPDATE work SET due_at = $3, reason = $4, lease = '', leased_until = 0
		WHERE id = $1 AND lease = $2 AND parked = 0`)
	parkWork = updating(tableWork, `UPDATE work SET parked = 1, reason = $3, lease = '', leased_until = 0
		WHERE id = $1 AND lease = $2 AND parked = 0`)
)

var (
	insertLedger = inserting(tableLedger)
	updateLedger = updating(tableLedger, `UPDATE ledger SET state = $5, due_at = $6, done_at = $7, answered_by = $8, look_at = $9, step = $10
		WHERE interchange_id = $1 AND message_index = $2 AND transaction_index = $3 AND kind = $4`)
	settleLedger = updating(tableLedger, `UPDATE ledger SET state = CASE WHEN due_at > 0 AND due_at < $3 THEN $5 ELSE $4 END,
		done_at = $3, look_at = 0 WHERE interchange_id = $1 AND answered_by = $2 AND done_at = 0`)
	insertProcessKey = inserting(tableProcessKey)
	nextControlRef   = updating(tableControlRef, `INSERT INTO control_ref (mp_id, last) VALUES ($1, $2)
		ON CONFLICT (mp_id) DO UPDATE SET last = control_ref.last + $2`)
	insertDecision  = inserting(tableDecision)
	setPartnerValue = updating(tablePartner, `INSERT INTO partner_data (mp_id, name, value, changed_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (mp_id, name) DO UPDATE SET value = $3, changed_at = $4`)
	deletePartnerValue = deleting(tablePartner, `DELETE FROM partner_data WHERE mp_id = $1 AND name = $2`)
	requeueWork        = updating(tableWork, `UPDATE work SET parked = 0, attempt = 0, due_at = $2, reason = $3, lease = '', leased_until = 0
		WHERE id = $1 AND parked = 1`)
	holdWork = updating(tableWork, `UPDATE work SET parked = 1, reason = $2, lease = '', leased_until = 0
		WHERE id = $1 AND parked = 0`)
	solveWork = deleting(tableWork, `DELETE FROM work WHERE id = $1 AND parked = 1`)
)

// changes lists the texts that change rows. They are prepared on the readers too, so that a change inside View
// is refused by the engine.
func (d Dialect) changes() []string {
	audited := []change{
		insertPayload, insertUpload, insertChunk, deleteChunks, deleteUpload, insertInterchange, updateInterchange, setState, deleteMessages, deleteTransactions,
		deleteFindings, insertMessage, insertTransaction, insertFinding, insertEvent, insertWork, deleteWork, retryWork, parkWork,
		insertLedger, updateLedger, settleLedger, insertProcessKey, nextControlRef, insertDecision, setPartnerValue, deletePartnerValue, requeueWork, holdWork,
		solveWork, setAssignment, deleteAssignment, setCompleteness,
		insertTransmission, updateTransmission, setCertificate, insertPrivateKey, setCRL, setPartner, insertKey, destroyKey, insertHold, releaseHold,
		insertSubscription, updateSubscription, advanceSubscription, deleteSubscription, holdDelivery, releaseDelivery, releaseDeliveriesAfter,
	}
	texts := []string{insertSeal, renewWork, claimSubscription, renewSubscription}
	if d.Arrays {
		texts = append(texts, selectKnownEvents, listLedgers+d.LockRows, takeInterchangeIDs)
		audited = append(audited, insertInterchangeAs)
	}
	for _, c := range audited {
		switch {
		case c.verb != verbInsert || c.tb.generated < 0 || d.InsertID:
			texts = append(texts, c.text)
		default:
			texts = append(texts, c.text+c.tb.returningGenerated())
		}
		if c.verb == verbInsert && d.Arrays {
			texts = append(texts, c.manyReturning())
		}
	}
	return texts
}
