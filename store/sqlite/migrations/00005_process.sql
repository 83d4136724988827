-- +goose Up

-- Who or what a work item is for: a partner's MP-ID, a destination. One that is in trouble must not hold up the others.
ALTER TABLE work ADD COLUMN target TEXT NOT NULL DEFAULT '';

-- look_at: instant at which the watcher of deadlines looks at an open entry, 0 = never.
ALTER TABLE ledger ADD COLUMN look_at INTEGER NOT NULL DEFAULT 0;
-- step: where the transaction stands in its process, empty unless kind is answer.
ALTER TABLE ledger ADD COLUMN step TEXT NOT NULL DEFAULT '';
UPDATE ledger SET look_at = due_at;
DROP INDEX ledger_by_due;
CREATE INDEX ledger_by_look ON ledger (look_at, interchange_id, message_index, transaction_index, kind) WHERE state = 'open' AND look_at > 0;

-- process_key: what a transaction can be called by in later messages, beside its number and its document.
CREATE TABLE process_key (
    interchange_id    INTEGER NOT NULL REFERENCES interchange (id), -- where the transaction was found
    message_index     INTEGER NOT NULL,                             -- message, from 1
    transaction_index INTEGER NOT NULL,                             -- transaction in the message, from 1
    level             TEXT    NOT NULL,                             -- what is named: reply, series ...
    value             TEXT    NOT NULL,                             -- its name
    PRIMARY KEY (level, value, interchange_id, message_index, transaction_index)
) STRICT, WITHOUT ROWID;
CREATE INDEX process_key_by_interchange ON process_key (interchange_id);
