-- +goose Up

-- Tables and columns are explained in the migration with the same number of package sqlite.

CREATE TABLE ledger (
    interchange_id BIGINT NOT NULL REFERENCES interchange (id),
    message_index BIGINT NOT NULL,
    transaction_index BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('transport', 'contrl', 'aperak', 'answer')),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'met', 'late', 'missed', 'cancelled')),
    due_at BIGINT NOT NULL,
    done_at BIGINT NOT NULL,
    answered_by BIGINT REFERENCES interchange (id),
    PRIMARY KEY (interchange_id, message_index, transaction_index, kind)
);
CREATE INDEX ledger_by_due ON ledger (due_at, interchange_id, message_index, transaction_index, kind) WHERE state = 'open' AND due_at > 0;
CREATE INDEX ledger_by_answer ON ledger (answered_by) WHERE answered_by IS NOT NULL;

CREATE TABLE control_ref (
    mp_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);

CREATE TABLE decision (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    decided_at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    interchange_id BIGINT REFERENCES interchange (id)
);
CREATE INDEX decision_by_subject ON decision (subject, id);
CREATE INDEX decision_by_interchange ON decision (interchange_id, id) WHERE interchange_id IS NOT NULL;

CREATE TABLE partner_data (
    mp_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value BYTEA NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (mp_id, name)
);

CREATE INDEX work_by_interchange ON work (interchange_id, id) WHERE interchange_id IS NOT NULL;
