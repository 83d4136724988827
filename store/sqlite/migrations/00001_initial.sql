-- +goose Up

-- Conventions: instants are INTEGER microseconds since 1970-01-01T00:00:00Z, 0 = none; empty text = not known.
-- Numbers in brackets such as UNB 0020 are the EDIFACT data elements a column was read from.

-- payload_upload: one row per payload that is written in more than one chunk. The row comes first, then the
-- chunks, then the payload that refers to it. A row no payload refers to is an upload that is still running or
-- was abandoned.
CREATE TABLE payload_upload (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again, so that a late chunk cannot join another upload
    started_at INTEGER NOT NULL                   -- instant the first chunk was there
) STRICT;

-- payload_chunk: the pieces of payloads above 1 MiB.
CREATE TABLE payload_chunk (
    upload_id INTEGER NOT NULL REFERENCES payload_upload (id), -- the upload it belongs to
    n         INTEGER NOT NULL,                                -- place in the payload, from 0
    data      BLOB    NOT NULL,                                -- 1 MiB of the payload (the last one less) as a zstd frame
    PRIMARY KEY (upload_id, n)
) STRICT;

-- payload: the bytes of interchanges as they were received or sent, each kept once. A row is there only when all
-- its bytes are.
CREATE TABLE payload (
    id        INTEGER PRIMARY KEY,                     -- row number without meaning
    digest    TEXT    NOT NULL UNIQUE,                 -- SHA-256 of the bytes, 64 lower-case hex digits
    size      INTEGER NOT NULL,                        -- number of bytes before compression
    chunks    INTEGER NOT NULL,                        -- number of pieces: 1 in data, more in payload_chunk
    stored_at INTEGER NOT NULL,                        -- instant the last byte was there
    upload_id INTEGER REFERENCES payload_upload (id),  -- whose chunks are the bytes, NULL if they are in data
    data      BLOB,                                    -- the bytes as a zstd frame, NULL if they are in chunks
    CHECK ((upload_id IS NULL) <> (data IS NULL))
) STRICT;
CREATE UNIQUE INDEX payload_by_upload ON payload (upload_id) WHERE upload_id IS NOT NULL;

-- interchange: one transfer file (UNB to UNZ), received or sent, and what is known about it.
CREATE TABLE interchange (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,         -- grows with every interchange, never used again
    direction       TEXT    NOT NULL CHECK (direction IN ('in', 'out')), -- seen from the gateway
    channel         TEXT    NOT NULL,                          -- how it travelled: file, local ...
    received_id     TEXT    NOT NULL,                          -- identity given by the transport
    payload_digest  TEXT    REFERENCES payload (digest),       -- its bytes, NULL if there are none yet
    payload_size    INTEGER NOT NULL,                          -- number of bytes
    received_at     INTEGER NOT NULL,                          -- instant it was received, or accepted for sending
    state           TEXT    NOT NULL,                          -- step it has reached: received, checked, published
    verdict         TEXT    NOT NULL,                          -- result of the check
    format_version  TEXT    NOT NULL,                          -- format version it was checked against, such as FV2610
    sparte          TEXT    NOT NULL,                          -- strom or gas
    sender          TEXT    NOT NULL,                          -- UNB 0004
    recipient       TEXT    NOT NULL,                          -- UNB 0010
    control_ref     TEXT    NOT NULL,                          -- UNB 0020
    application_ref TEXT    NOT NULL,                          -- UNB 0026
    message_type    TEXT    NOT NULL,                          -- UNH 0065 of the first message
    test            INTEGER NOT NULL CHECK (test IN (0, 1)),   -- 1 if UNB 0035 is 1
    message_count   INTEGER NOT NULL,                          -- messages found in it
    finding_count   INTEGER NOT NULL,                          -- findings of the check
    checked_at      INTEGER NOT NULL                           -- instant of the check
) STRICT;
CREATE UNIQUE INDEX interchange_by_received_id ON interchange (direction, received_id) WHERE received_id <> '';
CREATE INDEX interchange_by_control_ref ON interchange (sender, control_ref, direction);
CREATE INDEX interchange_by_verdict ON interchange (verdict, id);

-- message: one message (UNH to UNT) of an interchange.
CREATE TABLE message (
    interchange_id INTEGER NOT NULL REFERENCES interchange (id), -- where it was found
    message_index  INTEGER NOT NULL,                             -- place in the interchange, from 1
    reference      TEXT    NOT NULL,                             -- UNH 0062
    type           TEXT    NOT NULL,                             -- UNH 0065
    version        TEXT    NOT NULL,                             -- UNH 0057
    document_code  TEXT    NOT NULL,                             -- BGM 1001
    document_no    TEXT    NOT NULL,                             -- BGM 1004
    verdict        TEXT    NOT NULL,                             -- result of the check
    PRIMARY KEY (interchange_id, message_index)
) STRICT, WITHOUT ROWID;

-- message_transaction: one Geschäftsvorfall of a message.
CREATE TABLE message_transaction (
    interchange_id     INTEGER NOT NULL, -- where it was found
    message_index      INTEGER NOT NULL, -- message it belongs to
    transaction_index  INTEGER NOT NULL, -- place in the message, from 1
    number             TEXT    NOT NULL, -- Vorgangsnummer or document number
    pruefidentifikator TEXT    NOT NULL, -- five digits that name the Anwendungsfall
    subject            TEXT    NOT NULL, -- object it is about, such as malo/51238696781
    verdict            TEXT    NOT NULL, -- result of the check
    PRIMARY KEY (interchange_id, message_index, transaction_index),
    FOREIGN KEY (interchange_id, message_index) REFERENCES message (interchange_id, message_index)
) STRICT, WITHOUT ROWID;

-- finding: what the check has to say about an interchange, a message or a transaction.
CREATE TABLE finding (
    interchange_id    INTEGER NOT NULL REFERENCES interchange (id), -- where it was found
    finding_index     INTEGER NOT NULL,                             -- order within the interchange
    message_index     INTEGER NOT NULL,                             -- message, 0 = the interchange itself
    transaction_index INTEGER NOT NULL,                             -- transaction, 0 = the message itself
    code              TEXT    NOT NULL,                             -- stable code, such as E1203
    severity          TEXT    NOT NULL,                             -- how bad it is
    data              BLOB    NOT NULL,                             -- the finding as JSON
    PRIMARY KEY (interchange_id, finding_index)
) STRICT;

-- event: the outbox, what the gateway tells other systems.
CREATE TABLE event (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,        -- grows in commit order, never used again
    id             TEXT    NOT NULL UNIQUE,                  -- CloudEvents id
    type           TEXT    NOT NULL,                         -- CloudEvents type
    subject        TEXT    NOT NULL,                         -- CloudEvents subject
    partition_key  TEXT    NOT NULL,                         -- events with the same key keep their order
    interchange_id INTEGER REFERENCES interchange (id),      -- interchange it tells about, NULL if none
    recorded_at    INTEGER NOT NULL,                         -- instant it was recorded
    data           BLOB    NOT NULL                          -- the event as CloudEvents JSON
) STRICT;
CREATE INDEX event_by_interchange ON event (interchange_id, seq);

-- work: steps that are still to be done. An item that is done is deleted in the transaction of its effect.
CREATE TABLE work (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,          -- grows with every item, never used again
    kind           TEXT    NOT NULL,                           -- the step to run
    lane           TEXT    NOT NULL,                           -- queue it stands in, such as urgent or bulk
    interchange_id INTEGER REFERENCES interchange (id),        -- interchange it is about, NULL if none
    due_at         INTEGER NOT NULL,                           -- not to be started before this instant
    attempt        INTEGER NOT NULL DEFAULT 0,                 -- how often it was claimed
    lease          TEXT    NOT NULL DEFAULT '',                -- token of the latest claim, empty if given back
    leased_until   INTEGER NOT NULL DEFAULT 0,                 -- instant from which it can be claimed again
    parked         INTEGER NOT NULL DEFAULT 0 CHECK (parked IN (0, 1)), -- 1 if it waits for a person
    reason         TEXT    NOT NULL                            -- why it was added, given back or parked
) STRICT;
CREATE INDEX work_by_due ON work (lane, due_at, id) WHERE parked = 0;
CREATE INDEX work_parked ON work (id) WHERE parked = 1;
