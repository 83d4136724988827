package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/marktbote/marktbote/store"
)

func auditTests() []test {
	return []test{
		{"audit/everything is known to the log", func(t *testing.T, st store.Store) {
			fillEverything(t, st)
			head := verify(t, st, store.AuditHead{})
			if head.Size == 0 {
				t.Error("the log is empty")
			}
			equal(t, "sealed again", head, sealed(t, st))
		}},
		{"audit/an empty log", func(t *testing.T, st store.Store) {
			head := verify(t, st, store.AuditHead{})
			equal(t, "entries", int64(0), head.Size)
		}},
		{"audit/what is rolled back is not in the log", func(t *testing.T, st store.Store) {
			own := errors.New("own")
			err := st.Update(t.Context(), func(tx store.Tx) error {
				err := tx.AddWork(store.Work{})
				return errors.Join(err, own)
			})
			wantError(t, "Update", err, own)
			equal(t, "entries", int64(0), verify(t, st, store.AuditHead{}).Size)
		}},
		{"audit/every tree continues the one before", testAuditGrows},
		{"audit/many writers, two sealers", testAuditConcurrent},
	}
}

func auditor(t *testing.T, st store.Store) store.Auditor {
	t.Helper()
	a, ok := st.(store.Auditor)
	if !ok {
		t.Fatalf("%T has no audit log", st)
	}
	return a
}

func sealed(t *testing.T, st store.Store) store.AuditHead {
	t.Helper()
	head, err := auditor(t, st).Seal(t.Context())
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	return head
}

// problems returns what Verify reports, sorted.
func problems(t *testing.T, st store.Store, since store.AuditHead) (found []string, head store.AuditHead) {
	t.Helper()
	head, err := auditor(t, st).Verify(t.Context(), since, func(p store.AuditProblem) { found = append(found, p.String()) })
	if err != nil {
		t.Fatalf("Verify: %v", err)
	}
	slices.Sort(found)
	return found, head
}

// verify fails the test if Verify reports anything.
func verify(t *testing.T, st store.Store, since store.AuditHead) store.AuditHead {
	t.Helper()
	found, head := problems(t, st, since)
	if len(found) > 0 {
		t.Errorf("Verify: %s", strings.Join(found, "\n"))
	}
	return head
}

// fillEverything leaves at least one row in every table and runs every kind of change.
func fillEverything(t *testing.T, st store.Store) {
	t.Helper()
	putBytes(t, st, 1, 2*mib+5)
	x := fullInterchange(t, st)
	update(t, st, func(tx store.Tx) (err error) {
		tx.SetActor("Jördis \"J\"\nA", "Test")
		if x.ID, err = tx.InsertInterchange(x); err != nil {
			return err
		}
		x.State, x.Verdict = store.StateChecked, "rejected"
		errs := []error{
			tx.UpdateInterchange(x),
			tx.SetState(x.ID, store.StatePublished),
			tx.InsertMessage(store.Message{InterchangeID: x.ID, Index: 1, Type: "UTILMD"}),
			tx.InsertTransaction(store.Transaction{InterchangeID: x.ID, MessageIndex: 1, Index: 1, Number: "V1"}),
			tx.InsertFinding(store.Finding{InterchangeID: x.ID, Index: 1, Code: "E1", Data: []byte("{}")}),
			tx.ReplaceMessages(x.ID),
			tx.InsertMessage(store.Message{InterchangeID: x.ID, Index: 1, Type: "UTILMD", Reference: "ä\x00\xff"}),
			tx.InsertTransaction(store.Transaction{InterchangeID: x.ID, MessageIndex: 1, Index: 1, Number: "V1"}),
			tx.InsertFinding(store.Finding{InterchangeID: x.ID, Index: 1, Code: "E1", Data: []byte("{}")}),
			tx.InsertFinding(store.Finding{InterchangeID: x.ID, Index: 2}),
			tx.InsertProcessKey(store.ProcessKey{InterchangeID: x.ID, MessageIndex: 1, TransactionIndex: 1, Level: "reply", Value: "RE1"}),
			tx.InsertLedger(store.LedgerEntry{InterchangeID: x.ID, Kind: store.LedgerContrl, State: store.LedgerOpen, DueAt: at(1)}),
			tx.UpdateLedger(store.LedgerEntry{InterchangeID: x.ID, Kind: store.LedgerContrl, State: store.LedgerOpen, AnsweredBy: x.ID}),
			tx.SettleLedger(x.ID, x.ID, at(2)),
			tx.SetAssignment(store.Assignment{MPID: "1", Object: "malo/ä", Partner: "2", From: at(1), Rolle: "LF", Source: "import"}),
			tx.SetAssignment(store.Assignment{MPID: "1", Object: "malo/ä", Partner: "2", From: at(1), Until: at(2), Rolle: "LF"}),
			tx.SetAssignment(store.Assignment{MPID: "1", Object: "malo/b", Partner: "2"}),
			tx.DeleteAssignment(store.Assignment{MPID: "1", Object: "malo/b", Partner: "2"}),
			tx.SetCompleteness(store.Completeness{MPID: "1", Kind: "malo", From: at(1), TrustedUntil: at(2)}),
			tx.SetCertificate(store.Certificate{Fingerprint: "f", DER: []byte{1}}),
			tx.SetCertificate(store.Certificate{Fingerprint: "f", DER: []byte{1}, Usage: store.UsageTLS, Own: true}),
			tx.InsertPrivateKey(store.PrivateKey{Fingerprint: "f", PKCS8: []byte{1}, Usage: store.UsageTLS}),
			tx.SetCRL(store.CRL{Issuer: "i", DER: []byte{1}}),
			tx.SetCRL(store.CRL{Issuer: "i", DER: []byte{1}, FetchedAt: at(1)}),
			tx.SetPartner(store.Partner{MPID: "1"}),
			tx.SetPartner(store.Partner{MPID: "1", Data: []byte("{}")}),
			tx.SetPartnerValue(store.PartnerValue{MPID: "1", Name: "ein Name/ä", Value: []byte("1")}),
			tx.SetPartnerValue(store.PartnerValue{MPID: "1", Name: "ein Name/ä", Value: []byte("2")}),
			tx.SetPartnerValue(store.PartnerValue{MPID: "1", Name: "weg"}),
			tx.DeletePartnerValue("1", "weg"),
		}
		sent := store.Transmission{Direction: store.In, Key: "k", InterchangeID: x.ID, BodyDigest: x.PayloadDigest, State: store.TransmissionPending}
		sent.ID, err = tx.InsertTransmission(sent)
		sent.State = store.TransmissionDelivered
		errs = append(errs, err, tx.UpdateTransmission(sent))
		_, err = tx.InsertHold(store.LegalHold{MPID: "1", SetAt: at(1), Actor: "a", Reason: "r"})
		errs = append(errs, err)
		for range 2 {
			_, err := tx.NextControlRefs("9900000000001", 1)
			errs = append(errs, err)
		}
		err = addEvent(tx, store.Event{ID: "e", InterchangeID: x.ID, Data: []byte("{}")})
		return errors.Join(append(errs, err)...)
	})
	fillFeed(t, st)
	ids := addWork(t, st, store.Work{Kind: "a", Lane: "bulk"}, store.Work{Kind: "b", Lane: "bulk"}, store.Work{Kind: "c", Lane: "bulk"}, store.Work{Kind: "d"})
	items := claim(t, st, "bulk", at(1), time.Minute, 3)
	update(t, st, func(tx store.Tx) error {
		return errors.Join(tx.CompleteWork(items[0]), tx.RetryWork(items[1], at(9), "later"), tx.ParkWork(items[2], "why"))
	})
	update(t, st, func(tx store.Tx) error {
		return errors.Join(tx.RequeueWork(ids[2], at(1), "w", "r"), tx.HoldWork(ids[1], "w", "r"), tx.SolveWork(ids[1], "w", "r"))
	})
}

func testAuditGrows(t *testing.T, st store.Store) {
	heads := []store.AuditHead{sealed(t, st)}
	for i := range 5 {
		for range 1 + i*i {
			addWork(t, st, store.Work{})
		}
		heads = append(heads, sealed(t, st))
	}
	for i := 1; i < len(heads); i++ {
		equal(t, "entries", heads[i-1].Size+int64(1+(i-1)*(i-1)), heads[i].Size)
		if heads[i-1].Size == 0 {
			continue
		}
		proof, err := auditor(t, st).AuditProof(t.Context(), heads[i-1].Size, heads[i].Size)
		if err != nil {
			t.Fatal(err)
		}
		var p tlog.TreeProof
		for _, h := range proof {
			p = append(p, h)
		}
		if err := tlog.CheckTree(p, heads[i].Size, heads[i].Root, heads[i-1].Size, heads[i-1].Root); err != nil {
			t.Errorf("from %d to %d: %v", heads[i-1].Size, heads[i].Size, err)
		}
		verify(t, st, heads[i])
	}
	forged := heads[3]
	forged.Root[5]++
	future := heads[5]
	future.Size++
	for name, head := range map[string]store.AuditHead{"another log": forged, "a longer log": future} {
		if found, _ := problems(t, st, head); len(found) != 1 || !strings.HasSuffix(found[0], string(store.AuditInconsistent)) {
			t.Errorf("%s: %v", name, found)
		}
	}
}

func testAuditConcurrent(t *testing.T, st store.Store) {
	var writers, sealers sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for range 2 {
		sealers.Go(func() {
			for ctx.Err() == nil {
				if _, err := auditor(t, st).Seal(ctx); err != nil && ctx.Err() == nil {
					t.Errorf("Seal: %v", err)
				}
			}
		})
	}
	const each = 40
	for range 6 {
		writers.Go(func() {
			for range each {
				if err := st.Update(t.Context(), func(tx store.Tx) error { return tx.AddWork(store.Work{}) }); err != nil {
					t.Errorf("Update: %v", err)
				}
			}
		})
	}
	writers.Wait()
	stop()
	sealers.Wait()
	equal(t, "entries", int64(6*each), verify(t, st, store.AuditHead{}).Size)
}

// auditedKeys are the audited tables with their keys.
var auditedKeys = map[string][]string{
	"payload": {"digest"}, "payload_upload": {"id"}, "payload_chunk": {"upload_id", "n"}, "interchange": {"id"},
	"message": {"interchange_id", "message_index"}, "message_transaction": {"interchange_id", "message_index", "transaction_index"},
	"finding": {"interchange_id", "finding_index"}, "event": {"seq"}, "work": {"id"},
	"ledger": {"interchange_id", "message_index", "transaction_index", "kind"}, "control_ref": {"mp_id"}, "process_key": {"level", "value", "interchange_id", "message_index", "transaction_index"},
	"object_assignment": {"mp_id", "object", "partner", "valid_from"}, "object_complete": {"mp_id", "kind"},
	"decision": {"id"}, "data_key": {"id"}, "legal_hold": {"id"}, "transmission": {"id"},
	"certificate": {"fingerprint"}, "own_key": {"fingerprint"}, "crl": {"issuer"}, "partner": {"mp_id"}, "partner_data": {"mp_id", "name"},
	"subscription": {"name"}, "held_delivery": {"subscription", "seq"}, "audit_entry": {"id"}, "audit_seal": {"first_index"},
}

// unaudited are the columns that every claim changes.
var unaudited = []string{"work.attempt", "work.lease", "work.leased_until", "subscription.lease", "subscription.leased_until"}

// testTampering changes every column of every table with a database client, removes and inserts rows, and cuts the
// log; Verify must name each.
func testTampering(t *testing.T, in Inside) {
	fillEverything(t, in.Store)
	head := verify(t, in.Store, store.AuditHead{})
	db := in.DB
	for table, key := range auditedKeys {
		rows, columns := firstRows(t, db, table)
		for _, row := range rows {
			testChanged(t, in, table, key, columns, row)
		}
		if table != "audit_seal" { // the last row of it is made again, the same: testTruncated
			testRemoved(t, in, table, columns, rows[0])
		}
		if found, _ := problems(t, in.Store, head); len(found) > 0 {
			t.Fatalf("after everything in %s was mended: %v", table, found)
		}
	}
	testTruncated(t, in, head)
}

// testChanged changes each column of a row but those of its key: with another key it is another row.
func testChanged(t *testing.T, in Inside, table string, key, columns []string, row []any) {
	t.Helper()
	name, where, whereArgs := rowKey(key, columns, row)
	for i, column := range columns {
		if slices.Contains(unaudited, table+"."+column) || slices.Contains(key, column) {
			continue
		}
		set := fmt.Sprintf("UPDATE %s SET %s = $1 WHERE %s", table, column, where)
		if !forge(in.DB, set, row[i], whereArgs) {
			if row[i] != nil {
				t.Errorf("%s.%s could not be changed", table, column)
			}
			continue // a column that must be NULL in this row
		}
		found, _ := problems(t, in.Store, store.AuditHead{})
		if want := fmt.Sprintf("%s %s: changed", table, name); !slices.Contains(found, want) {
			t.Errorf("%s.%s: %v, want %s", table, column, found, want)
		}
		rawExec(t, in.DB, set, append([]any{row[i]}, whereArgs...)...)
	}
}

// testRemoved removes a row, puts it back, and adds one under another key.
func testRemoved(t *testing.T, in Inside, table string, columns []string, row []any) {
	t.Helper()
	name, where, whereArgs := rowKey(auditedKeys[table], columns, row)
	rawExec(t, in.DB, fmt.Sprintf("DELETE FROM %s WHERE %s", table, shift(where)), whereArgs...)
	found, _ := problems(t, in.Store, store.AuditHead{})
	if want := fmt.Sprintf("%s %s: removed", table, name); !slices.Contains(found, want) {
		t.Errorf("delete from %s: %v, want %s", table, found, want)
	}
	places := make([]string, len(columns))
	for i := range places {
		places[i] = fmt.Sprintf("$%d", i+1)
	}
	insert := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(columns, ", "), strings.Join(places, ", "))
	rawExec(t, in.DB, insert, row...)
	if strings.HasPrefix(table, "audit_") {
		return
	}
	// A row more, under a key nobody has.
	more := slices.Clone(row)
	for i, column := range columns {
		if n, ok := more[i].(int64); ok && (slices.Contains(auditedKeys[table], column) || column == "id") {
			more[i] = n + 1000
		}
		if s, ok := more[i].(string); ok && (column == "digest" || column == "mp_id" || column == "id" || column == "received_id" || column == "period" ||
			column == "message_key" || column == "name" || column == "fingerprint" || column == "issuer") {
			more[i] = s + "0"
		}
		if column == "upload_id" && table == "payload" && more[i] != nil {
			more[i] = more[i].(int64) + 1000
		}
	}
	rawExec(t, in.DB, insert, more...)
	other, otherWhere, otherArgs := rowKey(auditedKeys[table], columns, more)
	found, _ = problems(t, in.Store, store.AuditHead{})
	if want := fmt.Sprintf("%s %s: inserted", table, other); !slices.Contains(found, want) {
		t.Errorf("insert into %s: %v, want %s", table, found, want)
	}
	rawExec(t, in.DB, fmt.Sprintf("DELETE FROM %s WHERE %s", table, shift(otherWhere)), otherArgs...)
}

// testTruncated cuts the end of the log, with the rows it tells of and without.
func testTruncated(t *testing.T, in Inside, head store.AuditHead) {
	t.Helper()
	id := addWork(t, in.Store, store.Work{Kind: "late"})[0]
	later := verify(t, in.Store, head)
	rawExec(t, in.DB, "DELETE FROM audit_seal WHERE first_index >= $1", head.Size)
	rawExec(t, in.DB, "DELETE FROM audit_entry WHERE id = (SELECT max(id) FROM audit_entry)")
	found, _ := problems(t, in.Store, store.AuditHead{})
	if want := fmt.Sprintf("work %d: inserted", id); !slices.Contains(found, want) {
		t.Errorf("without the end of the log: %v, want %s", found, want)
	}
	rawExec(t, in.DB, "DELETE FROM work WHERE id = $1", id)
	found, _ = problems(t, in.Store, later)
	if len(found) != 1 || !strings.HasSuffix(found[0], string(store.AuditInconsistent)) {
		t.Errorf("end of the log gone together with its row: %v", found)
	}
	verify(t, in.Store, head)
}

// firstRows returns two rows of a table, or the only one.
func firstRows(t *testing.T, db *sql.DB, table string) (out [][]any, columns []string) {
	t.Helper()
	rows, err := db.Query("SELECT * FROM " + table + " LIMIT 2")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	if columns, err = rows.Columns(); err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		row, pointers := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			pointers[i] = &row[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			t.Fatal(err)
		}
		for i := range row {
			if b, ok := row[i].([]byte); ok && b == nil {
				row[i] = []byte{} // not NULL
			}
		}
		out = append(out, row)
	}
	if len(out) == 0 {
		t.Fatalf("table %s is empty: %v", table, rows.Err())
	}
	return out, columns
}

// rowKey returns the name of a row in reports and how to select it; its parameters begin with $2.
func rowKey(key, columns []string, row []any) (name, where string, args []any) {
	var names, wheres []string
	for _, column := range key {
		value := row[slices.Index(columns, column)]
		args = append(args, value)
		names = append(names, fmt.Sprint(value))
		wheres = append(wheres, fmt.Sprintf("%s = $%d", column, len(args)+1))
	}
	name = strings.Join(names, "/")
	if strings.ContainsAny(name, " ä") {
		name = fmt.Sprintf("%q", name)
	}
	return name, strings.Join(wheres, " AND "), args
}

// shift makes the parameters of where begin with $1.
func shift(where string) string {
	for i := 1; i < 6; i++ {
		where = strings.ReplaceAll(where, fmt.Sprintf("$%d", i+1), fmt.Sprintf("$%d", i))
	}
	return where
}

// forge changes a value a little, in a way that the engine accepts.
func forge(db *sql.DB, set string, value any, whereArgs []any) bool {
	var tries []any
	switch v := value.(type) {
	case int64:
		tries = []any{v ^ 1, v + 1}
	case string:
		flipped := []byte(v)
		if len(flipped) > 0 {
			flipped[len(flipped)/2] ^= 1
		}
		tries = []any{string(flipped), "x", "out", "aperak", "late", "refused", "paused", "dead", "waiting"}
		if v == "" {
			tries = tries[1:]
		}
	case []byte:
		flipped := append([]byte(nil), v...)
		if len(flipped) == 0 {
			flipped = []byte{0}
		}
		flipped[len(flipped)/2] ^= 1
		tries = []any{flipped}
	case nil:
		tries = []any{int64(1), []byte("x"), "x"}
	}
	for _, try := range tries {
		if text, ok := try.(string); ok && value == any(text) {
			continue // no change
		}
		if _, err := db.Exec(set, append([]any{try}, whereArgs...)...); err == nil {
			return true
		}
	}
	return false
}

func rawExec(t *testing.T, db *sql.DB, text string, args ...any) {
	t.Helper()
	if _, err := db.Exec(text, args...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}
