// Package store defines what the gateway keeps and how it is changed.
//
// A Store holds raw payloads exactly as received or sent, the interchanges, messages and transactions found
// in them, findings, events and pending work. Every change runs inside Update: row changes, the next work item
// and outgoing events commit together or not at all. The package knows no EDIFACT and no HTTP; the drivers
// live below it (sqlite), share their SQL (sqlstore) and obey one conformance suite (storetest).
//
// All instants are UTC with microsecond resolution; text is UTF-8 and compares bytewise in every driver.
package store

import (
	"context"
	"errors"
	"io"
	"time"
)

// Sentinel errors on which callers branch; drivers wrap them with the operation that met them.
var (
	// ErrNotFound: the row asked for does not exist.
	ErrNotFound = errors.New("store: not found")
	// ErrDuplicate: a row with the same unique key exists already.
	ErrDuplicate = errors.New("store: duplicate")
	// ErrLeaseLost: the work item is no longer leased to the caller; somebody else may have done it.
	ErrLeaseLost = errors.New("store: lease lost")
	// ErrCorrupt: stored bytes do not match their digest.
	ErrCorrupt = errors.New("store: payload does not match its digest")
)

// Store is a durable, transactional store. Its methods are safe for concurrent use.
type Store interface {
	// PutPayload reads r to its end and keeps the bytes durably, compressed and addressed by their SHA-256.
	// Memory use does not depend on the size. Putting the same bytes again returns the same Payload. When
	// PutPayload returns without error the bytes survive a crash.
	PutPayload(ctx context.Context, r io.Reader) (Payload, error)
	// OpenPayload streams the bytes kept under digest. Reading past the last byte reports ErrCorrupt if the
	// bytes do not match the digest. ErrNotFound if there is no such payload.
	OpenPayload(ctx context.Context, digest string) (io.ReadCloser, error)

	// Update runs fn in one durable read-write transaction. fn may run again after a serialization conflict
	// and must not have side effects outside tx. An error from fn rolls back and is returned.
	Update(ctx context.Context, fn func(tx Tx) error) error
	// View runs fn in a read-only transaction that sees one consistent state.
	View(ctx context.Context, fn func(tx Tx) error) error

	// ClaimWork leases up to max due items of a lane to the caller until now+lease, oldest due first. An item
	// whose lease ran out can be claimed again; Attempt counts the claims.
	ClaimWork(ctx context.Context, lane string, now time.Time, lease time.Duration, max int) ([]Work, error)

	// Close releases the store; calls after Close fail.
	Close() error
}

// Tx is the set of changes and queries inside one transaction. It is not safe for concurrent use and not valid
// after the function it was passed to returned.
type Tx interface {
	// InsertInterchange adds an interchange and returns its ID. The pair (Direction, ReceivedID) is unique if
	// ReceivedID is not empty: ErrDuplicate with the existing ID otherwise, so that a transport may retry.
	InsertInterchange(x Interchange) (int64, error)
	// UpdateInterchange rewrites what the check found out; ID selects the row. ErrNotFound.
	UpdateInterchange(x Interchange) error
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
	InsertMessage(m Message) error
	InsertTransaction(t Transaction) error
	InsertFinding(f Finding) error
	Messages(interchangeID int64) ([]Message, error)
	Transactions(interchangeID int64) ([]Transaction, error)
	Findings(interchangeID int64) ([]Finding, error)

	// InsertEvent appends an event to the outbox and returns its sequence number, strictly increasing in
	// commit order. ErrDuplicate if the event ID exists.
	InsertEvent(e Event) (int64, error)
	// Events lists in sequence order, Seq > after, at most limit; interchangeID 0 means all.
	Events(after int64, interchangeID int64, limit int) ([]Event, error)

	// AddWork adds a work item.
	AddWork(w Work) (int64, error)
	// CompleteWork deletes an item that is leased to the caller. ErrLeaseLost if it is not.
	CompleteWork(w Work) error
	// RetryWork gives a leased item back with a new due time and the reason. ErrLeaseLost.
	RetryWork(w Work, dueAt time.Time, reason string) error
	// ParkWork sets a leased item aside for a person, with the reason. ErrLeaseLost.
	ParkWork(w Work, reason string) error
	// PendingWork counts items that are not parked; ParkedWork lists those that are, oldest first.
	PendingWork() (int, error)
	ParkedWork(limit int) ([]Work, error)
}

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
	Limit     int   // at most; 0 means 100
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

// Work is a durable work item.
type Work struct {
	ID            int64
	Kind          string // the step to run
	Lane          string // urgent, bulk
	InterchangeID int64
	DueAt         time.Time
	Attempt       int    // claims so far
	Lease         string // token of the current lease, empty if not leased
	LeasedUntil   time.Time
	Parked        bool
	Reason        string // why it was given back or parked
}
