-- +goose Up

-- data_key: the keys that payloads, findings and events are encrypted with, one for each data class and month. A
-- key that was destroyed leaves its row: what it protected cannot be read any more, and the audit log still holds.
CREATE TABLE data_key (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again
    class        TEXT    NOT NULL,                  -- data class
    period       TEXT    NOT NULL,                  -- month the bytes were kept in, such as 2026-11
    wrapped      BLOB,                              -- the key, encrypted with the master key; NULL = destroyed
    destroyed_at INTEGER NOT NULL,                  -- instant it was destroyed, 0 = it is there
    UNIQUE (class, period)
) STRICT;

-- The key the bytes of a row are encrypted with; NULL = they are not encrypted. No foreign key: in PostgreSQL every
-- transaction would lock the same row of data_key.
ALTER TABLE payload_upload ADD COLUMN key_id INTEGER;
ALTER TABLE payload ADD COLUMN key_id INTEGER;
ALTER TABLE finding ADD COLUMN key_id INTEGER;
ALTER TABLE event ADD COLUMN key_id INTEGER;

-- legal_hold: what must not be destroyed although its time has come.
CREATE TABLE legal_hold (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again
    interchange_id INTEGER REFERENCES interchange (id), -- interchange that is held, NULL if a partner is
    mp_id          TEXT    NOT NULL,                    -- partner whose interchanges are held, empty if one interchange is
    set_at         INTEGER NOT NULL,                    -- instant it was set
    actor          TEXT    NOT NULL,                    -- who set it
    reason         TEXT    NOT NULL,                    -- why
    released_at    INTEGER NOT NULL                     -- instant it was released, 0 = it holds
) STRICT;
