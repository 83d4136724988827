package sqlstore

const ledgerColumns = `interchange_id, message_index, transaction_index, kind, state, due_at, done_at,
	COALESCE(answered_by, 0), look_at, step`

const (
	listLedger = `SELECT ` + ledgerColumns + ` FROM ledger WHERE interchange_id = $1
		ORDER BY message_index, transaction_index, kind`
	selectLedger = `SELECT ` + ledgerColumns + ` FROM ledger
		WHERE interchange_id = $1 AND message_index = $2 AND transaction_index = $3 AND kind = $4`
	listLedgerDue = `SELECT ` + ledgerColumns + ` FROM ledger WHERE state = 'open' AND look_at > 0 AND look_at < $1
		ORDER BY look_at, interchange_id, message_index, transaction_index, kind LIMIT $2 + CAST(0 AS BIGINT)`
	selectNextLook = `SELECT COALESCE(min(look_at), 0) FROM ledger WHERE state = 'open' AND look_at > 0`

	processKeys = `SELECT interchange_id, message_index, transaction_index, level, value FROM process_key k
		WHERE level = $1 AND value = $2`
	processKeysLimit   = ` ORDER BY interchange_id, message_index, transaction_index LIMIT $3 + CAST(0 AS BIGINT)`
	listProcessKeys    = processKeys + processKeysLimit
	listUnansweredKeys = processKeys + ` AND EXISTS (SELECT 1 FROM ledger l WHERE l.interchange_id = k.interchange_id
			AND l.message_index = k.message_index AND l.transaction_index = k.transaction_index
			AND l.kind = 'answer' AND l.done_at = 0 AND l.state <> 'cancelled')` + processKeysLimit
)

const decisionColumns = `id, decided_at, actor, action, subject, reason, COALESCE(interchange_id, 0)`

const (
	listDecisions          = `SELECT ` + decisionColumns + ` FROM decision WHERE id < $1 ORDER BY id DESC LIMIT $2 + CAST(0 AS BIGINT)`
	listDecisionsOfSubject = `SELECT ` + decisionColumns + ` FROM decision
		WHERE id < $1 AND subject = $3 AND ($4 = 0 OR interchange_id = $4) ORDER BY id DESC LIMIT $2 + CAST(0 AS BIGINT)`
	listDecisionsOfID = `SELECT ` + decisionColumns + ` FROM decision
		WHERE id < $1 AND interchange_id = $3 ORDER BY id DESC LIMIT $2 + CAST(0 AS BIGINT)`

	listPartnerValues = `SELECT mp_id, name, value, changed_at FROM partner_data WHERE mp_id = $1 ORDER BY name`
)

const workFilter = ` AND ($3 = '' OR kind = $3) AND ($4 = '' OR lane = $4)`

const (
	selectWork     = `SELECT ` + workColumns + ` FROM work WHERE id = $1`
	listWork       = `SELECT ` + workColumns + ` FROM work WHERE id > $1` + workFilter + ` ORDER BY id LIMIT $2 + CAST(0 AS BIGINT)`
	listWorkParked = `SELECT ` + workColumns + ` FROM work WHERE id > $1 AND parked = 1` + workFilter + ` ORDER BY id LIMIT $2 + CAST(0 AS BIGINT)`
	listWorkOfID   = `SELECT ` + workColumns + ` FROM work
		WHERE id > $1 AND parked >= $5 AND interchange_id = $6` + workFilter + ` ORDER BY id LIMIT $2 + CAST(0 AS BIGINT)`
)

func ledgerQueries() []string {
	return []string{
		listLedger, selectLedger, listLedgerDue, selectNextLook, listProcessKeys, listUnansweredKeys, listDecisions, listDecisionsOfSubject, listDecisionsOfID, listPartnerValues,
		selectWork, listWork, listWorkParked, listWorkOfID,
	}
}
