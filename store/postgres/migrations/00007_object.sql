-- +goose Up

-- Tables and columns are explained in the migration with the same number of package sqlite.

CREATE TABLE object_assignment (
    mp_id TEXT COLLATE "C" NOT NULL,
    object TEXT COLLATE "C" NOT NULL,
    partner TEXT COLLATE "C" NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT NOT NULL,
    rolle TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (mp_id, object, partner, valid_from)
);

CREATE TABLE object_complete (
    mp_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    valid_from BIGINT NOT NULL,
    trusted_until BIGINT NOT NULL,
    PRIMARY KEY (mp_id, kind)
);
