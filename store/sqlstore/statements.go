package sqlstore

import "slices"

// All SQL text of the store. Parameters are numbered because both engines understand that. The statements are
// prepared once per connection; a new one must be listed in queries or, if it changes rows, in statements_change.go, which
// also makes the inserts. LIMIT has a sum behind it because SQLite would otherwise make a new plan for each value.

const payloadColumns = `size, chunks, COALESCE(upload_id, 0), data, COALESCE(key_id, 0)`

const (
	selectPayload = `SELECT ` + payloadColumns + ` FROM payload WHERE digest = $1`

	countChunks = `SELECT count(*) FROM payload_chunk WHERE upload_id = $1`
	selectChunk = `SELECT data FROM payload_chunk WHERE upload_id = $1 AND n = $2`

	listAbandoned = `SELECT id FROM payload_upload u
		WHERE started_at < $1 AND NOT EXISTS (SELECT 1 FROM payload p WHERE p.upload_id = u.id) ORDER BY id`
)

const interchangeColumns = `id, direction, channel, received_id, COALESCE(payload_digest, ''), payload_size,
	received_at, state, verdict, format_version, sparte, sender, recipient, control_ref, application_ref,
	message_type, test, message_count, finding_count, checked_at`

const (
	selectReceived    = `SELECT id FROM interchange WHERE direction = $1 AND received_id = $2 AND received_id <> ''`
	selectInterchange = `SELECT ` + interchangeColumns + ` FROM interchange WHERE id = $1`
	listInterchanges  = `SELECT ` + interchangeColumns + ` FROM interchange
		WHERE id < $1 AND ($2 = '' OR direction = $2) ORDER BY id DESC LIMIT $3 + CAST(0 AS BIGINT)`
	// A text of its own, because the planner cannot see through ($4 = '' OR verdict = $4).
	listInterchangesByVerdict = `SELECT ` + interchangeColumns + ` FROM interchange
		WHERE id < $1 AND ($2 = '' OR direction = $2) AND verdict = $4 ORDER BY id DESC LIMIT $3 + CAST(0 AS BIGINT)`
	listControlRef = `SELECT ` + interchangeColumns + ` FROM interchange
		WHERE direction = $1 AND sender = $2 AND control_ref = $3 ORDER BY id`
)

const (
	listMessages = `SELECT interchange_id, message_index, reference, type, version, document_code, document_no,
		verdict FROM message WHERE interchange_id = $1 ORDER BY message_index`
	transactionsOf = `SELECT interchange_id, message_index, transaction_index, number, pruefidentifikator,
		subject, verdict FROM message_transaction WHERE interchange_id = $1`
	listTransactions  = transactionsOf + ` ORDER BY message_index, transaction_index`
	selectTransaction = transactionsOf + ` AND message_index = $2 AND transaction_index = $3`
	listFindings      = `SELECT interchange_id, finding_index, message_index, transaction_index, code, severity, data,
		COALESCE(key_id, 0) FROM finding WHERE interchange_id = $1 ORDER BY finding_index`
)

const eventColumns = `seq, id, type, subject, partition_key, COALESCE(interchange_id, 0), recorded_at, data,
	COALESCE(key_id, 0)`

const (
	// selectKnownEvents needs arrays.
	selectKnownEvents = `SELECT id FROM event WHERE id = ANY($1::text[])`

	listEvents     = `SELECT ` + eventColumns + ` FROM event WHERE seq > $1 ORDER BY seq LIMIT $2 + CAST(0 AS BIGINT)`
	selectEvent    = `SELECT ` + eventColumns + ` FROM event WHERE id = $1`
	listEventsOfID = `SELECT ` + eventColumns + ` FROM event
		WHERE seq > $1 AND interchange_id = $3 ORDER BY seq LIMIT $2 + CAST(0 AS BIGINT)`
)

const workColumns = `id, kind, lane, COALESCE(interchange_id, 0), due_at, attempt, lease, leased_until, parked, reason, target`

const (
	// claimWork is completed with Dialect.SkipLocked. $6 has the targets to leave out, each in angle brackets: replacing
	// one that is there changes it.
	claimWork = `WITH due AS MATERIALIZED (SELECT id FROM work
			WHERE lane = $3 AND parked = 0 AND due_at <= $4 AND leased_until <= $4
				AND replace($6, '<' || target || '>', '') = $6
			ORDER BY due_at, id LIMIT $5 + CAST(0 AS BIGINT) %s)
		UPDATE work SET attempt = attempt + 1, lease = $1, leased_until = $2
		WHERE id IN (SELECT id FROM due)
		RETURNING ` + workColumns
	// anyWork has the condition of claimWork and finds out without a change whether there is something.
	anyWork = `SELECT id FROM work WHERE lane = $1 AND parked = 0 AND due_at <= $2 AND leased_until <= $2
		AND replace($3, '<' || target || '>', '') = $3 LIMIT 1`
	renewWork      = `UPDATE work SET leased_until = $1 WHERE id = $2 AND lease = $3 AND parked = 0`
	selectNextWork = `SELECT COALESCE(min(CASE WHEN due_at > leased_until THEN due_at WHEN leased_until > 0 THEN leased_until ELSE 1 END), 0)
		FROM work WHERE parked = 0`
	countPending = `SELECT count(*) FROM work WHERE parked = 0`
	listParked   = `SELECT ` + workColumns + ` FROM work WHERE parked = 1 ORDER BY id LIMIT $1 + CAST(0 AS BIGINT)`
)

// queries lists the texts that only read.
func queries() []string {
	return append([]string{
		selectPayload, selectChunk, countChunks, listAbandoned,
		selectReceived, selectInterchange, listInterchanges, listInterchangesByVerdict, listControlRef,
		listMessages, listTransactions, selectTransaction, listFindings,
		listEvents, listEventsOfID, anyWork, selectEvent, selectNextWork, countPending, listParked,
	}, slices.Concat(findQueries(), objectQueries(), transportQueries(), feedQueries(), ledgerQueries(), auditQueries(), keyQueries())...)
}
