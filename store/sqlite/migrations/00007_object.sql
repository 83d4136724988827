-- +goose Up

-- object_assignment: which Marktpartner is assigned to which object, as far as an own MP-ID knows. An object without
-- a row is not known.
CREATE TABLE object_assignment (
    mp_id       TEXT    NOT NULL, -- own MP-ID whose knowledge it is
    object      TEXT    NOT NULL, -- kind and id, such as malo/51238696781
    partner     TEXT    NOT NULL, -- MP-ID that is assigned; may be mp_id itself
    valid_from  INTEGER NOT NULL, -- first instant of the assignment
    valid_until INTEGER NOT NULL, -- first instant after it, 0 = open
    rolle       TEXT    NOT NULL, -- role of partner
    source      TEXT    NOT NULL, -- where it is known from: import, or interchange/ and its id
    PRIMARY KEY (mp_id, object, partner, valid_from)
) STRICT, WITHOUT ROWID;

-- object_complete: own MP-IDs that know all objects of a kind. Only then can an object be said to be unknown.
CREATE TABLE object_complete (
    mp_id         TEXT    NOT NULL, -- own MP-ID
    kind          TEXT    NOT NULL, -- what stands in front of the / of an object
    valid_from    INTEGER NOT NULL, -- instant from which the assignments are complete
    trusted_until INTEGER NOT NULL, -- instant from which the list is too old, 0 = it is not complete
    PRIMARY KEY (mp_id, kind)
) STRICT;
