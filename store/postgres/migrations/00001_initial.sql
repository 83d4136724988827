-- +goose Up

-- Tables and columns are explained in the migration with the same number of package sqlite.

CREATE TABLE payload_upload (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at BIGINT NOT NULL
);

CREATE TABLE payload_chunk (
    upload_id BIGINT NOT NULL REFERENCES payload_upload (id),
    n BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (upload_id, n)
);

CREATE TABLE payload (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest TEXT COLLATE "C" NOT NULL UNIQUE,
    size BIGINT NOT NULL,
    chunks BIGINT NOT NULL,
    stored_at BIGINT NOT NULL,
    upload_id BIGINT REFERENCES payload_upload (id),
    data BYTEA,
    CHECK ((upload_id IS NULL) <> (data IS NULL))
);
CREATE UNIQUE INDEX payload_by_upload ON payload (upload_id) WHERE upload_id IS NOT NULL;

CREATE TABLE interchange (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    direction TEXT COLLATE "C" NOT NULL CHECK (direction IN ('in', 'out')),
    channel TEXT COLLATE "C" NOT NULL,
    received_id TEXT COLLATE "C" NOT NULL,
    payload_digest TEXT COLLATE "C" REFERENCES payload (digest),
    payload_size BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    verdict TEXT COLLATE "C" NOT NULL,
    format_version TEXT COLLATE "C" NOT NULL,
    sparte TEXT COLLATE "C" NOT NULL,
    sender TEXT COLLATE "C" NOT NULL,
    recipient TEXT COLLATE "C" NOT NULL,
    control_ref TEXT COLLATE "C" NOT NULL,
    application_ref TEXT COLLATE "C" NOT NULL,
    message_type TEXT COLLATE "C" NOT NULL,
    test BIGINT NOT NULL CHECK (test IN (0, 1)),
    message_count BIGINT NOT NULL,
    finding_count BIGINT NOT NULL,
    checked_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX interchange_by_received_id ON interchange (direction, received_id) WHERE received_id <> '';
CREATE INDEX interchange_by_control_ref ON interchange (sender, control_ref, direction);
CREATE INDEX interchange_by_verdict ON interchange (verdict, id);

CREATE TABLE message (
    interchange_id BIGINT NOT NULL REFERENCES interchange (id),
    message_index BIGINT NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    document_code TEXT COLLATE "C" NOT NULL,
    document_no TEXT COLLATE "C" NOT NULL,
    verdict TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (interchange_id, message_index)
);

CREATE TABLE message_transaction (
    interchange_id BIGINT NOT NULL,
    message_index BIGINT NOT NULL,
    transaction_index BIGINT NOT NULL,
    number TEXT COLLATE "C" NOT NULL,
    pruefidentifikator TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    verdict TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (interchange_id, message_index, transaction_index),
    FOREIGN KEY (interchange_id, message_index) REFERENCES message (interchange_id, message_index)
);

CREATE TABLE finding (
    interchange_id BIGINT NOT NULL REFERENCES interchange (id),
    finding_index BIGINT NOT NULL,
    message_index BIGINT NOT NULL,
    transaction_index BIGINT NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    severity TEXT COLLATE "C" NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (interchange_id, finding_index)
);

CREATE TABLE event (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    type TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    partition_key TEXT COLLATE "C" NOT NULL,
    interchange_id BIGINT REFERENCES interchange (id),
    recorded_at BIGINT NOT NULL,
    data BYTEA NOT NULL
);
CREATE INDEX event_by_interchange ON event (interchange_id, seq);

CREATE TABLE work (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    lane TEXT COLLATE "C" NOT NULL,
    interchange_id BIGINT REFERENCES interchange (id),
    due_at BIGINT NOT NULL,
    attempt BIGINT NOT NULL DEFAULT 0,
    lease TEXT COLLATE "C" NOT NULL DEFAULT '',
    leased_until BIGINT NOT NULL DEFAULT 0,
    parked BIGINT NOT NULL DEFAULT 0 CHECK (parked IN (0, 1)),
    reason TEXT COLLATE "C" NOT NULL
);
CREATE INDEX work_by_due ON work (lane, due_at, id) WHERE parked = 0;
CREATE INDEX work_parked ON work (id) WHERE parked = 1;

-- The bytes are compressed already.
ALTER TABLE payload ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE payload_chunk ALTER COLUMN data SET STORAGE EXTERNAL;
