-- +goose Up

-- ledger: what is owed for an interchange, a message or a transaction, until when, and what came.
CREATE TABLE ledger (
    interchange_id    INTEGER NOT NULL REFERENCES interchange (id), -- interchange that waits for something
    message_index     INTEGER NOT NULL,                             -- message, 0 = the interchange itself
    transaction_index INTEGER NOT NULL,                             -- transaction, 0 = the message itself
    kind              TEXT    NOT NULL CHECK (kind IN ('transport', 'contrl', 'aperak', 'answer')), -- what is owed
    state             TEXT    NOT NULL CHECK (state IN ('open', 'met', 'late', 'missed', 'cancelled')), -- what became of it
    due_at            INTEGER NOT NULL,                             -- last instant in time, 0 = no deadline
    done_at           INTEGER NOT NULL,                             -- instant it came, 0 = not yet
    answered_by       INTEGER REFERENCES interchange (id),          -- interchange it came with, NULL if none
    PRIMARY KEY (interchange_id, message_index, transaction_index, kind)
) STRICT;
CREATE INDEX ledger_by_due ON ledger (due_at, interchange_id, message_index, transaction_index, kind) WHERE state = 'open' AND due_at > 0;
CREATE INDEX ledger_by_answer ON ledger (answered_by) WHERE answered_by IS NOT NULL;

-- control_ref: the last interchange control reference (UNB 0020) given out for each own MP-ID.
CREATE TABLE control_ref (
    mp_id TEXT    NOT NULL PRIMARY KEY, -- own MP-ID, UNB 0004
    last  INTEGER NOT NULL              -- last number given out; it only grows, because a number must not come again within ten years
) STRICT;

-- decision: what people decided, never changed.
CREATE TABLE decision (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,  -- grows with every decision, never used again
    decided_at     INTEGER NOT NULL,                   -- instant of the decision
    actor          TEXT    NOT NULL,                   -- who decided
    action         TEXT    NOT NULL,                   -- what was done, such as requeue
    subject        TEXT    NOT NULL,                   -- what it was done to, such as work/17
    reason         TEXT    NOT NULL,                   -- why, in the person's words
    interchange_id INTEGER REFERENCES interchange (id) -- interchange it is about, NULL if none
) STRICT;
CREATE INDEX decision_by_subject ON decision (subject, id);
CREATE INDEX decision_by_interchange ON decision (interchange_id, id) WHERE interchange_id IS NOT NULL;

-- partner_data: what is known about a Marktpartner, one value for each key.
CREATE TABLE partner_data (
    mp_id      TEXT    NOT NULL, -- MP-ID of the partner
    name       TEXT    NOT NULL, -- key
    value      BLOB    NOT NULL, -- JSON
    changed_at INTEGER NOT NULL, -- instant of the last change
    PRIMARY KEY (mp_id, name)
) STRICT;

CREATE INDEX work_by_interchange ON work (interchange_id, id) WHERE interchange_id IS NOT NULL;
