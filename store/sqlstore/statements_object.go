package sqlstore

const assignmentColumns = `mp_id, object, partner, valid_from, valid_until, rolle, source`

const (
	listAssignments = `SELECT ` + assignmentColumns + ` FROM object_assignment
		WHERE mp_id = $1 AND (object, partner, valid_from) > ($2, $3, $4) ORDER BY object, partner, valid_from LIMIT $5 + CAST(0 AS BIGINT)`
	listAssignmentsOf = `SELECT ` + assignmentColumns + ` FROM object_assignment
		WHERE mp_id = $1 AND object = $6 AND (object, partner, valid_from) > ($2, $3, $4) ORDER BY partner, valid_from LIMIT $5 + CAST(0 AS BIGINT)`
	listCompleteness = `SELECT mp_id, kind, valid_from, trusted_until FROM object_complete
		WHERE ($1 = '' OR mp_id = $1) ORDER BY mp_id, kind`
)

func objectQueries() []string { return []string{listAssignments, listAssignmentsOf, listCompleteness} }

var (
	// A list that is imported every night must not write every row, nor the audit log of it.
	setAssignment = updating(tableAssignment, `INSERT INTO object_assignment (`+assignmentColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (mp_id, object, partner, valid_from) DO UPDATE SET valid_until = $5, rolle = $6, source = $7
		WHERE object_assignment.valid_until <> $5 OR object_assignment.rolle <> $6 OR object_assignment.source <> $7`)
	deleteAssignment = deleting(tableAssignment, `DELETE FROM object_assignment
		WHERE mp_id = $1 AND object = $2 AND partner = $3 AND valid_from = $4`)
	setCompleteness = updating(tableComplete, `INSERT INTO object_complete (mp_id, kind, valid_from, trusted_until) VALUES ($1, $2, $3, $4)
		ON CONFLICT (mp_id, kind) DO UPDATE SET valid_from = $3, trusted_until = $4`)
)
