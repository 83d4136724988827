package store

import "time"

// Assignment says that a Marktpartner is assigned to an object for a time, as far as one own MP-ID knows. An object of
// which there is no assignment is not known. The first four fields are the key.
type Assignment struct {
	MPID    string    // own MP-ID whose knowledge it is
	Object  string    // such as malo/51238696781
	Partner string    // MP-ID that is assigned; may be MPID itself
	From    time.Time // first instant; zero: since ever

	Until  time.Time // first instant after it; zero: open
	Rolle  string    // of Partner: LF, NB, MSB ...
	Source string    // where it is known from: import, or interchange/ID
}

// AssignmentQuery selects assignments; zero fields do not restrict.
type AssignmentQuery struct {
	MPID   string     // must be given
	Object string     // only of this one
	After  Assignment // only behind the key of this one
	Limit  int        // at most; 0 means DefaultLimit
}

// Completeness says that an own MP-ID knows all objects of a kind with all their assignments. MPID and Kind are its key.
type Completeness struct {
	MPID string
	Kind string // what stands in front of the / of Object, such as malo

	From         time.Time // assignments are complete from this instant on
	TrustedUntil time.Time // the list is to be renewed by then; afterwards it is not complete any more
}

// ObjectTx are the methods of Tx for what is known about objects.
type ObjectTx interface {
	// SetAssignment adds or replaces an assignment. It changes nothing if it is there already, with the same Source.
	SetAssignment(a Assignment) error
	// DeleteAssignment removes the assignment with the key of a; ErrNotFound.
	DeleteAssignment(a Assignment) error
	// Assignments lists them by Object, Partner and From.
	Assignments(q AssignmentQuery) ([]Assignment, error)
	// SetCompleteness adds or replaces what is known to be complete. A zero TrustedUntil takes it back.
	SetCompleteness(c Completeness) error
	// Completeness lists what is known to be complete to an own MP-ID, or to all if it is empty, by MPID and Kind.
	Completeness(mpID string) ([]Completeness, error)
}
