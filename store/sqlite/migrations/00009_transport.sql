-- +goose Up

-- transmission: one user message of a transport, sent or received, with what proves it.
CREATE TABLE transmission (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,                     -- grows with every message, never used again
    direction      TEXT    NOT NULL CHECK (direction IN ('in', 'out')),   -- seen from the gateway
    message_key    TEXT    NOT NULL,                                      -- out: name given by the gateway; in: sender|message_id
    message_id     TEXT    NOT NULL,                                      -- eb:MessageId
    interchange_id INTEGER REFERENCES interchange (id),                   -- interchange it carries, NULL if none
    service        TEXT    NOT NULL,                                      -- eb:Service
    action         TEXT    NOT NULL,                                      -- eb:Action
    sender         TEXT    NOT NULL,                                      -- MP-ID, eb:From
    recipient      TEXT    NOT NULL,                                      -- MP-ID, eb:To
    content_type   TEXT    NOT NULL,                                      -- of the body, with its parameters
    body_digest    TEXT    REFERENCES payload (digest),                   -- complete body as it was on the wire, NULL if not kept
    refs           BLOB    NOT NULL,                                      -- JSON: URI and digest of what the signature covers
    receipt        BLOB    NOT NULL,                                      -- receipt as sent or received
    receipt_type   TEXT    NOT NULL,                                      -- content type of the receipt
    receipt_at     INTEGER NOT NULL,                                      -- instant of the receipt, 0 = none
    evidence       BLOB    NOT NULL,                                      -- JSON: certificates, revocation state, TLS identity
    fault          TEXT    NOT NULL,                                      -- last error
    state          TEXT    NOT NULL CHECK (state IN ('pending', 'delivered', 'refused', 'probable')), -- what became of it
    created_at     INTEGER NOT NULL,                                      -- instant it was sent first, or came
    updated_at     INTEGER NOT NULL,                                      -- instant of the last change
    key_id         INTEGER,                                               -- data key of refs, receipt and evidence, NULL = not encrypted
    UNIQUE (direction, message_key)
) STRICT;
CREATE INDEX transmission_by_interchange ON transmission (interchange_id, id) WHERE interchange_id IS NOT NULL;
CREATE INDEX transmission_by_partner ON transmission ((CASE direction WHEN 'in' THEN sender ELSE recipient END), id);
CREATE INDEX transmission_by_state ON transmission (state, id);

-- certificate: certificates of partners, of CAs and our own.
CREATE TABLE certificate (
    fingerprint TEXT    NOT NULL PRIMARY KEY,             -- SHA-256 of der, lower-case hex
    mp_id       TEXT    NOT NULL,                         -- MP-ID in it, empty for CAs
    usage       TEXT    NOT NULL,                         -- signature, encryption, tls, ca, root, crl-signer
    own         INTEGER NOT NULL CHECK (own IN (0, 1)),   -- 1 if the private key is, or was, ours
    der         BLOB    NOT NULL,                         -- the certificate
    not_before  INTEGER NOT NULL,                         -- instant from which it is valid
    not_after   INTEGER NOT NULL,                         -- instant until which it is valid
    source      TEXT    NOT NULL,                         -- where it came from
    added_at    INTEGER NOT NULL,                         -- instant it was added
    retired_at  INTEGER NOT NULL                          -- instant from which it is not used any more, 0 = in use
) STRICT;
CREATE INDEX certificate_by_mp_id ON certificate (mp_id, fingerprint);

-- own_key: private keys of our own. They are encrypted with the master key itself, so that no retention destroys them.
CREATE TABLE own_key (
    fingerprint TEXT    NOT NULL PRIMARY KEY, -- SHA-256 of the public key (SubjectPublicKeyInfo), lower-case hex
    mp_id       TEXT    NOT NULL,             -- own MP-ID
    usage       TEXT    NOT NULL,             -- signature, encryption, tls
    sealed      BLOB    NOT NULL,             -- PKCS#8, encrypted
    request     BLOB    NOT NULL,             -- certificate request, empty if the certificate was not requested from here
    created_at  INTEGER NOT NULL              -- instant it was added
) STRICT;

-- crl: the newest revocation list of each issuer.
CREATE TABLE crl (
    issuer      TEXT    NOT NULL PRIMARY KEY, -- names the issuer of the certificates it is about
    der         BLOB    NOT NULL,             -- the list, empty if there was never one
    this_update INTEGER NOT NULL,             -- instant it was made
    next_update INTEGER NOT NULL,             -- instant by which there is a newer one
    fetched_at  INTEGER NOT NULL,             -- instant of the last attempt that brought a valid list
    source      TEXT    NOT NULL,             -- where it came from
    error       TEXT    NOT NULL,             -- error of the last attempt, empty if there was none
    tried_at    INTEGER NOT NULL              -- instant of the last attempt
) STRICT;

-- partner: what is known about a Marktpartner.
CREATE TABLE partner (
    mp_id      TEXT    NOT NULL PRIMARY KEY, -- MP-ID
    data       BLOB    NOT NULL,             -- JSON with the version of its form
    updated_at INTEGER NOT NULL              -- instant of the last change
) STRICT;
