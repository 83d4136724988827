package sqlstore

const ledgerColumns = `interchange_id, message_index, transaction_index, kind, state, due_at, done_at,
	COALESCE(answered_by, 0)`

const (
	insertLedger = `INSERT INTO ledger (interchange_id, message_index, transaction_index, kind, state, due_at, done_at,
		answered_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`
	updateLedger = `UPDATE ledger SET state = $5, due_at = $6, done_at = $7, answered_by = $8
		WHERE interchange_id = $1 AND message_index = $2 AND transaction_index = $3 AND kind = $4`
	listLedger = `SELECT ` + ledgerColumns + ` FROM ledger WHERE interchange_id = $1
		ORDER BY message_index, transaction_index, kind`
	listLedgerDue = `SELECT ` + ledgerColumns + ` FROM ledger WHERE state = 'open' AND due_at > 0 AND due_at < $1
		ORDER BY due_at, interchange_id, message_index, transaction_index, kind LIMIT $2`

	nextControlRef = `INSERT INTO control_ref (mp_id, last) VALUES ($1, 1)
		ON CONFLICT (mp_id) DO UPDATE SET last = control_ref.last + 1 RETURNING last`
)

const decisionColumns = `id, decided_at, actor, action, subject, reason, COALESCE(interchange_id, 0)`

const (
	insertDecision = `INSERT INTO decision (decided_at, actor, action, subject, reason, interchange_id)
		VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`
	listDecisions          = `SELECT ` + decisionColumns + ` FROM decision WHERE id < $1 ORDER BY id DESC LIMIT $2`
	listDecisionsOfSubject = `SELECT ` + decisionColumns + ` FROM decision
		WHERE id < $1 AND subject = $3 AND ($4 = 0 OR interchange_id = $4) ORDER BY id DESC LIMIT $2`
	listDecisionsOfID = `SELECT ` + decisionColumns + ` FROM decision
		WHERE id < $1 AND interchange_id = $3 ORDER BY id DESC LIMIT $2`

	setPartnerValue = `INSERT INTO partner_data (mp_id, name, value, changed_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (mp_id, name) DO UPDATE SET value = $3, changed_at = $4`
	deletePartnerValue = `DELETE FROM partner_data WHERE mp_id = $1 AND name = $2`
	listPartnerValues  = `SELECT mp_id, name, value, changed_at FROM partner_data WHERE mp_id = $1 ORDER BY name`
)

const workFilter = ` AND ($3 = '' OR kind = $3) AND ($4 = '' OR lane = $4)`

const (
	listWork       = `SELECT ` + workColumns + ` FROM work WHERE id > $1` + workFilter + ` ORDER BY id LIMIT $2`
	listWorkParked = `SELECT ` + workColumns + ` FROM work WHERE id > $1 AND parked = 1` + workFilter + ` ORDER BY id LIMIT $2`
	listWorkOfID   = `SELECT ` + workColumns + ` FROM work
		WHERE id > $1 AND parked >= $5 AND interchange_id = $6` + workFilter + ` ORDER BY id LIMIT $2`

	requeueWork = `UPDATE work SET parked = 0, attempt = 0, due_at = $2, reason = $3, lease = '', leased_until = 0
		WHERE id = $1 AND parked = 1 RETURNING COALESCE(interchange_id, 0)`
	holdWork = `UPDATE work SET parked = 1, reason = $2, lease = '', leased_until = 0
		WHERE id = $1 AND parked = 0 RETURNING COALESCE(interchange_id, 0)`
	solveWork = `DELETE FROM work WHERE id = $1 AND parked = 1 RETURNING COALESCE(interchange_id, 0)`
)

func ledgerQueries() []string {
	return []string{
		listLedger, listLedgerDue, listDecisions, listDecisionsOfSubject, listDecisionsOfID, listPartnerValues,
		listWork, listWorkParked, listWorkOfID,
	}
}

func ledgerChanges() []string {
	return []string{
		insertLedger, updateLedger, nextControlRef, insertDecision, setPartnerValue, deletePartnerValue,
		requeueWork, holdWork, solveWork,
	}
}
