package sqlstore

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/marktbote/marktbote/store"
)

// maxVerifyRows is the number of rows whose hashes Verify keeps in memory; with more it reads the log several times.
const maxVerifyRows = 2 << 20

// Verify implements store.Auditor.
func (s *Store) Verify(ctx context.Context, since store.AuditHead, report func(store.AuditProblem)) (store.AuditHead, error) {
	_, sealErr := s.Seal(ctx)
	if sealErr != nil && ctx.Err() != nil {
		return store.AuditHead{}, sealErr
	}
	var head store.AuditHead
	// One state for log and rows, whatever the gateway does meanwhile.
	err := s.transactView(ctx, "verify", func(t *tx) error {
		v := &verifier{tx: t, report: report, since: since}
		if err := v.tree(); err != nil {
			return err
		}
		head = v.head
		return v.rows()
	})
	return head, err
}

// verifier compares log and rows in one read-only transaction.
type verifier struct {
	tx     *tx
	since  store.AuditHead
	report func(store.AuditProblem)
	head   store.AuditHead
	known  int64 // rows the log has ever told of
}

func (v *verifier) problem(table, key string, kind store.AuditProblemKind) {
	v.report(store.AuditProblem{Table: table, Key: key, Kind: kind})
}

// tree recomputes the hashes of the tree from the entries.
func (v *verifier) tree() error {
	tree := &memoryTree{}
	var seen, next int64
	sinceRoot, haveSince := tlog.Hash{}, v.since.Size == 0
	for {
		seals, err := list(v.tx, "verify", listSeals, scanSeal, next, 1)
		if err != nil {
			return err
		}
		if len(seals) == 0 {
			break
		}
		row := seals[0]
		name := strconv.FormatInt(row.first, 10)
		if row.first != tree.size {
			v.problem("audit_seal", strconv.FormatInt(tree.size, 10), store.AuditRemoved)
			tree.size = row.first // everything that follows is off, but each row can still be looked at
		}
		next = row.first + 1
		last := row.lastID()
		entries, err := list(v.tx, "verify", listEntries, scanEntry, seen, max(last, seen), int64(maxEntry))
		if err != nil {
			return err
		}
		byID := map[int64]entry{}
		for _, e := range entries {
			byID[e.id] = e
		}
		var hashes []byte
		renamed := false
		for i := range row.count() {
			id := row.entry(i)
			stored, ok := row.recordHash(i)
			e, found := byID[id]
			delete(byID, id)
			computed := tlog.RecordHash(e.leaf())
			switch {
			case !found && takeByHash(byID, stored):
				renamed = true // the entry is there, the row names another one
				computed = stored
			case !found:
				v.problem("audit_entry", strconv.FormatInt(id, 10), store.AuditRemoved)
				computed = stored
			case !ok || computed != stored:
				v.problem("audit_entry", strconv.FormatInt(id, 10), store.AuditChanged)
				computed = stored
			}
			added, err := tree.add(computed)
			if err != nil {
				return fmt.Errorf("store: verify: %w", err)
			}
			for _, h := range added {
				hashes = append(hashes, h[:]...)
			}
			if tree.size == v.since.Size {
				if sinceRoot, err = tlog.TreeHash(tree.size, tree); err != nil {
					return fmt.Errorf("store: verify: %w", err)
				}
				haveSince = true
			}
		}
		for id := range byID {
			v.problem("audit_entry", strconv.FormatInt(id, 10), store.AuditInserted)
		}
		root, err := tlog.TreeHash(tree.size, tree)
		if err != nil {
			return fmt.Errorf("store: verify: %w", err)
		}
		if renamed || !bytes.Equal(hashes, row.hashes) || !bytes.Equal(root[:], row.root) || len(row.entries)%8 != 0 {
			v.problem("audit_seal", name, store.AuditChanged)
		}
		seen = max(seen, last)
		v.head = store.AuditHead{Size: tree.size, Root: root}
	}
	if !haveSince || v.since.Size > 0 && sinceRoot != tlog.Hash(v.since.Root) {
		v.problem("audit_seal", fmt.Sprintf("checkpoint %d", v.since.Size), store.AuditInconsistent)
	}
	return nil
}

// takeByHash removes the entry with a record hash and reports whether there was one.
func takeByHash(entries map[int64]entry, hash tlog.Hash) bool {
	for id, e := range entries {
		if tlog.RecordHash(e.leaf()) == hash {
			delete(entries, id)
			return true
		}
	}
	return false
}

// recordHash returns the stored hash of an entry, the first of those it added.
func (s seal) recordHash(i int64) (h tlog.Hash, ok bool) {
	at := (tlog.StoredHashIndex(0, s.first+i) - tlog.StoredHashCount(s.first)) * tlog.HashSize
	if at < 0 || at+tlog.HashSize > int64(len(s.hashes)) {
		return h, false
	}
	copy(h[:], s.hashes[at:])
	return h, true
}

// memoryTree is a tree whose last hashes are in memory: for each level those that can still be needed.
type memoryTree struct {
	size   int64
	hashes map[int64]tlog.Hash // by stored index
}

// add adds an entry and returns the hashes it stores.
func (m *memoryTree) add(record tlog.Hash) ([]tlog.Hash, error) {
	hashes, err := tlog.StoredHashesForRecordHash(m.size, record, m)
	if err != nil {
		return nil, err
	}
	if m.hashes == nil {
		m.hashes = map[int64]tlog.Hash{}
	}
	for level, h := range hashes {
		n := m.size >> level
		m.hashes[tlog.StoredHashIndex(level, n)] = h
		if level > 0 { // the two below are not needed any more
			delete(m.hashes, tlog.StoredHashIndex(level-1, 2*n))
			delete(m.hashes, tlog.StoredHashIndex(level-1, 2*n+1))
		}
	}
	m.size++
	return hashes, nil
}

// ReadHashes implements tlog.HashReader.
func (m *memoryTree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = m.hashes[x] // a zero hash after a gap, which was reported
	}
	return out, nil
}

// rows compares the rows with the last change the log tells of each.
func (v *verifier) rows() error {
	if err := v.tx.scan("verify", countLines, func(rows Rows) error { return rows.Scan(&v.known) }); err != nil {
		return err
	}
	passes := uint64(v.known/maxVerifyRows) + 1 //nolint:gosec // a count
	seed := maphash.MakeSeed()
	for pass := range passes {
		mine := func(table, key string) bool {
			return passes == 1 || maphash.Comparable(seed, [2]string{table, key})%passes == pass
		}
		if err := v.compare(mine); err != nil {
			return err
		}
	}
	return nil
}

// compare does those rows that mine selects.
func (v *verifier) compare(mine func(table, key string) bool) error {
	state := map[string]map[string]string{} // by table and key, the hash
	for _, tb := range auditedTables() {
		state[tb.name] = map[string]string{}
	}
	apply := func(e entry) {
		e.lines(func(c rowChange) {
			if state[c.table] == nil || !mine(c.table, c.key) {
				return // not a line of ours; that the entry was changed has been reported
			}
			if c.verb == verbDelete {
				delete(state[c.table], c.key)
			} else {
				state[c.table][c.key] = c.hash
			}
		})
	}
	err := v.tx.scan("verify", allEntries, func(rows Rows) error {
		e, err := scanEntry(rows)
		if err == nil {
			apply(e)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, tb := range auditedTables() {
		want := state[tb.name]
		err := v.tx.scan("verify", tb.selectAll(), func(rows Rows) error {
			row, err := scanRow(rows)
			if err != nil {
				return err
			}
			key := tb.keyOf(row)
			if !mine(tb.name, key) {
				return nil
			}
			hash, known := want[key]
			delete(want, key)
			switch {
			case !known:
				v.problem(tb.name, key, store.AuditInserted)
			case hash != contentHash(row):
				v.problem(tb.name, key, store.AuditChanged)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for key := range want {
			v.problem(tb.name, key, store.AuditRemoved)
		}
	}
	return nil
}

const (
	allEntries = `SELECT id, recorded_at, actor, reason, changes FROM audit_entry ORDER BY id`
	// countLines bounds the number of rows the log tells of: a line has at least 20 bytes, mostly much more.
	countLines = `SELECT COALESCE(sum(length(changes)), 0) / 80 FROM audit_entry`
)

// scan runs a query and calls do for each row.
func (t *tx) scan(op, text string, do func(rows Rows) error) (err error) {
	return t.run(op, Statement{Text: text, Rows: func(rows Rows) error {
		for rows.Next() {
			if err := do(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	}})
}

// adopt makes an entry for the rows that a migration changed: all, if they are older than the audit log, else those of
// tables that have got other columns since.
func (s *Store) adopt(ctx context.Context) error {
	return s.transact(ctx, "adopt", false, func(t *tx) error {
		verb, reason := byte(verbUpdate), "columns added"
		if s.before < auditVersion {
			verb, reason = verbInsert, "rows of before the audit log"
		}
		t.SetActor("marktbote", reason)
		for _, tb := range auditedTables() {
			if verb == verbUpdate && tb.changedIn <= s.before {
				continue
			}
			err := t.scan("adopt", tb.selectAll(), func(rows Rows) error {
				row, err := scanRow(rows)
				if err == nil {
					t.record(verb, tb, row)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
