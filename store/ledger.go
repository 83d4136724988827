package store

import "time"

// LedgerKind says what is owed.
type LedgerKind string

// The kinds of ledger entries.
const (
	LedgerTransport LedgerKind = "transport" // receipt of the transport: AS4 receipt, delivery of the mail
	LedgerContrl    LedgerKind = "contrl"    // CONTRL
	LedgerAperak    LedgerKind = "aperak"    // APERAK
	LedgerAnswer    LedgerKind = "answer"    // the answer of the process, such as UTILMD 55002 to 55001
)

// LedgerState says what became of it.
type LedgerState string

// The states of ledger entries.
const (
	LedgerOpen      LedgerState = "open"      // expected
	LedgerMet       LedgerState = "met"       // came in time
	LedgerLate      LedgerState = "late"      // came after the deadline
	LedgerMissed    LedgerState = "missed"    // the deadline has passed and nothing came
	LedgerCancelled LedgerState = "cancelled" // no longer owed
)

// LedgerEntry is one thing that is owed for a transaction, in either direction: what a partner owes for an
// interchange we sent, what we owe for one we received. The first four fields are its key.
type LedgerEntry struct {
	InterchangeID    int64
	MessageIndex     int // 0: the interchange itself
	TransactionIndex int // 0: the message itself
	Kind             LedgerKind

	State      LedgerState
	DueAt      time.Time // last instant in time; zero: no deadline
	LookAt     time.Time // when somebody must look at it while it is open; zero: never
	Step       string    // where the transaction stands in its process; only with LedgerAnswer
	DoneAt     time.Time // when it came; zero: not yet
	AnsweredBy int64     // interchange it came with; 0: none
}

// ProcessKey is a name that later messages call a transaction by, beside its number and its document.
type ProcessKey struct {
	InterchangeID    int64
	MessageIndex     int
	TransactionIndex int
	Level            string // what is named, such as a series
	Value            string
}

// LedgerTx are the methods of Tx for what is owed until when.
type LedgerTx interface {
	// InsertLedger adds an entry. ErrDuplicate if there is one with its key.
	InsertLedger(e LedgerEntry) error
	// InsertLedgerOnce adds an entry unless there is one with its key.
	InsertLedgerOnce(e LedgerEntry) error
	// UpdateLedger rewrites State and everything below it. ErrNotFound.
	UpdateLedger(e LedgerEntry) error
	// SettleLedger notes that an answer has gone out at an instant: the entries of an interchange that it answers and that
	// are not done become met, or late if their deadline has passed, and nobody looks at them any more.
	SettleLedger(interchangeID, answeredBy int64, at time.Time) error
	// Ledger lists the entries of an interchange by their key. What Ledger, LedgerEntry and LedgerDue return inside Update
	// nobody else changes until the transaction ends.
	Ledger(interchangeID int64) ([]LedgerEntry, error)
	// LedgerEntry returns one entry. ErrNotFound.
	LedgerEntry(interchangeID int64, message, transaction int, kind LedgerKind) (LedgerEntry, error)
	// LedgerDue lists the open entries that have a LookAt before an instant, the first one first, at most limit.
	LedgerDue(before time.Time, limit int) ([]LedgerEntry, error)
	// NextLook returns the first LookAt of all open entries; zero if there is none.
	NextLook() (time.Time, error)

	// InsertProcessKey adds a name of a transaction; doing so twice does nothing.
	InsertProcessKey(k ProcessKey) error
	// ProcessKeys lists who has a name, oldest interchange first, at most limit.
	ProcessKeys(level, value string, limit int) ([]ProcessKey, error)
	// UnansweredKeys is ProcessKeys for those whose LedgerAnswer has not come and is not cancelled.
	UnansweredKeys(level, value string, limit int) ([]ProcessKey, error)

	// NextControlRefs reserves n numbers and returns the first: the next ones for the interchange control reference (UNB 0020) of an own MP-ID,
	// from 1. No two committed transactions get the same. Another transaction that asks for the same MP-ID waits
	// until this one ends.
	NextControlRefs(mpID string, n int) (first int64, err error)
}

// Decision is something a person decided.
type Decision struct {
	ID            int64 // assigned by the store
	DecidedAt     time.Time
	Actor         string // who
	Action        string // what was done, such as "requeue"
	Subject       string // what it was done to, such as "work/17"
	Reason        string // why, in the person's words
	InterchangeID int64  // 0: none
}

// DecisionQuery selects decisions; zero fields do not restrict.
type DecisionQuery struct {
	Before        int64 // ID below this one
	Limit         int   // at most; 0 means DefaultLimit
	Subject       string
	InterchangeID int64
}

// PartnerValue is one thing known about a Marktpartner. MPID and Name are its key.
type PartnerValue struct {
	MPID      string
	Name      string
	Value     []byte // JSON
	ChangedAt time.Time
}

// PeopleTx are the methods of Tx for what people decide and enter.
type PeopleTx interface {
	// InsertDecision adds a decision and returns its ID; IDs grow and are never used again. d.ID is not looked at.
	InsertDecision(d Decision) (int64, error)
	// Decisions lists newest first.
	Decisions(q DecisionQuery) ([]Decision, error)

	// SetPartnerValue adds or replaces a value.
	SetPartnerValue(v PartnerValue) error
	// DeletePartnerValue removes a value; ErrNotFound.
	DeletePartnerValue(mpID, name string) error
	// PartnerValues lists the values of a partner by name.
	PartnerValues(mpID string) ([]PartnerValue, error)
}

// WorkQuery selects work items; zero fields do not restrict.
type WorkQuery struct {
	After         int64 // ID above this one
	Limit         int   // at most; 0 means DefaultLimit
	Kind          string
	Lane          string
	InterchangeID int64
	Parked        bool // only those set aside
}

// ClearingTx are the methods of Tx for the worklist of people. Those that change something record a Decision with
// the action's name and the subject "work/ID".
type ClearingTx interface {
	// WorkItems lists work items in the order they were added.
	WorkItems(q WorkQuery) ([]Work, error)
	// RequeueWork makes a parked item due again at dueAt, with Attempt 0. ErrNotFound if there is none.
	RequeueWork(id int64, dueAt time.Time, who, reason string) error
	// HoldWork parks an item, also one that is leased: whoever works on it loses the lease. ErrNotFound if there is
	// no item that is not parked.
	HoldWork(id int64, who, reason string) error
	// SolveWork ends a parked item that needs no more work. ErrNotFound if there is none.
	SolveWork(id int64, who, reason string) error
}
