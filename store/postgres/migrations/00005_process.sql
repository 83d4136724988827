-- +goose Up

-- Tables and columns are explained in the migration with the same number of package sqlite.

ALTER TABLE work ADD COLUMN target TEXT COLLATE "C" NOT NULL DEFAULT '';

ALTER TABLE ledger ADD COLUMN look_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN step TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE ledger SET look_at = due_at;
DROP INDEX ledger_by_due;
CREATE INDEX ledger_by_look ON ledger (look_at, interchange_id, message_index, transaction_index, kind) WHERE state = 'open' AND look_at > 0;

CREATE TABLE process_key (
    interchange_id BIGINT NOT NULL REFERENCES interchange (id),
    message_index BIGINT NOT NULL,
    transaction_index BIGINT NOT NULL,
    level TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (level, value, interchange_id, message_index, transaction_index)
);
CREATE INDEX process_key_by_interchange ON process_key (interchange_id);
