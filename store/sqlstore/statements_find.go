package sqlstore

const foundColumns = `m.interchange_id, m.message_index, COALESCE(t.transaction_index, 0), COALESCE(t.number, ''),
	COALESCE(t.pruefidentifikator, ''), COALESCE(t.subject, ''), COALESCE(t.verdict, m.verdict), m.document_no,
	i.received_at, i.recipient, i.verdict, i.test`

const foundFilter = ` AND i.direction = $1 AND ($2 = '' OR i.sender = $2) ORDER BY `

// CROSS JOIN keeps SQLite from walking through all interchanges of the sender instead of the few with the number.
const (
	findByNumber = `SELECT ` + foundColumns + ` FROM message_transaction t
		CROSS JOIN message m CROSS JOIN interchange i
		WHERE t.number = $4 AND m.interchange_id = t.interchange_id AND m.message_index = t.message_index
		AND i.id = t.interchange_id AND ($5 = '' OR m.document_no = $5)` + foundFilter +
		`t.interchange_id, t.message_index, t.transaction_index LIMIT $3 + CAST(0 AS BIGINT)`
	findByDocument = `SELECT ` + foundColumns + ` FROM message m CROSS JOIN interchange i
		LEFT JOIN message_transaction t ON t.interchange_id = m.interchange_id AND t.message_index = m.message_index
		WHERE m.document_no = $4 AND i.id = m.interchange_id` + foundFilter +
		`m.interchange_id, m.message_index, t.transaction_index LIMIT $3 + CAST(0 AS BIGINT)`
	findByMessage = `SELECT ` + foundColumns + ` FROM interchange i CROSS JOIN message m
		LEFT JOIN message_transaction t ON t.interchange_id = m.interchange_id AND t.message_index = m.message_index
		WHERE i.control_ref = $4 AND m.interchange_id = i.id AND m.reference = $5` + foundFilter +
		`i.id, m.message_index, t.transaction_index LIMIT $3 + CAST(0 AS BIGINT)`
)

func findQueries() []string { return []string{findByNumber, findByDocument, findByMessage} }
