-- +goose Up

-- audit_entry: one row for each transaction that changed kept rows, written by that transaction. It is a leaf of a
-- Merkle tree, see audit_seal; together they show what was changed, removed or inserted behind the gateway's back.
CREATE TABLE audit_entry (
    id          INTEGER PRIMARY KEY AUTOINCREMENT, -- grows in the order of the tree, never used again
    recorded_at INTEGER NOT NULL,                  -- instant of the transaction
    actor       TEXT    NOT NULL,                  -- person or part of the program, empty = the gateway
    reason      TEXT    NOT NULL,                  -- why, if a person gave a reason
    changes     TEXT    NOT NULL                   -- a line for each row: +, ~ or -, table, key, SHA-256 of its columns
) STRICT;

-- audit_seal: the hashes of the Merkle tree (as in golang.org/x/mod/sumdb/tlog) for some entries that follow each other.
CREATE TABLE audit_seal (
    first_index INTEGER NOT NULL PRIMARY KEY, -- place of the first entry in the tree, from 0
    entries     BLOB    NOT NULL,             -- id of each entry, 8 bytes, most significant first
    hashes      BLOB    NOT NULL,             -- the stored hashes these entries add to the tree, 32 bytes each
    root        BLOB    NOT NULL              -- hash of the tree that ends with the last of these entries
) STRICT;
