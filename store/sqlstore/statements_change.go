package sqlstore

// change is a statement that changes rows the audit log knows. It returns the rows, or their keys. An insert has a
// parameter for each column of the table, in its order, but for a number the engine gives.
type change struct {
	verb byte
	tb   *table
	text string
}

func inserting(tb *table, text string) change {
	return change{verbInsert, tb, text + tb.returningKey()}
}
func updating(tb *table, text string) change { return change{verbUpdate, tb, text + tb.returning()} }
func deleting(tb *table, text string) change { return change{verbDelete, tb, text + tb.returningKey()} }

var (
	insertUpload = inserting(tableUpload, `INSERT INTO payload_upload (started_at, key_id) VALUES ($1, $2)`)
	// The chunks of an abandoned upload go a few at a time to keep the transactions short. The last condition
	// holds even if a commit succeeded that was reported as failed: bytes of a payload are never deleted.
	deleteChunks = deleting(tableChunk, `DELETE FROM payload_chunk WHERE upload_id = $1
		AND n IN (SELECT n FROM payload_chunk WHERE upload_id = $1 ORDER BY n LIMIT 16)
		AND NOT EXISTS (SELECT 1 FROM payload WHERE upload_id = $1)`)
	deleteUpload = deleting(tableUpload, `DELETE FROM payload_upload WHERE id = $1
		AND NOT EXISTS (SELECT 1 FROM payload WHERE upload_id = $1)`)
	insertInterchange = inserting(tableInterchange, `INSERT INTO interchange (direction, channel, received_id, payload_digest, payload_size,
		received_at, state, verdict, format_version, sparte, sender, recipient, control_ref, application_ref,
		message_type, test, message_count, finding_count, checked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
		ON CONFLICT DO NOTHING`)
	updateInterchange = updating(tableInterchange, `UPDATE interchange SET state = $2, verdict = $3, format_version = $4, sparte = $5,
		sender = $6, recipient = $7, control_ref = $8, application_ref = $9, message_type = $10, test = $11,
		message_count = $12, finding_count = $13, checked_at = $14 WHERE id = $1`)
	deleteMessages     = deleting(tableMessage, `DELETE FROM message WHERE interchange_id = $1`)
	deleteTransactions = deleting(tableTransaction, `DELETE FROM message_transaction WHERE interchange_id = $1`)
	deleteFindings     = deleting(tableFinding, `DELETE FROM finding WHERE interchange_id = $1`)
	insertMessage      = inserting(tableMessage, `INSERT INTO message (interchange_id, message_index, reference, type, version, document_code,
		document_no, verdict) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`)
	insertTransaction = inserting(tableTransaction, `INSERT INTO message_transaction (interchange_id, message_index, transaction_index, number,
		pruefidentifikator, subject, verdict) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`)
	insertFinding = inserting(tableFinding, `INSERT INTO finding (interchange_id, finding_index, message_index, transaction_index, code,
		severity, data, key_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`)
	insertEvent = inserting(tableEvent, `INSERT INTO event (id, type, subject, partition_key, interchange_id, recorded_at, data, key_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`)
	insertWork = inserting(tableWork, `INSERT INTO work (kind, lane, interchange_id, due_at, parked, reason, target)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`)
	deleteWork = deleting(tableWork, `DELETE FROM work WHERE id = $1 AND lease = $2 AND parked = 0`)
	retryWork  = updating(tableWork, `UPDATE work SET due_at = $3, reason = $4, lease = '', leased_until = 0
		WHERE id = $1 AND lease = $2 AND parked = 0`)
	parkWork = updating(tableWork, `UPDATE work SET parked = 1, reason = $3, lease = '', leased_until = 0
		WHERE id = $1 AND lease = $2 AND parked = 0`)
)

var (
	insertLedger = inserting(tableLedger, `INSERT INTO ledger (interchange_id, message_index, transaction_index, kind, state, due_at, done_at,
		answered_by, look_at, step) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`)
	updateLedger = updating(tableLedger, `UPDATE ledger SET state = $5, due_at = $6, done_at = $7, answered_by = $8, look_at = $9, step = $10
		WHERE interchange_id = $1 AND message_index = $2 AND transaction_index = $3 AND kind = $4`)
	insertProcessKey = inserting(tableProcessKey, `INSERT INTO process_key (level, value, interchange_id, message_index, transaction_index)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`)
	nextControlRef = updating(tableControlRef, `INSERT INTO control_ref (mp_id, last) VALUES ($1, 1)
		ON CONFLICT (mp_id) DO UPDATE SET last = control_ref.last + 1`)
	insertDecision = inserting(tableDecision, `INSERT INTO decision (decided_at, actor, action, subject, reason, interchange_id)
		VALUES ($1, $2, $3, $4, $5, $6)`)
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
func changes() []string {
	audited := []change{
		insertUpload, deleteChunks, deleteUpload, insertInterchange, updateInterchange, deleteMessages, deleteTransactions, deleteFindings, insertMessage, insertTransaction, insertFinding, insertEvent, insertWork, deleteWork, retryWork, parkWork,
		insertLedger, updateLedger, insertProcessKey, nextControlRef, insertDecision, setPartnerValue, deletePartnerValue, requeueWork, holdWork, solveWork, setAssignment, deleteAssignment, setCompleteness, insertKey, destroyKey, insertHold, releaseHold,
	}
	texts := []string{insertPayload, insertChunk, insertSeal, renewWork}
	for _, c := range audited {
		texts = append(texts, c.text)
	}
	return texts
}
