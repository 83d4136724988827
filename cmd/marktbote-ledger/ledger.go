package main

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/marktbote/marktbote/cmd/marktbote-ledger/book"
)

// NOTE: The position in a feed and the documents that were read up to it are written in one transaction. After a crash at any
// time the feed is asked again from the position that is written, and what comes twice changes nothing (book.Merge). So
// every event counts exactly once although the feed promises at least once.

// schemaVersion is that of the tables below. Another one is not opened: a book is read again from the feed.
const schemaVersion = 1

const schema = `
-- document: what an event says
CREATE TABLE IF NOT EXISTS document (
	source TEXT NOT NULL, -- with id the identity of the event
	id     TEXT NOT NULL,
	own    TEXT NOT NULL, -- MP-ID of the mandator
	point  TEXT NOT NULL, -- Marktlokation or Tranche; may be empty
	object TEXT NOT NULL, -- Meldepunkt of values; may be empty
	about  TEXT NOT NULL, -- number of the Vorgang that is answered or cancelled, if neither point nor object is named
	data   TEXT NOT NULL, -- book.Document as JSON
	PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS document_by_about ON document (own, about) WHERE about <> '';
CREATE INDEX IF NOT EXISTS document_by_point ON document (own, point);
CREATE INDEX IF NOT EXISTS document_by_object ON document (own, object);
-- position: how far a feed was read
CREATE TABLE IF NOT EXISTS position (
	feed  TEXT    NOT NULL PRIMARY KEY,
	after INTEGER NOT NULL -- sequence number of the last event
) STRICT, WITHOUT ROWID;
`

// ledger is the book on disk. One process at a time writes it.
type ledger struct{ db *sql.DB }

// openLedger opens a file and creates it if there is none.
func openLedger(ctx context.Context, path string) (*ledger, error) {
	query := url.Values{"_pragma": {"journal_mode(wal)", "synchronous(full)", "busy_timeout(10000)"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	l := &ledger{db}
	var version int
	if err = db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err == nil && version != 0 && version != schemaVersion {
		err = fmt.Errorf("it has tables of version %d, not %d: remove it and read the feed again", version, schemaVersion)
	}
	if err == nil && version == 0 {
		_, err = db.ExecContext(ctx, schema+fmt.Sprintf("PRAGMA user_version = %d;", schemaVersion))
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return l, nil
}

func (l *ledger) close() error { return l.db.Close() }

// add puts documents into the book, and the position of the feed they came from with them; feed may be empty. It returns how
// many changed the book.
func (l *ledger) add(ctx context.Context, feed string, after int64, documents []*book.Document) (changed int, err error) {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	for _, d := range documents {
		var text string
		switch err := tx.QueryRowContext(ctx, `SELECT data FROM document WHERE source = ? AND id = ?`, d.Source, d.ID).Scan(&text); {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return 0, err
		default:
			old := new(book.Document)
			if err := json.Unmarshal([]byte(text), old); err != nil {
				return 0, err
			}
			merged, differs := book.Merge(old, d)
			if !differs {
				continue
			}
			d = merged
		}
		data, err := json.Marshal(d)
		if err != nil {
			return 0, err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO document (source, id, own, point, object, about, data) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (source, id) DO UPDATE SET own = excluded.own, point = excluded.point, object = excluded.object,
				about = excluded.about, data = excluded.data`,
			d.Source, d.ID, d.Own, d.Point, d.Object, about(d), string(data)); err != nil {
			return 0, err
		}
		changed++
	}
	if feed != "" {
		if _, err := tx.ExecContext(ctx, `INSERT INTO position (feed, after) VALUES (?, ?)
			ON CONFLICT (feed) DO UPDATE SET after = max(after, excluded.after)`, feed, after); err != nil {
			return 0, err
		}
	}
	return changed, tx.Commit()
}

// about returns the number that a contract document without point names another by.
func about(d *book.Document) string {
	if d.Point != "" || d.Object != "" {
		return ""
	}
	return cmp.Or(d.Request, d.Cancels)
}

// position returns how far a feed was read; 0: not at all.
func (l *ledger) position(ctx context.Context, feed string) (after int64, err error) {
	err = l.db.QueryRowContext(ctx, `SELECT after FROM position WHERE feed = ?`, feed).Scan(&after)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return after, err
}

// point is a Marktlokation or Tranche of a mandator.
type point struct{ own, id string }

// points lists the points in the book; empty arguments do not restrict.
func (l *ledger) points(ctx context.Context, own, id string) ([]point, error) {
	rows, err := l.db.QueryContext(ctx, `SELECT DISTINCT own, point FROM document
		WHERE point <> '' AND (?1 = '' OR own = ?1) AND (?2 = '' OR point = ?2) ORDER BY own, point`, own, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []point
	for rows.Next() {
		var p point
		if err := rows.Scan(&p.own, &p.id); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// load returns the part of the book that matters for one point: what names it, the values of its Messlokationen, and what
// answers or cancels its transactions by number, and theirs.
func (l *ledger) load(ctx context.Context, p point) (*book.Book, error) {
	b := book.New()
	meters, numbers := map[string]bool{}, map[string]bool{}
	add := func(query, key string) error {
		rows, err := l.db.QueryContext(ctx, query, p.own, key)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var text string
			d := new(book.Document)
			if err := rows.Scan(&text); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(text), d); err != nil {
				return err
			}
			if !b.Add(d) {
				continue
			}
			for _, m := range d.MeLos {
				meters[m] = true
			}
			for _, n := range []string{d.Transaction, d.Request} {
				if n != "" && !numbers[n] {
					numbers[n] = false // still to be asked for
				}
			}
		}
		return rows.Err()
	}
	if err := add(`SELECT data FROM document WHERE own = ? AND point = ?`, p.id); err != nil {
		return nil, err
	}
	for _, m := range slices.Sorted(maps.Keys(meters)) {
		if err := add(`SELECT data FROM document WHERE own = ? AND object = ?`, m); err != nil {
			return nil, err
		}
	}
	for more := true; more; {
		more = false
		for _, n := range slices.Sorted(maps.Keys(numbers)) {
			if numbers[n] {
				continue
			}
			numbers[n], more = true, true
			if err := add(`SELECT data FROM document WHERE own = ? AND about = ?`, n); err != nil {
				return nil, err
			}
		}
	}
	return b, nil
}
