-- +goose Up

-- subscription: who gets the events of the outbox, and how far he has come. Every event up to position was confirmed,
-- was not for him, or has a row in held_delivery.
CREATE TABLE subscription (
    name         TEXT    NOT NULL PRIMARY KEY,                          -- name in the configuration
    definition   BLOB    NOT NULL,                                      -- JSON: where events go and which, without secrets
    state        TEXT    NOT NULL CHECK (state IN ('active', 'paused')), -- whether anything is delivered
    reason       TEXT    NOT NULL,                                      -- why it is paused, empty if it is not
    position     INTEGER NOT NULL,                                      -- sequence number, 0 = before the first event
    fault        TEXT    NOT NULL,                                      -- what the receiver has been out of order with, empty if it is not
    created_at   INTEGER NOT NULL,                                      -- instant it was added
    updated_at   INTEGER NOT NULL,                                      -- instant definition or state changed last
    moved_at     INTEGER NOT NULL,                                      -- instant position or fault changed last, 0 = never
    lease        TEXT    NOT NULL,                                      -- token of the process that delivers, empty if none does
    leased_until INTEGER NOT NULL                                       -- instant from which another process may deliver
) STRICT, WITHOUT ROWID;

-- held_delivery: events at or below the position of a subscription that are not confirmed: one that failed, and those
-- of its partition behind it.
CREATE TABLE held_delivery (
    subscription TEXT    NOT NULL REFERENCES subscription (name),       -- whose it is
    seq          INTEGER NOT NULL REFERENCES event (seq),               -- event
    state        TEXT    NOT NULL CHECK (state IN ('waiting', 'dead')), -- dead: only a person tries it again
    attempt      INTEGER NOT NULL,                                      -- failed attempts so far
    due_at       INTEGER NOT NULL,                                      -- instant of the next attempt, 0 = when its partition is free
    reason       TEXT    NOT NULL,                                      -- how the last attempt ended
    held_at      INTEGER NOT NULL,                                      -- instant it was held back first
    PRIMARY KEY (subscription, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_delivery_by_state ON held_delivery (subscription, state, seq);
