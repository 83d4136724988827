-- +goose Up

-- Tables and columns are explained in the migration with the same number of package sqlite.

CREATE TABLE subscription (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    definition BYTEA NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('active', 'paused')),
    reason TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    fault TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    moved_at BIGINT NOT NULL,
    lease TEXT COLLATE "C" NOT NULL,
    leased_until BIGINT NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE held_delivery (
    subscription TEXT COLLATE "C" NOT NULL REFERENCES subscription (name),
    seq BIGINT NOT NULL REFERENCES event (seq),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'dead')),
    attempt BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    held_at BIGINT NOT NULL,
    PRIMARY KEY (subscription, seq)
);
CREATE INDEX held_delivery_by_state ON held_delivery (subscription, state, seq);
