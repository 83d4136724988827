-- +goose Up

-- Tables and columns are explained in the migration with the same number of package sqlite.

CREATE TABLE transmission (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    direction TEXT COLLATE "C" NOT NULL CHECK (direction IN ('in', 'out')),
    message_key TEXT COLLATE "C" NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    interchange_id BIGINT REFERENCES interchange (id),
    service TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    sender TEXT COLLATE "C" NOT NULL,
    recipient TEXT COLLATE "C" NOT NULL,
    content_type TEXT COLLATE "C" NOT NULL,
    body_digest TEXT COLLATE "C" REFERENCES payload (digest),
    refs BYTEA NOT NULL,
    receipt BYTEA NOT NULL,
    receipt_type TEXT COLLATE "C" NOT NULL,
    receipt_at BIGINT NOT NULL,
    evidence BYTEA NOT NULL,
    fault TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'delivered', 'refused', 'probable')),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    key_id BIGINT,
    UNIQUE (direction, message_key)
);
CREATE INDEX transmission_by_interchange ON transmission (interchange_id, id) WHERE interchange_id IS NOT NULL;
CREATE INDEX transmission_by_partner ON transmission ((CASE direction WHEN 'in' THEN sender ELSE recipient END), id);
CREATE INDEX transmission_by_state ON transmission (state, id);

CREATE TABLE certificate (
    fingerprint TEXT COLLATE "C" PRIMARY KEY,
    mp_id TEXT COLLATE "C" NOT NULL,
    usage TEXT COLLATE "C" NOT NULL,
    own BIGINT NOT NULL CHECK (own IN (0, 1)),
    der BYTEA NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    added_at BIGINT NOT NULL,
    retired_at BIGINT NOT NULL
);
CREATE INDEX certificate_by_mp_id ON certificate (mp_id, fingerprint);

CREATE TABLE own_key (
    fingerprint TEXT COLLATE "C" PRIMARY KEY,
    mp_id TEXT COLLATE "C" NOT NULL,
    usage TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    request BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE crl (
    issuer TEXT COLLATE "C" PRIMARY KEY,
    der BYTEA NOT NULL,
    this_update BIGINT NOT NULL,
    next_update BIGINT NOT NULL,
    fetched_at BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    error TEXT COLLATE "C" NOT NULL,
    tried_at BIGINT NOT NULL
);

CREATE TABLE partner (
    mp_id TEXT COLLATE "C" PRIMARY KEY,
    data BYTEA NOT NULL,
    updated_at BIGINT NOT NULL
);
