package sqlstore

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// table is a table whose rows the audit log knows.
type table struct {
	name    string
	key     int // the first columns that make the key
	columns []string
	// changedIn is the version of the tables in which its columns changed last, and with them the hashes of its rows.
	changedIn int64
}

func newTable(name string, key int, columns string) *table {
	return &table{name: name, key: key, columns: strings.Fields(columns)}
}

// in names the version in which the columns changed last.
func (tb *table) in(version int64) *table {
	tb.changedIn = version
	return tb
}

// returning ends a statement so that change can see the rows.
func (tb *table) returning() string { return " RETURNING " + strings.Join(tb.columns, ", ") }

// returningKey ends a statement that removes rows.
func (tb *table) returningKey() string {
	return " RETURNING " + strings.Join(tb.columns[:tb.key], ", ")
}

func (tb *table) selectAll() string {
	return "SELECT " + strings.Join(tb.columns, ", ") + " FROM " + tb.name
}

// The audited tables with all their columns, those of the key first.
var (
	tablePayload     = newTable("payload", 1, "digest id size chunks stored_at upload_id data key_id").in(4)
	tableUpload      = newTable("payload_upload", 1, "id started_at key_id").in(4)
	tableChunk       = newTable("payload_chunk", 2, "upload_id n data")
	tableInterchange = newTable("interchange", 1, `id direction channel received_id payload_digest payload_size received_at
		state verdict format_version sparte sender recipient control_ref application_ref message_type test message_count
		finding_count checked_at`)
	tableMessage     = newTable("message", 2, "interchange_id message_index reference type version document_code document_no verdict")
	tableTransaction = newTable("message_transaction", 3, `interchange_id message_index transaction_index number
		pruefidentifikator subject verdict`)
	tableFinding = newTable("finding", 2, "interchange_id finding_index message_index transaction_index code severity data key_id").in(4)
	tableEvent   = newTable("event", 1, "seq id type subject partition_key interchange_id recorded_at data key_id").in(4)
	// What every claim changes is left out: it says nothing about what happened.
	tableWork       = newTable("work", 1, "id kind lane interchange_id due_at parked reason target").in(5)
	tableLedger     = newTable("ledger", 4, "interchange_id message_index transaction_index kind state due_at done_at answered_by look_at step").in(5)
	tableProcessKey = newTable("process_key", 5, "level value interchange_id message_index transaction_index")
	tableAssignment = newTable("object_assignment", 4, "mp_id object partner valid_from valid_until rolle source")
	tableComplete   = newTable("object_complete", 2, "mp_id kind valid_from trusted_until")
	tableControlRef = newTable("control_ref", 1, "mp_id last")
	tableDecision   = newTable("decision", 1, "id decided_at actor action subject reason interchange_id")
	tablePartner    = newTable("partner_data", 2, "mp_id name value changed_at")
)

// auditedTables lists them, what others refer to first.
func auditedTables() []*table {
	return []*table{
		tableUpload, tableChunk, tablePayload, tableInterchange, tableMessage, tableTransaction, tableFinding, tableEvent,
		tableWork, tableLedger, tableProcessKey, tableControlRef, tableDecision, tablePartner, tableAssignment, tableComplete, tableDataKey, tableHold,
	}
}

// keyOf is how a row is named in the log.
func (tb *table) keyOf(row []any) string {
	parts := make([]string, tb.key)
	for i := range parts {
		parts[i] = fmt.Sprint(normal(row[i]))
	}
	key := strings.Join(parts, "/")
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }) {
		key = strconv.Quote(key)
	}
	return key
}

// contentHash is the SHA-256 of all columns of a row: for each its kind and, behind its length, its bytes.
// NULL and no bytes are the same.
func contentHash(row []any) string {
	h := sha256.New()
	var head [9]byte
	for _, value := range row {
		switch v := normal(value).(type) {
		case nil:
			head[0] = 'n'
			h.Write(head[:1])
		case int64:
			head[0] = 'i'
			binary.BigEndian.PutUint64(head[1:], uint64(v))
			h.Write(head[:])
		case string:
			head[0] = 't'
			binary.BigEndian.PutUint64(head[1:], uint64(len(v)))
			h.Write(head[:])
			h.Write([]byte(v))
		case []byte:
			head[0] = 'b'
			binary.BigEndian.PutUint64(head[1:], uint64(len(v)))
			h.Write(head[:])
			h.Write(v)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// normal brings what is written and what is read back to the same few types.
func normal(value any) any {
	switch v := value.(type) {
	case int:
		return int64(v)
	case int64, string, nil:
		return v
	case []byte:
		if len(v) == 0 {
			return nil
		}
		return v
	default:
		panic(fmt.Sprintf("sqlstore: column of type %T", value))
	}
}
