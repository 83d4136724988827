package sqlstore

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
)

// table is a table whose rows the audit log knows.
type table struct {
	name      string
	key       int // the first columns that make the key
	columns   []string
	types     []byte // of the columns: 'i' whole number, 't' text, 'b' bytes
	generated int    // column whose value the engine makes up, -1 if there is none
	unique    int    // column of a unique text, -1 if there is none
	// changedIn is the version of the tables in which its columns changed last, and with them the hashes of its rows.
	changedIn int64
}

// newTable reads the columns: # marks whole numbers, * bytes, = the number the engine makes up, and ! a unique text.
func newTable(name string, key int, columns string) *table {
	tb := &table{name: name, key: key, generated: -1, unique: -1}
	for i, column := range strings.Fields(columns) {
		kind := byte('t')
		switch column[len(column)-1] {
		case '#':
			kind = 'i'
		case '*':
			kind = 'b'
		case '=':
			kind = 'i'
			tb.generated = i
		case '!':
			tb.unique = i
		}
		tb.columns, tb.types = append(tb.columns, strings.TrimRight(column, "#*=!")), append(tb.types, kind)
	}
	return tb
}

// in names the version in which the columns changed last.
func (tb *table) in(version int64) *table {
	tb.changedIn = version
	return tb
}

// withNumber is the table as it is to who makes up the number himself.
func (tb *table) withNumber() *table {
	as := *tb
	as.generated = -1
	return &as
}

// given lists the columns that an insert has values for.
func (tb *table) given() []string {
	if tb.generated < 0 {
		return tb.columns
	}
	return slices.Delete(slices.Clone(tb.columns), tb.generated, tb.generated+1)
}

// uniqueArg is the place of the unique column among those given.
func (tb *table) uniqueArg() int {
	if tb.generated >= 0 && tb.generated < tb.unique {
		return tb.unique - 1
	}
	return tb.unique
}

// row completes the values of an insert with the number that the engine made up.
func (tb *table) row(args []any, id int64) []any {
	if tb.generated < 0 {
		return args
	}
	return slices.Insert(slices.Clone(args), tb.generated, any(id))
}

// returning ends a statement so that change can see the rows.
func (tb *table) returning() string { return " RETURNING " + strings.Join(tb.columns, ", ") }

// returningKey ends a statement that removes rows.
func (tb *table) returningKey() string {
	return " RETURNING " + strings.Join(tb.columns[:tb.key], ", ")
}

// returningGenerated ends an insert whose number is not known otherwise.
func (tb *table) returningGenerated() string { return " RETURNING " + tb.columns[tb.generated] }

func (tb *table) selectAll() string {
	return "SELECT " + strings.Join(tb.columns, ", ") + " FROM " + tb.name
}

// The audited tables with all their columns, those of the key first.
var (
	tablePayload     = newTable("payload", 1, "digest! id= size# chunks# stored_at# upload_id# data* key_id#").in(4)
	tableUpload      = newTable("payload_upload", 1, "id= started_at# key_id#").in(4)
	tableChunk       = newTable("payload_chunk", 2, "upload_id# n# data*")
	tableInterchange = newTable("interchange", 1, `id= direction channel received_id payload_digest payload_size# received_at# state
		verdict format_version sparte sender recipient control_ref application_ref message_type
		test# message_count# finding_count# checked_at#`)
	// tableInterchangeAs is the same table for inserts that bring their number.
	tableInterchangeAs = tableInterchange.withNumber()
	tableMessage       = newTable("message", 2, "interchange_id# message_index# reference type version document_code document_no verdict")
	tableTransaction   = newTable("message_transaction", 3, `interchange_id# message_index# transaction_index# number pruefidentifikator subject
		verdict`)
	tableFinding = newTable("finding", 2, `interchange_id# finding_index# message_index# transaction_index# code severity data*
		key_id#`).in(4)
	tableEvent = newTable("event", 1, "seq= id! type subject partition_key interchange_id# recorded_at# data* key_id#").in(4)
	// What every claim changes is left out: it says nothing about what happened.
	tableWork         = newTable("work", 1, "id= kind lane interchange_id# due_at# parked# reason target").in(5)
	tableLedger       = newTable("ledger", 4, "interchange_id# message_index# transaction_index# kind state due_at# done_at# answered_by# look_at# step").in(5)
	tableProcessKey   = newTable("process_key", 5, "level value interchange_id# message_index# transaction_index#")
	tableAssignment   = newTable("object_assignment", 4, "mp_id object partner valid_from# valid_until# rolle source")
	tableComplete     = newTable("object_complete", 2, "mp_id kind valid_from# trusted_until#")
	tableControlRef   = newTable("control_ref", 1, "mp_id last#")
	tableDecision     = newTable("decision", 1, "id= decided_at# actor action subject reason interchange_id#")
	tablePartner      = newTable("partner_data", 2, "mp_id name value* changed_at#")
	tableTransmission = newTable("transmission", 1, `id= direction message_key message_id interchange_id# service action sender recipient content_type
		body_digest refs* receipt* receipt_type receipt_at# evidence* fault state created_at# updated_at# key_id#`)
	tableCertificate  = newTable("certificate", 1, "fingerprint mp_id usage own# der* not_before# not_after# source added_at# retired_at#")
	tableOwnKey       = newTable("own_key", 1, "fingerprint mp_id usage sealed* request* created_at#")
	tableCRL          = newTable("crl", 1, "issuer der* this_update# next_update# fetched_at# source error tried_at#")
	tableMarktpartner = newTable("partner", 1, "mp_id data* updated_at#")
)

// auditedTables lists them, what others refer to first.
func auditedTables() []*table {
	return []*table{
		tableUpload, tableChunk, tablePayload, tableInterchange, tableMessage, tableTransaction, tableFinding, tableEvent,
		tableWork, tableLedger, tableProcessKey, tableControlRef, tableDecision, tablePartner, tableAssignment, tableComplete,
		tableTransmission, tableCertificate, tableOwnKey, tableCRL, tableMarktpartner, tableSubscription, tableHeld, tableDataKey, tableHold,
	}
}

// appendKey appends how a row is named in the log.
func (tb *table) appendKey(b []byte, row []any) []byte {
	start := len(b)
	for i, value := range row[:tb.key] {
		if i > 0 {
			b = append(b, '/')
		}
		switch v := normal(value).(type) {
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case string:
			b = append(b, v...)
		default:
			b = fmt.Append(b, v)
		}
	}
	if key := b[start:]; slices.ContainsFunc(key, func(c byte) bool { return c <= ' ' || c > '~' || c == '"' }) {
		b = strconv.AppendQuote(b[:start:start], string(key))
	}
	return b
}

// tableRanks are the places of the tables in auditedTables.
var tableRanks = func() map[*table]int {
	ranks := map[*table]int{}
	for i, tb := range auditedTables() {
		ranks[tb] = i
	}
	ranks[tableInterchangeAs] = ranks[tableInterchange]
	return ranks
}()

// keyOf is how a row is named in the log.
func (tb *table) keyOf(row []any) string { return string(tb.appendKey(nil, row)) }

// longValue is the length from which on a value is hashed where it is instead of being copied.
const longValue = 4 << 10

// contentSum is the SHA-256 of all columns of a row: for each its kind and, behind its length, its bytes. NULL and no
// bytes are the same. It works in scratch, which it returns for the next row.
func contentSum(scratch []byte, row []any) (sum [sha256.Size]byte, _ []byte) {
	b := scratch[:0]
	var h hash.Hash // if there is a long value
	for _, value := range row {
		switch v := normal(value).(type) {
		case nil:
			b = append(b, 'n')
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v)) //nolint:gosec // the bits
		case string:
			b = append(binary.BigEndian.AppendUint64(append(b, 't'), uint64(len(v))), v...)
		case []byte:
			b = binary.BigEndian.AppendUint64(append(b, 'b'), uint64(len(v)))
			if len(v) < longValue {
				b = append(b, v...)
				continue
			}
			if h == nil {
				h = sha256.New()
			}
			h.Write(b)
			h.Write(v)
			b = b[:0]
		}
	}
	if h == nil {
		return sha256.Sum256(b), b
	}
	h.Write(b)
	h.Sum(sum[:0])
	return sum, b
}

// contentHash is contentSum as it is written.
func contentHash(row []any) string {
	sum, _ := contentSum(nil, row)
	return hex.EncodeToString(sum[:])
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
