package condition

import "time"

// Kind says what a Rule means for the status it stands at.
type Kind uint8

// The kinds of rules.
const (
	Hint Kind = iota // nothing to evaluate
	If               // a premise
	Must             // a demand on what is sent
	Card             // a demand on the number of occurrences
	Open             // not translated
)

// Rule is the meaning of one condition.
type Rule struct {
	Kind     Kind
	External bool   // nothing in the message can answer; Key names the fact
	Key      string // of an external rule
	Code     string // APERAK DE 9321 of a violated demand; of Card it depends on the side
	Test     *Predicate
	Card     *Cardinality
}

// Cardinality is a demand on the number of occurrences.
type Cardinality struct {
	Min, Max int       // Max is -1 if there is no upper limit
	Scope    Scope     // of "per"
	Group    string    // of ScopeGroup
	Each     *Operand  // of "each": one demand per distinct value
	EachSel  *Selector // of "each" without a component: one demand per segment or instance
	Own      *Operand  // where the occurrence holds the value; nil: only the total is counted
	Where    *Predicate
}

// Scope is where a selector begins.
type Scope uint8

// The scopes.
const (
	ScopeDefault     Scope = iota // the transaction, or in brackets the instance
	ScopeSelf                     // the segment at hand
	ScopeGroup                    // the nearest instance of a group
	ScopeTransaction              // the Geschaeftsvorfall
	ScopeMessage                  // the whole message
)

// Op is the kind of a Predicate.
type Op uint8

// The kinds of predicates.
const (
	True Op = iota
	False
	And      // Args
	Or       // Args
	Not      // Args[0]
	Exists   // Sel
	Count    // Sel Cmp N
	Compare  // Left Cmp Right
	Like     // Left, Text with wildcards
	Same     // Left
	Unique   // Left
	Role     // Text is the NAD qualifier, Names the roles
	Sparte   // Text is the NAD qualifier, Names[0] strom or gas
	List     // Text is the list, Left
	Cluster  // Text is the cluster, Left the answer code, Right the EBD
	Format   // Text is the form, Left
	External // Text is the fact
	Summer   // Left
	Winter   // Left
)

// Cmp is a comparison.
type Cmp uint8

// The comparisons.
const (
	Equal Cmp = iota
	NotEqual
	Less
	LessEqual
	Greater
	GreaterEqual
)

var cmpTexts = []string{"=", "<>", "<", "<=", ">", ">="}

// String returns the comparison as it is written.
func (c Cmp) String() string { return cmpTexts[c] }

// Predicate is a test with three outcomes.
type Predicate struct {
	Op          Op
	Args        []*Predicate
	Sel         *Selector
	Cmp         Cmp
	N           int
	Left, Right *Operand
	Text        string
	Names       []string
}

// OperandKind is the kind of an Operand.
type OperandKind uint8

// The kinds of operands.
const (
	Value    OperandKind = iota // the data element at hand
	Ref                         // Sel, Element, Component
	Text                        // a constant
	NumberOf                    // a constant in Text, or Arg as a number
	Decimals                    // Arg
	Integers                    // Arg
	Digits                      // Arg
	Length                      // Arg
	DateOf                      // a constant in Time, or Arg as an instant
	Day                         // Arg
	Year                        // Arg
	Clock                       // Arg
	Zone                        // Arg
	Part                        // Arg, from N, M characters
	Before                      // Arg up to the first Text
	After                       // Arg behind the last Text
	Berlin                      // Arg as HHMM of legal German time
	Workdays                    // Arg plus N Werktage
	Hours                       // Arg plus N hours
	Seq                         // ordinal of the own place among what Sel finds
	Now                         // the receipt
)

// Operand stands for the values of one side of a comparison: none, one or several.
type Operand struct {
	Kind               OperandKind
	Sel                *Selector
	Element, Component int // 1 is the first data element behind the tag
	Arg                *Operand
	Text               string
	Time               time.Time
	N, M               int
}

// Numeric reports whether the operand is compared as a number.
func (o *Operand) Numeric() bool {
	switch o.Kind {
	case NumberOf, Decimals, Integers, Digits, Length, Seq:
		return true
	}
	return false
}

// Instant reports whether the operand is compared as an instant.
func (o *Operand) Instant() bool {
	return o.Kind == DateOf || o.Kind == Workdays || o.Kind == Hours || o.Kind == Now
}

// Selector finds group instances or segments.
type Selector struct {
	Scope Scope
	Group string // of ScopeGroup, such as SG8
	Steps []Step // may be empty: the scope itself
}

// Step leads from instances to group instances below them, or to segments in them.
type Step struct {
	Group   string // SG10; empty for a segment
	Other   bool   // not the instance around the own place
	Where   *Predicate
	Segment *Pattern
}

// Pattern describes a segment.
type Pattern struct {
	Tag      string
	Elements [][]Component // behind the tag
}

// Component describes one component; without alternatives it says nothing.
type Component struct {
	Not  bool
	Alts []Alternative
}

// Alternative is a value that a component may have.
type Alternative struct {
	Text  string   // literal, or a form if Glob
	Glob  bool     // Text holds Wild for any characters
	Any   bool     // any value that is not empty
	Empty bool     // no value
	Ref   *Operand // a value found elsewhere
}

// Wild stands for any characters in the Text of an Alternative with Glob and in the form of Like; WildDigit stands
// for one digit in the form of Like.
const (
	Wild      = '\x00'
	WildDigit = '\x01'
)
