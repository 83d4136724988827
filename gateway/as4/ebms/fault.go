// Package ebms is the ebMS 3.0 header of AS4 as the BDEW profile uses it: user messages, receipts and errors.
package ebms

import "fmt"

// Code is the code of an ebMS error.
//
// Spec: OASIS ebMS 3.0 Core 6.7, AS4 Profile 1.0 chapter 3
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
