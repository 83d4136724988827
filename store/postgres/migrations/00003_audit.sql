-- +goose Up

-- Tables and columns are explained in the migration with the same number of package sqlite.

CREATE TABLE audit_entry (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recorded_at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    changes TEXT COLLATE "C" NOT NULL
);

CREATE TABLE audit_seal (
    first_index BIGINT NOT NULL PRIMARY KEY,
    entries BYTEA NOT NULL,
    hashes BYTEA NOT NULL,
    root BYTEA NOT NULL
);
