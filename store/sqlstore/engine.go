package sqlstore

import "context"

// Engine is a database as a driver opens it. It is safe for concurrent use.
type Engine interface {
	// Prepare checks that the texts are statements of this database. Only these are run later, but for the ones that
	// Verify and migrations need once.
	Prepare(ctx context.Context, texts []string) error
	// Begin starts a transaction. A read-only one sees one state and refuses changes.
	Begin(ctx context.Context, readOnly bool) (Session, error)
	// Single starts a session without a transaction, for queries only: what one call of Run asks sees one state at most.
	Single(ctx context.Context) (Session, error)
	// Close releases everything. All sessions have ended.
	Close() error
}

// Session is one transaction of an Engine. Commit or Rollback ends it; it is not safe for concurrent use.
type Session interface {
	// Run runs statements one after another, in one round trip if there are any, and hands out their results in
	// this order. It stops at the first error.
	Run(ctx context.Context, list []Statement) error
	// Commit runs the statements and commits, together if that saves a round trip. The session has ended, whatever
	// it returns.
	Commit(ctx context.Context, last []Statement) error
	// Rollback ends the session without effect.
	Rollback() error
}

// Statement is one text with its arguments and who takes its result. Arguments are int64, int, string, []byte, nil
// and slices of these.
type Statement struct {
	Text string
	Args []any
	// Rows reads the rows; it must not keep what it gets.
	Rows func(rows Rows) error
	// Done is told how many rows were changed and, if Dialect.InsertID, the number the engine gave to the last one. At
	// most one of Rows and Done is set.
	Done func(changed, id int64) error
}

// Rows are the rows of a result, used like sql.Rows.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Columns() ([]string, error)
	Err() error
}
