package ebms

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// sent is what references says.
func sent() []Signed {
	digest := func(first byte) []byte {
		d := make([]byte, 32)
		for i := range d {
			d[i] = byte(i + 1)
		}
		d[0] = first
		return d
	}
	return []Signed{{URI: "#M-1", Digest: digest(1)}, {URI: "cid:payload-1@as4.example.org", Digest: digest(2)}, {URI: "#B-1", Digest: digest(3), Body: true}}
}

func TestMatchReceipt(t *testing.T) {
	t.Parallel()
	without := func(i int) func(*Receipt) {
		return func(r *Receipt) { r.References = append(r.References[:i:i], r.References[i+1:]...) }
	}
	edit := func(old, replacement string) func(*Receipt) {
		return func(r *Receipt) {
			doc := strings.ReplaceAll(signature, old, replacement)
			if doc == signature {
				panic("the change changes nothing")
			}
			root, err := xmltree.Parse([]byte(doc), xmltree.Limits{})
			if err != nil {
				panic(err)
			}
			r.References = root.Elements(dsNamespace, "Reference")
		}
	}
	for _, test := range []struct {
		name   string
		change func(*Receipt)
		ok     bool
	}{
		{"the same", func(*Receipt) {}, true},
		{"order", func(r *Receipt) { r.References[0], r.References[1] = r.References[1], r.References[0] }, true},
		{"Body left out", without(2), true},
		{"a reference twice", func(r *Receipt) { r.References = append(r.References, r.References[0]) }, true},
		{"other transforms", edit("http://www.w3.org/2001/10/xml-exc-c14n#", "urn:x"), true},
		{"cid escaped", edit("cid:payload-1@", "cid:payload-1%40"), true},
		{"about another message", func(r *Receipt) { r.RefToMessageID = "n@h" }, false},
		{"about no message", func(r *Receipt) { r.RefToMessageID = "" }, false},
		{"Messaging left out", without(0), false},
		{"payload left out", without(1), false},
		{"nothing", func(r *Receipt) { r.References = nil }, false},
		{"another digest", edit("AgID", "AwID"), false},
		{"another digest of the Body", edit("AwID", "BAID"), false},
		{"shorter digest", edit("FhcYGRobHB0eHyA=</DigestValue>", "</DigestValue>"), false},
		{"digest no base64", edit("AgID", "AgI*"), false},
		{"another method", edit("xmlenc#sha256", "xmlenc#sha512"), false},
		{"no digest", edit("ds:DigestValue", "ds:Other"), false},
		{"two digests", edit("<ds:DigestValue>", "<ds:DigestValue/><ds:DigestValue>"), false},
		{"something else", edit("#M-1", "#M-2"), false},
		{"no URI", edit(`URI="#M-1"`, ""), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := &Receipt{RefToMessageID: "m@h", References: references(t)}
			test.change(r)
			code := InvalidReceipt
			if test.ok {
				code = ""
			}
			wantCode(t, MatchReceipt("m@h", sent(), r), code)
		})
	}
	wantCode(t, MatchReceipt("m@h", nil, &Receipt{RefToMessageID: "m@h"}), InvalidReceipt)
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	refused := func(errs ...Error) Answer {
		return Answer{Status: 200, Message: &ErrorSignal{RefToMessageID: "m@h", Errors: errs}}
	}
	code := func(c Code) Answer { return refused(Error{Code: c}) }
	resent := func(a Answer) Answer { a.Resent = true; return a }
	page := func(status int, body string) Answer { return Answer{Status: status, Body: []byte(body)} }
	for _, test := range []struct {
		name   string
		answer Answer
		want   Reaction
		code   Code
	}{
		{"receipt", Answer{Status: 200, Message: &Receipt{}}, Delivered, ""},
		{"receipt with an error status", Answer{Status: 500, Message: &Receipt{}}, Delivered, ""},
		{"receipt that does not fit", Answer{Status: 200, Message: &Receipt{}, Invalid: Faultf(InvalidReceipt, "x")}, Retry, InvalidReceipt},
		{"user message", Answer{Status: 200, Message: market()}, Retry, InvalidReceipt},
		{"no connection", Answer{Err: errors.New("refused")}, Retry, ConnectionFailure},
		{"nothing", page(202, ""), Retry, MissingReceipt},
		{"text", page(400, "no ebMS"), Retry, MissingReceipt},
		{"unavailable", page(503, "<html>"), Retry, MissingReceipt},
		{"too many", page(429, ""), Retry, MissingReceipt},
		{"redirect", page(302, ""), Retry, MissingReceipt},
		{"too large", page(413, ""), Stop, MissingReceipt},

		{"0001", code(ValueNotRecognized), Stop, ValueNotRecognized},
		{"0002", code(FeatureNotSupported), Stop, FeatureNotSupported},
		{"0003", code(ValueInconsistent), Stop, ValueInconsistent},
		{"0004", code(Other), Retry, Other},
		{"0007", code(MimeInconsistency), Stop, MimeInconsistency},
		{"0008", code(FeatureNotSupportedInconsistent), Stop, FeatureNotSupportedInconsistent},
		{"0009", code(InvalidHeader), Stop, InvalidHeader},
		{"0010", code(ProcessingModeMismatch), Stop, ProcessingModeMismatch},
		{"0011", code(ExternalPayloadError), Stop, ExternalPayloadError},
		{"0101", code(FailedAuthentication), Renew, FailedAuthentication},
		{"0102", code(FailedDecryption), Renew, FailedDecryption},
		{"0103", code(PolicyNoncompliance), Stop, PolicyNoncompliance},
		{"0202", code(DeliveryFailure), Retry, DeliveryFailure},
		{"0303", code(DecompressionFailure), Stop, DecompressionFailure},
		{"no errors", refused(), Stop, ""},
		{"unknown code", code("EBMS:9999"), Stop, "EBMS:9999"},
		{"no code", code(""), Stop, ""},
		{"warning is no receipt", refused(Error{Code: "EBMS:9998", Severity: Warning}), Stop, "EBMS:9998"},
		{"several errors", refused(Error{Code: Other}, Error{Code: FailedAuthentication}, Error{Code: DeliveryFailure}), Renew, FailedAuthentication},

		{"duplicate after a resend", resent(code("EBMS:4001")), Duplicate, "EBMS:4001"},
		{"duplicate in words", resent(refused(Error{Code: Other, Description: "Message is a Duplicate"})), Duplicate, Other},
		{"duplicate by another code", resent(refused(Error{Code: "EBMS:1000", Short: "DuplicateDetected"})), Duplicate, "EBMS:1000"},
		{"duplicate of what was sent once", code("EBMS:4001"), Stop, "EBMS:4001"},
		{"duplicate ID is another matter", resent(refused(Error{Code: InvalidHeader, Description: "duplicate wsu:Id"})), Stop, InvalidHeader},
		{"about another message", refused(Error{Code: ValueInconsistent, RefTo: "n@h"}), Retry, InvalidReceipt},
		{"signal about another message", Answer{Message: &ErrorSignal{RefToMessageID: "n@h", Errors: []Error{{Code: ValueInconsistent}}}}, Retry, InvalidReceipt},
		{"about no message", Answer{Message: &ErrorSignal{Errors: []Error{{Code: ValueInconsistent}}}}, Stop, ValueInconsistent},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.answer.MessageID = "m@h"
			got := test.answer.Outcome()
			if got.Reaction != test.want || got.Code != test.code {
				t.Errorf("got %v %s (%s), want %v %s", got.Reaction, got.Code, got.Text, test.want, test.code)
			}
		})
	}
}

func TestExcerpt(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"":                             "",
		"<html>\r\n  <h1>Bad  Request": "<html> <h1>Bad Request",
		"PK\x03\x04":                   "",
		"gr\xfc\xdfe":                  "gr\uFFFDe",
		strings.Repeat("a", 10_000):    strings.Repeat("a", maxExcerpt) + "…",
		string(bytes.Repeat([]byte("\u20ac"), maxExcerpt+1)): strings.Repeat("€", maxExcerpt) + "…",
	} {
		if got := excerpt([]byte(body)); got != want {
			t.Errorf("%.20q: got %q, want %q", body, got, want)
		}
	}
}
