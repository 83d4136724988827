// Package store defines what the gateway keeps and how it is changed.
//
// A Store holds raw payloads exactly as received or sent, the interchanges, messages and transactions found
// in them, findings, events and pending work; what is owed until when (ledger.go), what people decided and know; which
// objects are known (object.go); what transports keep: messages with their receipts, certificates, own keys, partners
// (transport.go); who gets the events (feed.go). Every change runs inside Update: row changes, the next work item and outgoing events commit together
// or not at all. The package knows no EDIFACT and no HTTP; the drivers
// live below it (sqlite), share their SQL (sqlstore) and obey one conformance suite (storetest).
//
// All instants are UTC with microsecond resolution, finer parts are cut off; the zero time.Time is kept as such.
// Text is UTF-8 and compares bytewise in every driver; bytes that are not UTF-8, and NUL, are kept as U+FFFD. An empty and a nil byte slice are the same value, read
// back as nil.
//
// A row may refer to another one: an interchange to its payload, everything else to its interchange, a
// transaction to its message. A reference that is not empty must exist; adding a row that refers to nothing
// reports ErrNotFound and the transaction cannot be committed any more, so an interchange without the bytes it
// came as does not exist.
package store

import (
	"context"
	"errors"
	"io"
	"time"
)

// Sentinel errors on which callers branch; drivers wrap them with the operation that met them, which gives
// texts such as "store: interchange 7: not found".
var (
	// ErrNotFound: the row asked for does not exist.
	ErrNotFound = errors.New("not found")
	// ErrDuplicate: a row with the same unique key exists already.
	ErrDuplicate = errors.New("duplicate")
	// ErrLeaseLost: the work item is no longer leased to the caller; somebody else may have done it.
	ErrLeaseLost = errors.New("lease lost")
	// ErrCorrupt: stored bytes do not match their digest.
	ErrCorrupt = errors.New("payload does not match its digest")
	// ErrUnreachable: the database cannot be reached at the moment. Such an error has Temporary() true; whether a
	// commit that ended with it was done is not known.
	ErrUnreachable = errors.New("database unreachable")
	// ErrClosed: the store was closed before the call.
	ErrClosed = errors.New("closed")
)

// Store is a durable, transactional store. Its methods are safe for concurrent use.
type Store interface {
	// PutPayload reads r to its end and keeps the bytes durably, compressed and addressed by their SHA-256.
	// Memory use does not depend on the size, which is not limited here: the caller limits r. A slow r holds up
	// no other writer. Putting the same bytes again, also at the same time, returns the same Payload and keeps
	// them once. When PutPayload returns without error the bytes survive a crash; before that they cannot be
	// seen, and an error of r (returned, wrapped) or the end of ctx leaves nothing behind. A blocked Read of r
	// is not interrupted by ctx. Not to be called inside Update.
	PutPayload(ctx context.Context, r io.Reader) (Payload, error)
	// OpenPayload streams the bytes kept under digest. Reading past the last byte reports ErrCorrupt if the
	// bytes do not match the digest; what was read before must then not be used. ErrNotFound if there is no
	// such payload. The reader holds no transaction, lives at most as long as ctx and is not safe for
	// concurrent use.
	OpenPayload(ctx context.Context, digest string) (io.ReadCloser, error)

	// Update runs fn in one durable read-write transaction. fn may run again after a serialization conflict
	// and must not have side effects outside tx. An error from fn rolls back and is returned as it is; a panic
	// rolls back and goes on. A change that the engine refused (not ErrLeaseLost, and not ErrDuplicate of
	// InsertInterchange and InsertTransmission) makes Update fail even if fn ignored its error. Update inside Update waits until ctx ends, and
	// fn must not wait for another Update in any other way either: calls that come together may be committed together.
	//
	// Transactions may run side by side. Of what others do meanwhile fn sees what is committed; two that change the
	// same row wait for each other. Who decides by what is not there, or writes what he computed from a row he has
	// read, takes Tx.Lock first.
	Update(ctx context.Context, fn func(tx Tx) error) error
	// View runs fn in a read-only transaction that sees one consistent state. Changes in it fail.
	View(ctx context.Context, fn func(tx Tx) error) error
	// Look is View for a single question, without a transaction around it, which costs more than most questions: a second
	// one could see another state.
	Look(ctx context.Context, fn func(tx Tx) error) error

	// ClaimWork leases due items to the caller, oldest due first, items due at the same instant in the order they were
	// added. An item is due from DueAt on and can be claimed again from LeasedUntil on; Attempt counts the claims. Two
	// claims never share an item whose lease runs.
	ClaimWork(ctx context.Context, c Claim) ([]Work, error)

	// RenewWork extends the lease of a claimed item, ID and Lease as ClaimWork returned them, until the given instant.
	// ErrLeaseLost as for CompleteWork. It waits for no transaction of the caller's.
	RenewWork(ctx context.Context, w Work, until time.Time) error

	// Close waits for running calls and releases the store; calls after Close report ErrClosed, and so does
	// reading on from a payload. A second Close does nothing. Not to be called inside Update or View.
	Close() error
}

// Tx is the set of changes and queries inside one transaction. It is not safe for concurrent use and not valid
// after the function it was passed to returned. Lists without a limit argument belong to one interchange, whose
// size the gateway limits; a limit of 0 means DefaultLimit. Queries see the changes made before in the same
// transaction.
//
// A change of which nothing but an error comes back may wait and be sent together with what follows, before any query
// of the transaction and at the latest before the commit. An error it is documented to report, such as ErrDuplicate, is
// then that of the call that sends it or of Update; either way the transaction is not committed. Slices passed to a
// change must not be written to until Update returns.
type Tx interface {
	// Lock waits until no other transaction holds a lock with this key and holds it until the transaction ends. It
	// comes before the queries it protects. Several locks are taken in the order of their keys.
	Lock(key string) error

	// Expect takes the locks, in the order of their keys, and lets the store ask together what is going to be asked. It
	// comes first in a transaction and changes no answer: what the transaction changes itself afterwards is seen, and
	// what is not expected is asked when its time comes. Only ErrDuplicate of InsertInterchange may come later and
	// without the ID.
	Expect(e Expected) error

	// PutPayload keeps bytes like Store.PutPayload, in this transaction: for the usual small interchange, whose
	// receipt is then one transaction. content must not be longer than MaxInlinePayload.
	PutPayload(content []byte) (Payload, error)

	// InsertInterchange adds an interchange and returns its ID; x.ID is not looked at. IDs grow and are never
	// used again. The pair (Direction, ReceivedID) is unique if
	// ReceivedID is not empty: ErrDuplicate with the existing ID otherwise, so that a transport may retry.
	InsertInterchange(x Interchange) (int64, error)
	// UpdateInterchange rewrites what the check found out, that is State and everything below it; ID selects
	// the row. ErrNotFound.
	UpdateInterchange(x Interchange) error
	// SetState changes the state of an interchange and nothing else. ErrNotFound.
	SetState(id int64, s State) error
	// Interchange returns one interchange. ErrNotFound.
	Interchange(id int64) (Interchange, error)
	// Interchanges lists newest first, at most limit, with ID < before when before > 0.
	Interchanges(q InterchangeQuery) ([]Interchange, error)
	// FindControlRef returns the interchanges with this sender and control reference (UNB 0004 and 0020) and
	// direction, oldest first.
	FindControlRef(direction Direction, sender, controlRef string) ([]Interchange, error)

	// ReplaceMessages removes what an earlier check of the interchange stored (messages, transactions,
	// findings), so that a step that runs again leaves one result.
	ReplaceMessages(interchangeID int64) error
	// InsertMessage adds a message. ErrDuplicate if the interchange has one with this Index.
	InsertMessage(m Message) error
	// InsertTransaction adds a transaction of a message that was inserted before. ErrDuplicate if the message
	// has one with this Index.
	InsertTransaction(t Transaction) error
	// InsertFinding adds a finding. ErrDuplicate if the interchange has one with this Index.
	InsertFinding(f Finding) error
	// Messages lists the messages of an interchange by Index.
	Messages(interchangeID int64) ([]Message, error)
	// Transactions lists the transactions of an interchange by MessageIndex and Index.
	Transactions(interchangeID int64) ([]Transaction, error)
	// Transaction returns one transaction. ErrNotFound.
	Transaction(interchangeID int64, message, index int) (Transaction, error)
	// Findings lists the findings of an interchange by Index.
	Findings(interchangeID int64) ([]Finding, error)
	// FindTransactions returns the transactions that are called by the numbers of the query, oldest first. A query
	// without numbers finds nothing.
	FindTransactions(q TransactionQuery) ([]Found, error)

	// InsertEvents appends events to the outbox, in this order and behind those inserted before in the same transaction,
	// but for those whose ID exists, whose places in the list it returns. Sequence numbers are strictly increasing in
	// commit order: who has read up to a number never finds a lower one later. Seq is not looked at. ErrDuplicate if
	// another transaction adds the same ID at the same time.
	InsertEvents(events ...Event) (known []int, err error)
	// Event returns the event with an ID. ErrNotFound.
	Event(id string) (Event, error)
	// Events lists in sequence order, Seq > after, at most limit; interchangeID 0 means all.
	Events(after int64, interchangeID int64, limit int) ([]Event, error)

	// AddWork adds a work item; IDs grow and are never used again. Kind, Lane, Target, InterchangeID, DueAt, Reason and
	// Parked are taken from w; the other fields belong to the store.
	AddWork(w Work) error
	// CompleteWork deletes an item that is leased to the caller: ID and Lease as ClaimWork returned them.
	// ErrLeaseLost if it was claimed again, given back, parked or completed since. A lease that ran out
	// without anybody claiming the item still counts.
	CompleteWork(w Work) error
	// RetryWork gives a leased item back with a new due time and the reason; Attempt stays. ErrLeaseLost.
	RetryWork(w Work, dueAt time.Time, reason string) error
	// ParkWork sets a leased item aside for a person, with the reason. ErrLeaseLost.
	ParkWork(w Work, reason string) error
	// PendingWork counts the items that are not parked.
	PendingWork() (int, error)
	// NextWork returns when the next item can be claimed: it is due, and nobody holds it; zero if there is none.
	NextWork() (time.Time, error)
	// ParkedWork lists the items that are parked, in the order they were added, at most limit.
	ParkedWork(limit int) ([]Work, error)

	LedgerTx
	PeopleTx
	ClearingTx
	ObjectTx
	TransportTx
	FeedTx
	AuditTx
	RetentionTx
}

// MaxInlinePayload is the length in bytes up to which Tx.PutPayload takes a payload.
const MaxInlinePayload = 1 << 20

// DefaultLimit is the length of a list whose limit was given as 0.
const DefaultLimit = 100

// Direction says which way an interchange travels.
type Direction string

// The two directions, seen from the gateway.
const (
	In  Direction = "in"
	Out Direction = "out"
)

// Payload describes kept bytes.
type Payload struct {
	Digest string // SHA-256 of the bytes, lower-case hex
	Size   int64  // bytes
}

// State is the step an interchange has reached.
type State string

// The states of an interchange, in the order they are passed.
const (
	StateReceived  State = "received"  // kept, nothing has looked at it
	StateChecked   State = "checked"   // the verdict is known
	StatePublished State = "published" // its events are in the outbox
)

// Interchange is one transfer file (UNB..UNZ) and what is known about it.
type Interchange struct {
	ID            int64
	Direction     Direction
	Channel       string // how it travelled: "file", "local", later "as4", "mail"
	ReceivedID    string // identity given by the transport (AS4 message id, file name ...); may be empty
	PayloadDigest string
	PayloadSize   int64
	ReceivedAt    time.Time // or, for outgoing ones, accepted at

	State          State
	Verdict        string // as check prints it; empty before the check
	FormatVersion  string // FV2610 ...
	Sparte         string // strom, gas
	Sender         string // UNB 0004
	Recipient      string // UNB 0010
	ControlRef     string // UNB 0020
	ApplicationRef string // UNB 0026
	MessageType    string // UNH 0065 of the first message
	Test           bool   // UNB 0035 = 1
	MessageCount   int
	FindingCount   int
	CheckedAt      time.Time
}

// InterchangeQuery selects interchanges; zero fields do not restrict.
type InterchangeQuery struct {
	Before    int64 // ID below this one
	Limit     int   // at most; 0 means DefaultLimit
	Direction Direction
	Verdict   string
}

// Message is one UNH..UNT of an interchange.
type Message struct {
	InterchangeID int64
	Index         int    // from 1 in the interchange
	Reference     string // UNH 0062
	Type          string // UNH 0065
	Version       string // UNH 0057
	DocumentCode  string // BGM 1001
	DocumentNo    string // BGM 1004
	Verdict       string
}

// Transaction is one Geschäftsvorfall of a message.
type Transaction struct {
	InterchangeID      int64
	MessageIndex       int
	Index              int    // from 1 in the message
	Number             string // Vorgangsnummer or document number
	Pruefidentifikator string
	Subject            string // object it is about, such as malo/51238696781
	Verdict            string
}

// TransactionQuery selects transactions as other messages refer to them: by Number, and then DocumentNo if it is not
// empty; else by DocumentNo; else by ControlRef and MessageReference.
type TransactionQuery struct {
	Direction        Direction
	Sender           string // UNB 0004; empty: any
	Number           string // Vorgangsnummer, or what stands for it in its message type
	DocumentNo       string // BGM 1004
	ControlRef       string // UNB 0020
	MessageReference string // UNH 0062
	Limit            int    // at most; 0 means DefaultLimit
}

// Found is a transaction with what surrounds it. A message without transactions is found with the Index 0 when it is
// looked for without Number.
type Found struct {
	Transaction
	DocumentNo         string // BGM 1004
	ReceivedAt         time.Time
	Recipient          string // UNB 0010
	InterchangeVerdict string
	Test               bool
}

// Finding is a stored finding; Data is its JSON form.
type Finding struct {
	InterchangeID    int64
	MessageIndex     int // 0: the interchange itself
	TransactionIndex int // 0: the message itself
	Index            int // order within the interchange
	Code             string
	Severity         string
	Data             []byte
}

// Event is an outbox row; Data is the CloudEvents JSON.
type Event struct {
	Seq           int64 // assigned by the store
	ID            string
	Type          string
	Subject       string
	PartitionKey  string
	InterchangeID int64
	RecordedAt    time.Time
	Data          []byte
}

// Claim says which work items are claimed.
type Claim struct {
	Lane    string
	Now     time.Time     // from any clock, if all claimers use the same one
	Lease   time.Duration // how long they are leased from Now on; must be positive
	Limit   int           // at most
	Without []string      // targets whose items are left where they are; none contains an angle bracket
}

// Work is a durable work item.
type Work struct {
	ID            int64
	Kind          string // the step to run
	Lane          string // urgent, bulk
	Target        string // partner or destination it is for; may be empty
	InterchangeID int64
	DueAt         time.Time
	Attempt       int    // claims so far
	Lease         string // token of the current lease, empty if not leased
	LeasedUntil   time.Time
	Parked        bool
	Reason        string // why it was given back or parked
}

// Waiter is a Store that several processes work on. It is optional: without it, or when it fails, who works looks
// for due items from time to time.
type Waiter interface {
	// WaitWork returns nil when another process may have added work since the last call, an error when ctx has
	// ended or the database cannot be reached. The first call returns at once. It is for one goroutine and must
	// have returned before Close.
	WaitWork(ctx context.Context) error
}

// Versioner is a Store whose tables have versions. It is optional.
type Versioner interface {
	// Versions returns the version of the tables before Open and now.
	Versions() (before, now int64)
}
