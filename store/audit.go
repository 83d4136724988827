package store

import (
	"context"
	"fmt"
)

// AuditHead is the state of the audit log: the Merkle tree over all its entries. Who has an earlier head can prove
// that nothing before it was changed since.
type AuditHead struct {
	Size int64    // entries
	Root [32]byte // hash of the tree, RFC 6962
}

// AuditProblem is something that was changed behind the gateway's back.
type AuditProblem struct {
	Table string
	Key   string // key of the row in Table
	Kind  AuditProblemKind
}

// AuditProblemKind says what is wrong with a row.
type AuditProblemKind string

// What Verify finds.
const (
	AuditChanged      AuditProblemKind = "changed"      // the row is not what the log says
	AuditRemoved      AuditProblemKind = "removed"      // the log knows the row, it is not there
	AuditInserted     AuditProblemKind = "inserted"     // the row is there, the log does not know it
	AuditInconsistent AuditProblemKind = "inconsistent" // the log is not a continuation of the earlier head
)

// String is for people.
func (p AuditProblem) String() string { return fmt.Sprintf("%s %s: %s", p.Table, p.Key, p.Kind) }

// AuditTx are the methods of Tx for the audit log.
type AuditTx interface {
	// SetActor says who makes the changes of this transaction, and why; both may be empty.
	SetActor(actor, reason string)
}

// Auditor is a Store with an append-only audit log. Every transaction that changes kept rows adds an entry that
// names each of them with the SHA-256 of what it contains as it is stored. Not covered are the columns of work items
// that change with every claim (attempt, lease, leased_until).
type Auditor interface {
	// Seal adds all entries that were committed before to the tree and returns its head. The store does it by
	// itself some seconds after a change and when it is closed.
	Seal(ctx context.Context) (AuditHead, error)
	// Verify seals, recomputes the tree from the entries and the entries from the rows, and calls report for
	// everything that does not fit. If since is not zero, the tree must also be a continuation of it. The gateway
	// may go on meanwhile.
	Verify(ctx context.Context, since AuditHead, report func(AuditProblem)) (AuditHead, error)
	// AuditProof returns the hashes that prove that the tree of the first size is the beginning of the tree of the
	// second, for tlog.CheckTree.
	AuditProof(ctx context.Context, from, to int64) ([][32]byte, error)
}
