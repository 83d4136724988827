package store

import "time"

// SubscriptionState says whether a subscription gets events.
type SubscriptionState string

// The states of subscriptions.
const (
	SubscriptionActive SubscriptionState = "active"
	SubscriptionPaused SubscriptionState = "paused" // until a person resumes it
)

// Subscription says who gets the events of the outbox and how far he has come: every event up to Position was confirmed,
// was not for him, or is held back as HeldDelivery.
type Subscription struct {
	Name       string // the key
	Definition []byte // JSON
	State      SubscriptionState
	Reason     string // why it is paused
	Position   int64  // sequence number of the outbox; 0: before the first event
	Fault      string // what is wrong with the receiver as a whole; empty: nothing
	CreatedAt  time.Time
	UpdatedAt  time.Time // last change by configuration or people
	MovedAt    time.Time // last AdvanceSubscription

	Lease       string // token of who delivers; empty: nobody
	LeasedUntil time.Time
}

// HeldState says what becomes of a held delivery.
type HeldState string

// The states of held deliveries.
const (
	HeldWaiting HeldState = "waiting" // tried again, or behind one that is
	HeldDead    HeldState = "dead"    // failed for good: a person decides
)

// HeldDelivery is an event that a subscription passed by without its being confirmed. Subscription and Seq are its key.
type HeldDelivery struct {
	Subscription string
	Seq          int64 // event
	State        HeldState
	Attempt      int       // failed attempts so far
	DueAt        time.Time // next attempt; zero: as soon as those before it in its partition are confirmed
	Reason       string    // how the last attempt ended
	HeldAt       time.Time

	EventID      string // of the event; not looked at in changes
	EventType    string // likewise
	PartitionKey string // likewise
}

// HeldQuery selects held deliveries of a subscription; zero fields do not restrict.
type HeldQuery struct {
	Subscription string
	State        HeldState
	After        int64 // Seq above this one
	Limit        int   // at most; 0 means DefaultLimit
}

// HeldCount says how many deliveries of a subscription are in a state.
type HeldCount struct {
	Subscription string
	State        HeldState
	Count        int64
}

// FeedTx are the methods of Tx for the delivery of events. One process at a time delivers for a subscription: who holds
// its lease, as for work items.
type FeedTx interface {
	// EventHead returns the sequence number of the newest event; 0 if there is none.
	EventHead() (int64, error)

	// InsertSubscription adds a subscription that nobody delivers for yet. ErrDuplicate if there is one with its name.
	InsertSubscription(s Subscription) error
	// UpdateSubscription rewrites Definition, State, Reason, Position, Fault and UpdatedAt. Whoever delivers for it loses the
	// lease, so that he starts again from what is written now. ErrNotFound.
	UpdateSubscription(s Subscription) error
	// DeleteSubscription removes a subscription with its held deliveries. ErrNotFound.
	DeleteSubscription(name string) error
	// Subscription returns one subscription. ErrNotFound.
	Subscription(name string) (Subscription, error)
	// Subscriptions lists them all by name.
	Subscriptions() ([]Subscription, error)

	// ClaimSubscription leases an active subscription until an instant, unless another lease runs at now; ok says whether it
	// did. Leases are not audited.
	ClaimSubscription(name string, now, until time.Time) (s Subscription, ok bool, err error)
	// RenewSubscription extends the lease of a claimed subscription, Name and Lease as ClaimSubscription returned them, until
	// an instant; with the zero time it gives the lease back. ErrLeaseLost if it was claimed again or changed by
	// UpdateSubscription since. A lease that ran out without that still counts.
	RenewSubscription(s Subscription, until time.Time) error
	// AdvanceSubscription rewrites Position, Fault and MovedAt of a claimed subscription. ErrLeaseLost as for
	// RenewSubscription.
	AdvanceSubscription(s Subscription) error

	// HoldDelivery adds a held delivery or rewrites State and everything below it but HeldAt.
	HoldDelivery(d HeldDelivery) error
	// ReleaseDelivery removes a held delivery: it was confirmed, or a person skips it. ErrNotFound.
	ReleaseDelivery(subscription string, seq int64) error
	// ReleaseDeliveriesAfter removes the held deliveries of a subscription above a sequence number.
	ReleaseDeliveriesAfter(subscription string, seq int64) error
	// HeldDeliveries lists them in sequence order.
	HeldDeliveries(q HeldQuery) ([]HeldDelivery, error)
	// CountHeld counts the held deliveries of all subscriptions by name and state.
	CountHeld() ([]HeldCount, error)
}
