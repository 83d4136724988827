package sqlstore

const (
	subscriptionColumns = `name, definition, state, reason, position, fault, created_at, updated_at, moved_at, lease, leased_until`
	heldColumns         = `h.subscription, h.seq, h.state, h.attempt, h.due_at, h.reason, h.held_at, e.id, e.type, e.partition_key`
)

const (
	selectEventHead    = `SELECT COALESCE(max(seq), 0) FROM event`
	selectSubscription = `SELECT ` + subscriptionColumns + ` FROM subscription WHERE name = $1`
	listSubscriptions  = `SELECT ` + subscriptionColumns + ` FROM subscription ORDER BY name`
	listHeld           = `SELECT ` + heldColumns + ` FROM held_delivery h JOIN event e ON e.seq = h.seq
		WHERE h.subscription = $1 AND h.seq > $2`
	heldLimit     = ` ORDER BY h.seq LIMIT $3 + CAST(0 AS BIGINT)`
	listHeldAll   = listHeld + heldLimit
	listHeldState = listHeld + ` AND h.state = $4` + heldLimit
	countHeld     = `SELECT subscription, state, count(*) FROM held_delivery GROUP BY subscription, state ORDER BY subscription, state`

	// Leases are not audited, like those of work items.
	claimSubscription = `UPDATE subscription SET lease = $2, leased_until = $3
		WHERE name = $1 AND state = 'active' AND leased_until <= $4 RETURNING ` + subscriptionColumns
	renewSubscription = `UPDATE subscription SET leased_until = $3, lease = $4
		WHERE name = $1 AND lease = $2`
)

func feedQueries() []string {
	return []string{selectEventHead, selectSubscription, listSubscriptions, listHeldAll, listHeldState, countHeld}
}

var (
	tableSubscription = newTable("subscription", 1, "name definition* state reason position# fault created_at# updated_at# moved_at#")
	tableHeld         = newTable("held_delivery", 2, "subscription seq# state attempt# due_at# reason held_at#")

	insertSubscription = updating(tableSubscription, `INSERT INTO subscription (`+subscriptionColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', 0) ON CONFLICT DO NOTHING`)
	updateSubscription = updating(tableSubscription, `UPDATE subscription SET definition = $2, state = $3, reason = $4, position = $5, fault = $6,
		updated_at = $7, lease = '', leased_until = 0 WHERE name = $1`)
	advanceSubscription = updating(tableSubscription, `UPDATE subscription SET position = $3, fault = $4, moved_at = $5
		WHERE name = $1 AND lease = $2`)
	deleteSubscription = deleting(tableSubscription, `DELETE FROM subscription WHERE name = $1`)
	holdDelivery       = updating(tableHeld, `INSERT INTO held_delivery (subscription, seq, state, attempt, due_at, reason, held_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (subscription, seq) DO UPDATE SET state = $3, attempt = $4, due_at = $5, reason = $6`)
	releaseDelivery        = deleting(tableHeld, `DELETE FROM held_delivery WHERE subscription = $1 AND seq = $2`)
	releaseDeliveriesAfter = deleting(tableHeld, `DELETE FROM held_delivery WHERE subscription = $1 AND seq > $2`)
)
