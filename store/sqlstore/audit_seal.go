package sqlstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/marktbote/marktbote/store"
)

const (
	// sealDelay is how long after a change the store seals by itself.
	sealDelay = 5 * time.Second
	// sealBatch is the number of entries of one row of audit_seal.
	sealBatch = 1024
	// sealTimeout bounds sealing that nobody waits for.
	sealTimeout = time.Minute
)

const (
	insertEntry = `INSERT INTO audit_entry (recorded_at, actor, reason, changes) VALUES ($1, $2, $3, $4)`
	lastEntry   = `SELECT COALESCE(max(id), 0) FROM audit_entry`
	listEntries = `SELECT id, recorded_at, actor, reason, changes FROM audit_entry
		WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3 + CAST(0 AS BIGINT)`

	insertSeal = `INSERT INTO audit_seal (first_index, entries, hashes, root) VALUES ($1, $2, $3, $4)`
	lastSeal   = `SELECT first_index, entries, hashes, root FROM audit_seal ORDER BY first_index DESC LIMIT 1`
	// sealOf finds the row with a place of the tree.
	sealOf    = `SELECT first_index, entries, hashes, root FROM audit_seal WHERE first_index <= $1 ORDER BY first_index DESC LIMIT 1`
	listSeals = `SELECT first_index, entries, hashes, root FROM audit_seal WHERE first_index >= $1 ORDER BY first_index LIMIT $2 + CAST(0 AS BIGINT)`
)

func auditQueries() []string { return []string{lastEntry, listEntries, lastSeal, sealOf, listSeals} }

// seal is a row of audit_seal.
type seal struct {
	first   int64
	entries []byte
	hashes  []byte
	root    []byte
}

func scanSeal(rows Rows) (s seal, err error) {
	return s, rows.Scan(&s.first, &s.entries, &s.hashes, &s.root)
}

func (s seal) count() int64 { return int64(len(s.entries) / 8) }

func (s seal) entry(i int64) int64 { return int64(binary.BigEndian.Uint64(s.entries[8*i:])) } //nolint:gosec // was an int64

func (s seal) end() int64 { return s.first + s.count() }

// lastID is the entry the tree ends with, 0 if it is empty.
func (s seal) lastID() int64 {
	if s.count() == 0 {
		return 0
	}
	return s.entry(s.count() - 1)
}

var errSealDamaged = errors.New("the hashes of the audit log are damaged; marktbote audit verify says where")

// Seal implements store.Auditor.
func (s *Store) Seal(ctx context.Context) (store.AuditHead, error) {
	if err := s.enter(); err != nil {
		return store.AuditHead{}, s.fail(ctx, "seal", err)
	}
	defer s.leave()
	head, err := s.seal(ctx)
	if err != nil {
		return store.AuditHead{}, s.fail(ctx, "seal", err)
	}
	return head, nil
}

// seal adds what is committed to the tree, one row of audit_seal for each transaction.
func (s *Store) seal(ctx context.Context) (head store.AuditHead, err error) {
	limit, err := s.settledEntry(ctx)
	if err != nil {
		return head, err
	}
	for {
		var more bool
		err := s.again(ctx, func() error {
			return s.transact(ctx, "seal", false, func(t *tx) (err error) {
				if err := t.lock("seal", "seal"); err != nil {
					return err
				}
				head, more, err = t.sealSome(limit)
				return err
			})
		})
		if err != nil || !more {
			return head, err
		}
	}
}

// settledEntry returns an id up to which all entries are committed or never will be.
func (s *Store) settledEntry(ctx context.Context) (id int64, err error) {
	err = s.transact(ctx, "seal", false, func(t *tx) (err error) {
		if barrier := s.dialect.AuditBarrier; barrier != "" {
			if err := t.run("seal", Statement{Text: barrier}); err != nil {
				return err
			}
		}
		id, err = t.id("seal", lastEntry)
		return err
	})
	return id, err
}

// sealSome adds up to sealBatch entries and reports whether there are more.
func (t *tx) sealSome(limit int64) (head store.AuditHead, more bool, err error) {
	last, err := t.lastSeal()
	if err != nil {
		return head, false, err
	}
	entries, err := list(t, "seal", listEntries, scanEntry, last.lastID(), limit, sealBatch)
	if err != nil {
		return head, false, err
	}
	if len(entries) == 0 {
		copy(head.Root[:], last.root)
		head.Size = last.end()
		if head.Size == 0 {
			root, err := tlog.TreeHash(0, nil)
			return store.AuditHead{Root: root}, false, err
		}
		return head, false, nil
	}
	next := seal{first: last.end()}
	reader := &hashReader{load: func(index int64) (seal, error) { return t.sealWith(index) }, tail: &next}
	for i, e := range entries {
		hashes, err := tlog.StoredHashesForRecordHash(next.first+int64(i), tlog.RecordHash(e.leaf()), reader)
		if err != nil {
			return head, false, t.fail("seal", err)
		}
		next.entries = binary.BigEndian.AppendUint64(next.entries, uint64(e.id)) //nolint:gosec // ids are positive
		for _, h := range hashes {
			next.hashes = append(next.hashes, h[:]...)
		}
	}
	root, err := tlog.TreeHash(next.end(), reader)
	if err != nil {
		return head, false, t.fail("seal", err)
	}
	if err := t.run("seal", Statement{Text: insertSeal, Args: []any{next.first, next.entries, next.hashes, root[:]}}); err != nil {
		return head, false, err
	}
	return store.AuditHead{Size: next.end(), Root: root}, len(entries) == sealBatch, nil
}

// lastSeal returns the row the tree ends with; a zero one if it is empty.
func (t *tx) lastSeal() (seal, error) {
	found, err := list(t, "seal", lastSeal, scanSeal)
	if err != nil || len(found) == 0 {
		return seal{}, err
	}
	return found[0], nil
}

// sealWith returns the row with a place of the tree.
func (t *tx) sealWith(index int64) (seal, error) {
	found, err := list(t, "seal", sealOf, scanSeal, index)
	if err == nil && len(found) == 0 {
		err = errSealDamaged
	}
	if err != nil {
		return seal{}, err
	}
	return found[0], nil
}

// hashReader reads stored hashes of the tree from rows of audit_seal. It implements tlog.HashReader.
type hashReader struct {
	load   func(index int64) (seal, error)
	tail   *seal // row that is not stored yet
	loaded map[int64]seal
}

// ReadHashes implements tlog.HashReader.
func (r *hashReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		// Stored hashes follow each other in the order of the entry that completes them.
		entry := entryOfHash(x)
		row := r.tail
		if row == nil || entry < row.first {
			found, err := r.find(entry)
			if err != nil {
				return nil, err
			}
			row = &found
		}
		at := (x - tlog.StoredHashCount(row.first)) * tlog.HashSize
		if at < 0 || at+tlog.HashSize > int64(len(row.hashes)) {
			return nil, errSealDamaged
		}
		copy(out[i][:], row.hashes[at:])
	}
	return out, nil
}

func (r *hashReader) find(entry int64) (seal, error) {
	for _, s := range r.loaded {
		if s.first <= entry && entry < s.end() {
			return s, nil
		}
	}
	s, err := r.load(entry)
	if err != nil {
		return s, err
	}
	if r.loaded == nil {
		r.loaded = map[int64]seal{}
	}
	r.loaded[s.first] = s
	return s, nil
}

// entryOfHash returns the place of the entry whose adding stored a hash.
func entryOfHash(index int64) int64 {
	level, n := tlog.SplitStoredHashIndex(index)
	return (n+1)<<level - 1
}

// AuditProof implements store.Auditor.
func (s *Store) AuditProof(ctx context.Context, from, to int64) (proof [][32]byte, err error) {
	err = s.transactView(ctx, "audit proof", func(t *tx) error {
		p, err := tlog.ProveTree(to, from, &hashReader{load: t.sealWith})
		if err != nil {
			return fmt.Errorf("store: audit proof from %d to %d: %w", from, to, err)
		}
		for _, h := range p {
			proof = append(proof, h)
		}
		return nil
	})
	return proof, err
}

// sealSoon seals some time after a change.
func (s *Store) sealSoon() {
	if s.sealing.Swap(true) {
		return
	}
	s.sealTimer.Store(time.AfterFunc(sealDelay, func() {
		s.sealing.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), sealTimeout)
		defer cancel()
		_, _ = s.Seal(ctx) // the next change tries again, and so does Close
	}))
}

// sealLast seals before the store is closed.
func (s *Store) sealLast() {
	if timer := s.sealTimer.Load(); timer != nil {
		timer.Stop()
	}
	if !s.sealing.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), sealTimeout)
	defer cancel()
	_, _ = s.seal(ctx) // who opens the store next seals
}

// maxEntry is an id no entry reaches.
const maxEntry = math.MaxInt64
