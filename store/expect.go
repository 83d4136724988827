package store

// Expected is what a transaction is going to do, as far as its caller knows before it begins. Steps that are committed
// together ask one question after another; with a server each would wait for its answer by itself.
type Expected struct {
	Locks        []string // keys of Tx.Lock
	ControlRefs  []ControlRef
	Events       []string // IDs
	Ledgers      []int64  // interchanges of Tx.Ledger
	Interchanges int      // that are added
}

// ControlRef are the arguments of Tx.FindControlRef.
type ControlRef struct {
	Direction  Direction
	Sender     string
	ControlRef string
}

// Add adds what another step is going to do in the same transaction.
func (e *Expected) Add(x Expected) {
	e.Locks = append(e.Locks, x.Locks...)
	e.ControlRefs = append(e.ControlRefs, x.ControlRefs...)
	e.Events = append(e.Events, x.Events...)
	e.Ledgers = append(e.Ledgers, x.Ledgers...)
	e.Interchanges += x.Interchanges
}
