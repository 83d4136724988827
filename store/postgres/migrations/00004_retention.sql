-- +goose Up

-- Tables and columns are explained in the migration with the same number of package sqlite.

CREATE TABLE data_key (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    class TEXT COLLATE "C" NOT NULL,
    period TEXT COLLATE "C" NOT NULL,
    wrapped BYTEA,
    destroyed_at BIGINT NOT NULL,
    UNIQUE (class, period)
);

ALTER TABLE payload_upload ADD COLUMN key_id BIGINT;
ALTER TABLE payload ADD COLUMN key_id BIGINT;
ALTER TABLE finding ADD COLUMN key_id BIGINT;
ALTER TABLE event ADD COLUMN key_id BIGINT;

CREATE TABLE legal_hold (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    interchange_id BIGINT REFERENCES interchange (id),
    mp_id TEXT COLLATE "C" NOT NULL,
    set_at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    released_at BIGINT NOT NULL
);
