package ebms

import "fmt"

// Code is the code of an ebMS error.
//
// Spec: OASIS ebMS 3.0 Core 6.7; AS4 Profile 1.0, 3
type Code string

// The errors of ebMS and AS4.
const (
	ValueNotRecognized              Code = "EBMS:0001"
	FeatureNotSupported             Code = "EBMS:0002"
	ValueInconsistent               Code = "EBMS:0003"
	Other                           Code = "EBMS:0004"
	ConnectionFailure               Code = "EBMS:0005"
	EmptyMessagePartitionChannel    Code = "EBMS:0006"
	MimeInconsistency               Code = "EBMS:0007"
	FeatureNotSupportedInconsistent Code = "EBMS:0008"
	InvalidHeader                   Code = "EBMS:0009"
	ProcessingModeMismatch          Code = "EBMS:0010"
	ExternalPayloadError            Code = "EBMS:0011"
	FailedAuthentication            Code = "EBMS:0101"
	FailedDecryption                Code = "EBMS:0102"
	PolicyNoncompliance             Code = "EBMS:0103"
	DysfunctionalReliability        Code = "EBMS:0201"
	DeliveryFailure                 Code = "EBMS:0202"
	MissingReceipt                  Code = "EBMS:0301"
	InvalidReceipt                  Code = "EBMS:0302"
	DecompressionFailure            Code = "EBMS:0303"
)

// Severities of an error. What has a warning may still be processed.
const (
	Failure = "failure"
	Warning = "warning"
)

// Definition is the row of a code in the tables of ebMS and AS4.
type Definition struct {
	Short    string // short description, the name of the error
	Severity string // Failure or Warning
	Category string // Content, Communication, Unpackaging or Processing
	Origin   string // the module that finds it: ebMS, security or reliability

	reaction Reaction // of the sender, when a partner answers with it
}

var definitions = map[Code]Definition{
	ValueNotRecognized:              {"ValueNotRecognized", Failure, "Content", "ebMS", Stop},
	FeatureNotSupported:             {"FeatureNotSupported", Warning, "Content", "ebMS", Stop},
	ValueInconsistent:               {"ValueInconsistent", Failure, "Content", "ebMS", Stop},
	Other:                           {"Other", Failure, "Content", "ebMS", Retry},
	ConnectionFailure:               {"ConnectionFailure", Failure, "Communication", "ebMS", Retry},
	EmptyMessagePartitionChannel:    {"EmptyMessagePartitionChannel", Warning, "Communication", "ebMS", Stop},
	MimeInconsistency:               {"MimeInconsistency", Failure, "Unpackaging", "ebMS", Stop},
	FeatureNotSupportedInconsistent: {"FeatureNotSupported", Failure, "Unpackaging", "ebMS", Stop},
	InvalidHeader:                   {"InvalidHeader", Failure, "Unpackaging", "ebMS", Stop},
	ProcessingModeMismatch:          {"ProcessingModeMismatch", Failure, "Processing", "ebMS", Stop},
	ExternalPayloadError:            {"ExternalPayloadError", Failure, "Content", "ebMS", Stop},
	FailedAuthentication:            {"FailedAuthentication", Failure, "Processing", "security", Renew},
	FailedDecryption:                {"FailedDecryption", Failure, "Processing", "security", Renew},
	PolicyNoncompliance:             {"PolicyNoncompliance", Failure, "Processing", "security", Stop},
	DysfunctionalReliability:        {"DysfunctionalReliability", Failure, "Processing", "reliability", Stop},
	DeliveryFailure:                 {"DeliveryFailure", Failure, "Communication", "reliability", Retry},
	MissingReceipt:                  {"MissingReceipt", Failure, "Communication", "ebMS", Stop},
	InvalidReceipt:                  {"InvalidReceipt", Failure, "Communication", "ebMS", Stop},
	DecompressionFailure:            {"DecompressionFailure", Failure, "Communication", "ebMS", Stop},
}

// Definition returns the row of the code, and whether there is one. Codes of other software are failures that we know
// nothing more about.
func (c Code) Definition() (Definition, bool) {
	d, ok := definitions[c]
	if !ok {
		d = Definition{Severity: Failure, reaction: Stop}
	}
	return d, ok
}

// Fault is what is wrong with a message of a partner. Text goes to the partner and tells nothing about keys or paths;
// Err is for the operator only.
type Fault struct {
	Code Code
	Text string
	Err  error
}

// Error returns the code and both texts.
func (f *Fault) Error() string {
	if f.Err != nil {
		return fmt.Sprintf("%s: %s: %v", f.Code, f.Text, f.Err)
	}
	return fmt.Sprintf("%s: %s", f.Code, f.Text)
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// Faultf returns a Fault without a cause.
func Faultf(code Code, format string, args ...any) *Fault {
	return &Fault{Code: code, Text: fmt.Sprintf(format, args...)}
}
