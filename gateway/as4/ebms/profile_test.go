package ebms

import (
	"errors"
	"strings"
	"testing"
)

// Every rule of the header with its code; "" is accepted.
func TestCheck(t *testing.T) {
	t.Parallel()
	service := func(service, action string) func(*UserMessage) {
		return func(m *UserMessage) { m.Service, m.Action = service, action }
	}
	properties := func(p ...Property) func(*UserMessage) { return func(m *UserMessage) { m.Parts[0].Properties = p } }
	gzip := Property{Name: PropertyCompressionType, Value: CompressionGzip}
	href := func(href string) func(*UserMessage) { return func(m *UserMessage) { m.Parts[0].Href = href } }
	for _, test := range []struct {
		name   string
		change func(m *UserMessage)
		code   Code
	}{
		{"as it should be", func(*UserMessage) {}, ""},

		{"MessageId missing", func(m *UserMessage) { m.MessageID = "" }, InvalidHeader},
		{"MessageId of 255 characters", func(m *UserMessage) { m.MessageID = strings.Repeat("ä", 255) }, ""},
		{"MessageId of 256 characters", func(m *UserMessage) { m.MessageID = strings.Repeat("a", 256) }, InvalidHeader},
		{"MessageId with space", func(m *UserMessage) { m.MessageID = "a b@h" }, InvalidHeader},
		{"MessageId with line break", func(m *UserMessage) { m.MessageID = "a\n@h" }, InvalidHeader},
		{"MessageId without host", func(m *UserMessage) { m.MessageID = "a" }, ""},
		{"RefToMessageId", func(m *UserMessage) { m.RefToMessageID = "a@h" }, InvalidHeader},
		{"default mpc", func(m *UserMessage) { m.MPC = DefaultMPC }, ""},
		{"other mpc", func(m *UserMessage) { m.MPC = "urn:mpc" }, ProcessingModeMismatch},

		{"From too short", func(m *UserMessage) { m.From.ID = "990000000001" }, ValueNotRecognized},
		{"From with letters", func(m *UserMessage) { m.From.ID = "99000000000O1" }, ValueNotRecognized},
		{"To missing", func(m *UserMessage) { m.To.ID = "" }, ValueNotRecognized},
		{"check digit is not looked at", func(m *UserMessage) { m.To.ID = "9900000000009" }, ""},
		{"GLN", func(m *UserMessage) { m.From.Type = PartyTypeGLN }, ""},
		{"BAHN", func(m *UserMessage) { m.From.Type = PartyTypeBAHN }, ""},
		{"type that does not fit the MP-ID", func(m *UserMessage) { m.From.Type = PartyTypeDVGW }, ""},
		{"type missing", func(m *UserMessage) { m.From.Type = "" }, ValueInconsistent},
		{"type unknown", func(m *UserMessage) { m.To.Type = "urn:oasis:names:tc:ebcore:partyid-type:iso6523:0060" }, ValueNotRecognized},
		{"role of From", func(m *UserMessage) { m.From.Role = RoleResponder }, ValueNotRecognized},
		{"role of To", func(m *UserMessage) { m.To.Role = "" }, ValueNotRecognized},

		{"AgreementRef missing", func(m *UserMessage) { m.Agreement = "" }, ValueInconsistent},
		{"AgreementRef other", func(m *UserMessage) { m.Agreement += "/" }, ValueInconsistent},
		{"ConversationId", func(m *UserMessage) { m.ConversationID = "1" }, ""},
		{"message properties", func(m *UserMessage) { m.Properties = []Property{{Name: "originalSender", Value: "x"}} }, ""},

		{"schedules", service(ServiceFP, ActionDefault), ""},
		{"Redispatch", service(ServiceRD, ActionDefault), ""},
		{"KWEP", service(ServiceKW, ActionDefault), ""},
		{"SO GL", service(ServiceSO, ActionDefault), ""},
		{"test", service(ServiceTest, ActionTest), ""},
		{"test by the other name", service(serviceTestToo, ActionTest), ""},
		{"switch requested", service(ServicePathSwitch, ActionRequestSwitch), ""},
		{"switch confirmed", service(ServicePathSwitch, ActionConfirmSwitch), ""},
		{"service unknown", service("https://www.bdew.de/as4/communication/services/XX", ActionDefault), ValueNotRecognized},
		{"service missing", service("", ActionDefault), ValueNotRecognized},
		{"action unknown", service(ServiceMP, "urn:action"), ValueNotRecognized},
		{"action of the test", service(ServiceMP, ActionTest), ProcessingModeMismatch},
		{"test with the action of processes", service(ServiceTest, ActionDefault), ProcessingModeMismatch},
		{"switch with the action of processes", service(ServicePathSwitch, ActionDefault), ProcessingModeMismatch},

		{"MP without payload", func(m *UserMessage) { m.Parts = nil }, ProcessingModeMismatch},
		{"MP with two payloads", func(m *UserMessage) { m.Parts = append(m.Parts, PartInfo{Href: "cid:b@h"}) }, ProcessingModeMismatch},
		{"test without payload", func(m *UserMessage) { m.Service, m.Action, m.Parts = ServiceTest, ActionTest, nil }, ProcessingModeMismatch},
		{"schedules with two payloads", func(m *UserMessage) {
			m.Service = ServiceFP
			m.Parts = append(m.Parts, PartInfo{Href: "cid:b@h", Properties: m.Parts[0].Properties})
		}, ""},
		{"same payload twice", func(m *UserMessage) {
			m.Service = ServiceFP
			m.Parts = append(m.Parts, m.Parts[0])
			m.Parts[1].Href = "CID:payload-1%40as4.example.org"
		}, MimeInconsistency},
		{"switch without payload", func(m *UserMessage) { m.Service, m.Action, m.Parts = ServicePathSwitch, ActionConfirmSwitch, nil }, ""},
		{"switch with any payload", func(m *UserMessage) {
			m.Service, m.Action, m.Parts[0].Properties = ServicePathSwitch, ActionConfirmSwitch, nil
		}, ""},
		{"href missing", href(""), InvalidHeader},
		{"href into the Body", href("#B"), InvalidHeader},
		{"href outside", href("http://h/file"), ExternalPayloadError},
		{"href without scheme", href("payload@h"), ExternalPayloadError},
		{"href empty cid", href("cid:"), InvalidHeader},

		{"only the compression", properties(gzip), ""},
		{"MimeType missing", properties(gzip, Property{Name: PropertyDocumentType, Value: "UTILMD"}), ""},
		{"spelt in capitals", properties(Property{Name: PropertyCompressionType, Value: "Application/GZIP"}), ""},
		{"not compressed", properties(Property{Name: PropertyMimeType, Value: "text/plain"}), ProcessingModeMismatch},
		{"no properties", properties(), ProcessingModeMismatch},
		{"compression unknown", properties(Property{Name: PropertyCompressionType, Value: "application/zip"}), ValueNotRecognized},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := market()
			test.change(m)
			wantCode(t, m.Check(), test.code)
		})
	}
}

func TestPurpose(t *testing.T) {
	t.Parallel()
	for service, want := range map[string]Purpose{ServiceMP: Business, ServiceSO: Business, ServiceTest: Test, serviceTestToo: Test, ServicePathSwitch: PathSwitch, "urn:x": Unknown} {
		if got := (&UserMessage{Service: service}).Purpose(); got != want {
			t.Errorf("%s: got %d, want %d", service, got, want)
		}
	}
	if PartyTypeOf("502") != PartyTypeDVGW || PartyTypeOf("332") != "" {
		t.Error("PartyTypeOf")
	}
}

func TestNewMessageID(t *testing.T) {
	t.Parallel()
	a, b := NewMessageID("as4.example.org"), NewMessageID("as4.example.org")
	if a == b || !strings.HasSuffix(a, "@as4.example.org") || CheckMessageID(a) != nil {
		t.Errorf("got %s and %s", a, b)
	}
}

func TestDefinitions(t *testing.T) {
	t.Parallel()
	for _, code := range []Code{
		ValueNotRecognized, FeatureNotSupported, ValueInconsistent, Other, ConnectionFailure, EmptyMessagePartitionChannel, MimeInconsistency,
		FeatureNotSupportedInconsistent, InvalidHeader, ProcessingModeMismatch, ExternalPayloadError, FailedAuthentication, FailedDecryption,
		PolicyNoncompliance, DysfunctionalReliability, DeliveryFailure, MissingReceipt, InvalidReceipt, DecompressionFailure,
	} {
		if d, ok := code.Definition(); !ok || d.Short == "" || d.Severity == "" || d.Category == "" || d.Origin == "" {
			t.Errorf("%s has no definition", code)
		}
	}
	if d, ok := Code("EBMS:4001").Definition(); ok || d.Severity != Failure {
		t.Error("a foreign code is no failure")
	}
}

func TestNewErrorSignal(t *testing.T) {
	t.Parallel()
	s := NewErrorSignal("e@h", "m@h", at, &Fault{Code: FailedAuthentication, Text: "public", Err: errors.New("secret")})
	if e := s.Errors[0]; e.Code != FailedAuthentication || e.Short != "FailedAuthentication" || e.Origin != "security" || e.RefTo != "m@h" || e.Description != "public" {
		t.Errorf("got %+v", e)
	}
	s = NewErrorSignal("e@h", "", at, errors.New("secret"))
	if e := s.Errors[0]; e.Code != Other || strings.Contains(string(NewEnvelope(s).AppendXML(nil)), "secret") {
		t.Errorf("got %+v", e)
	}
}
