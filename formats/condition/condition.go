// Package condition is the language in which rule packs say what the conditions of an Anwendungshandbuch demand.
//
// A Rule is the meaning of one condition number of one message type:
//
//	if PREDICATE            a premise: the status it stands at holds only if the predicate is true
//	must CODE PREDICATE     a demand on what is sent; CODE is the APERAK code of its violation
//	card MIN..MAX per SEL   a demand on the number of occurrences in each instance that SEL finds (or tx, msg, SGn)
//	card MIN..MAX each SEL@e.c = SEL@e.c [where PREDICATE]
//	                        a demand per distinct value of the first operand: that many occurrences of the group or
//	                        segment that the condition stands at have the value at the second operand, which is
//	                        relative to the occurrence; without "= ..." only the total is counted
//	external KEY            a premise that nothing in the message can answer; KEY names the fact in own words
//	external must CODE KEY  a demand of that kind
//	hint                    nothing to evaluate
//	open                    not translated
//
// A predicate is built from "and", "or", "not", parentheses, "true", "false" and
//
//	SEL                     something that the selector finds is there
//	count(SEL) OP n         so many of them; OP is one of = <> < <= > >=
//	OPERAND OP OPERAND      a pair of values for which the comparison holds; texts are compared by = and <>, numbers
//	                        (number, decimals, integers, digits, length) and instants (date) by all operators
//	OPERAND like "GLOB"     a value of that form; * stands for any characters, # for one digit
//	same(OPERAND)           all its values are equal
//	unique(OPERAND)         no two of its values are equal
//	role(MS, LF, NB)        the Marktpartner of NAD+MS has one of the roles
//	sparte(MR, strom)       the Marktpartner of NAD+MR belongs to the Sparte
//	list(NAME, OPERAND)     a value is in the named code list, such as konfigurationen/2.1
//	cluster(NAME, OPERAND, OPERAND)  answer code and EBD of the same segment belong to the cluster
//	format(NAME, OPERAND)   a value has the form of an identifier: malo, melo, nelo, sr, tr, geraet, artikel, mpid ...
//	external(KEY)           a fact from outside the message
//
// An operand is
//
//	value                   the data element that the condition stands at
//	SEL@e.c                 component c of data element e of the segments found; the first data element behind the
//	                        tag is 1, so that @3.1 stands behind the third plus
//	"text", 12.5            constants; an instant is written date("2023-12-31T23:00Z")
//	number(O) decimals(O) integers(O) digits(O) length(O)
//	                        the value as a number; its digits behind and before the decimal mark; all its digits; its
//	                        number of characters
//	date(O)                 the instant of a DTM, by the format code beside it (102, 303, 203 ...)
//	day(O), year(O), clock(O), zone(O)
//	                        CCYYMMDD, CCYY, HHMM and the zone of a value in format 303 or 102, as text
//	part(O, from, n)        n characters of the value, the first is 1; counted from the end if from is negative
//	before(O, "-")          what stands before the first such character; after(O, "-") what stands behind the last
//	now                     the instant at which the message was received, and five minutes for clocks that differ
//	berlin(O)               date(O) as HHMM of legal German time
//	workdays(O, n)          the instant n Werktage after date(O); hours(O, n) n hours after it
//	seq(SEL)                the ordinal of the segment or group instance at hand among those the selector finds, from 1
//
// A value that is a date in summer by legal German time is tested with summer(value), otherwise winter(value).
//
// A selector walks from a scope downwards:
//
//	self:   the segment that the condition stands at (for a group: its first segment)
//	SG8:    the nearest instance of SG8 around it (or the transaction, if there is none)
//	tx:     the transaction (Geschaeftsvorfall); this is the default
//	msg:    the whole message
//
//	tx: SG8[SEQ+Z01]/SG10[CCI+++ZA6]/CAV+E14,Z36
//
// A step SGn finds all instances below, at any depth; in brackets stands a predicate that the instance must meet,
// whose selectors begin in that instance unless they name a scope. "other SG8[...]" leaves out the instance around
// the condition's own place. The last step may be a segment pattern: the tag and then elements after "+" and
// components after ":". An empty component says nothing. Otherwise it lists alternatives separated by commas: codes, in which
// * stands for any characters; {OPERAND} for a value found elsewhere; "*" alone for anything that is not empty, "-" alone
// for empty; a leading "!" negates the list (and demands a value). The characters + : , ? * ' { } ! [ ] ( ) / @ and the space stand for themselves
// after "?". A segment pattern finds segments directly in the instance, not in groups below it.
//
// Values are compared without release characters and without spaces at the end.
//
// The logic has three values. What needs knowledge that nobody has is unknown; so is a comparison with nothing on
// one side, or with a value that cannot be read. Unknown never leads to a finding.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 6 (conditions: 1-499 premises, 500-899 hints, 900-999 formats, 2000-2999
// repetitions, UB time packages)
package condition
