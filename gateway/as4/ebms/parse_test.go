package ebms

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// foreign is the header of market in the words of other software: other prefixes, an order of its own, id beside wsu:Id,
// white space, explicit defaults, everything the schema knows.
const foreign = `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Header>
<Messaging xmlns="http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/" id="_1" e:role="urn:x" e:mustUnderstand="1" xmlns:x="urn:x" x:y="z">
	<UserMessage mpc="http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/defaultMPC">
		<MessageInfo><MessageId> 5c9be0a4-58f9-4a9a-8b38-7f6a1c1f3e01@as4.example.org
		</MessageId><Timestamp>2026-11-22T09:37:54.2950000+01:00</Timestamp></MessageInfo>
		<PartyInfo>
			<To><Role>http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/responder</Role>
				<PartyId type="urn:oasis:names:tc:ebcore:partyid-type:unregistered:DVGW">98000<!-- x -->00000002</PartyId></To>
			<From><PartyId type="urn:oasis:names:tc:ebcore:partyid-type:unregistered:BDEW">9900000000001</PartyId>
				<Role>http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/initiator</Role></From>
		</PartyInfo>
		<CollaborationInfo>
			<AgreementRef pmode="P" type="T">https://www.bdew.de/as4/communication/agreement</AgreementRef>
			<Service type="t">https://www.bdew.de/as4/communication/services/MP</Service>
			<Action>http://docs.oasis-open.org/ebxml-msg/as4/200902/action</Action>
			<ConversationId>c-1</ConversationId>
		</CollaborationInfo>
		<MessageProperties><Property name="a" type="t">1</Property><Property name="a">2</Property></MessageProperties>
		<PayloadInfo><PartInfo href="cid:payload-1@as4.example.org"><Schema location="urn:s" version="1"/><Description xml:lang="de">Lastgang</Description>
			<PartProperties><Property name="CompressionType">application/gzip</Property></PartProperties></PartInfo></PayloadInfo>
	</UserMessage>
	<x:Extension/>
</Messaging></e:Header><e:Body/></e:Envelope>`

func messaging(t testing.TB, doc string) *xmltree.Element {
	t.Helper()
	for e := range tree(t, doc).Descend() {
		if e.Local == "Messaging" {
			return e
		}
	}
	t.Fatal("no Messaging")
	return nil
}

func TestParseForeign(t *testing.T) {
	t.Parallel()
	got, err := ParseMessaging(messaging(t, foreign))
	if err != nil {
		t.Fatal(err)
	}
	want := market()
	want.MPC, want.ConversationID = DefaultMPC, "c-1"
	want.Properties = []Property{{Name: "a", Type: "t", Value: "1"}, {Name: "a", Value: "2"}}
	want.Parts[0].Properties = []Property{{Name: PropertyCompressionType, Value: CompressionGzip}}
	if diff := cmp.Diff(Message(want), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	wantCode(t, got.(*UserMessage).Check(), "")
}

// Every change to a user message that the reader must notice, or must not.
func TestParseUserMessage(t *testing.T) {
	t.Parallel()
	good := string(NewEnvelope(market()).AppendXML(nil))
	for _, test := range []struct {
		name, old, replacement string
		code                   Code
	}{
		{"nothing", "", "", ""},
		{"Messaging of another namespace", "xmlns:eb=\"" + Namespace, "xmlns:eb=\"" + Namespace + "x", InvalidHeader},
		{"no message", "<eb:UserMessage>", "<!--", InvalidHeader},
		{"two messages", "<eb:UserMessage>", "<eb:UserMessage/><eb:UserMessage>", InvalidHeader},
		{"signal beside it", "<eb:UserMessage>", "<eb:SignalMessage/><eb:UserMessage>", InvalidHeader},
		{"unknown message", "eb:UserMessage>", "eb:OtherMessage>", InvalidHeader},
		{"text in Messaging", "<eb:UserMessage>", "x<eb:UserMessage>", InvalidHeader},
		{"foreign element in UserMessage", "<eb:PartyInfo>", "<x xmlns='urn:x'/><eb:PartyInfo>", InvalidHeader},
		{"unknown element in UserMessage", "<eb:PartyInfo>", "<eb:Extra/><eb:PartyInfo>", InvalidHeader},
		{"known name in a foreign namespace", "<eb:PartyInfo>", "<PartyInfo xmlns='urn:x'/><eb:PartyInfo>", InvalidHeader},
		{"MessageInfo twice", "<eb:MessageInfo>", "<eb:MessageInfo/><eb:MessageInfo>", InvalidHeader},
		{"MessageInfo missing", "eb:MessageInfo>", "eb:PayloadInfo>", InvalidHeader},
		{"MessageId missing", "<eb:MessageId>5c9be0a4-58f9-4a9a-8b38-7f6a1c1f3e01@as4.example.org</eb:MessageId>", "", InvalidHeader},
		{"MessageId empty", "<eb:MessageId>5c9be0a4-58f9-4a9a-8b38-7f6a1c1f3e01@as4.example.org</eb:MessageId>", "<eb:MessageId> </eb:MessageId>", InvalidHeader},
		{"MessageId twice", "<eb:MessageId>", "<eb:MessageId>x@h</eb:MessageId><eb:MessageId>", InvalidHeader},
		{"Timestamp missing", "<eb:Timestamp>2026-11-22T08:37:54.295Z</eb:Timestamp>", "", InvalidHeader},
		{"Timestamp no time", "2026-11-22T08:37:54.295Z", "22.11.2026 08:37", InvalidHeader},
		{"Timestamp without zone", "54.295Z", "54.295", ""},
		{"Timestamp with offset", "54.295Z", "54.295+01:00", ""},
		{"Timestamp without fraction", "54.295Z", "54Z", ""},
		{"Timestamp with nine digits", "54.295Z", "54.295000000Z", ""},
		{"Timestamp in February 30", "2026-11-22T", "2026-02-30T", InvalidHeader},
		{"From missing", "eb:From>", "eb:Other>", InvalidHeader},
		{"PartyId twice", "<eb:To>", "<eb:To><eb:PartyId>1</eb:PartyId>", InvalidHeader},
		{"Role missing", "<eb:Role>" + RoleResponder + "</eb:Role>", "", InvalidHeader},
		{"element in PartyId", ">9900000000001<", ">99<eb:x/>00000000001<", InvalidHeader},
		{"text in PartyInfo", "<eb:PartyInfo>", "<eb:PartyInfo>9900000000001", InvalidHeader},
		{"Service twice", "<eb:Service>", "<eb:Service>x</eb:Service><eb:Service>", InvalidHeader},
		{"Action missing", "<eb:Action>" + ActionDefault + "</eb:Action>", "", InvalidHeader},
		{"ConversationId missing", "<eb:ConversationId/>", "", ""},
		{"AgreementRef missing", "<eb:AgreementRef>" + Agreement + "</eb:AgreementRef>", "", ""}, // for Check
		{"value too long", "REF1", strings.Repeat("x", maxValue+1), InvalidHeader},
		{"property without name", `name="BDEWDocumentNo"`, "", InvalidHeader},
		{"property twice", `name="BDEWDocumentNo"`, `name="CompressionType"`, InvalidHeader},
		{"two lists of properties", "</eb:PartProperties>", "</eb:PartProperties><eb:PartProperties/>", InvalidHeader},
		{"part without properties", "<eb:PartProperties>", "<eb:Description/><eb:Description/><eb:PartProperties>", ""},
		{"unknown element in PartInfo", "<eb:PartProperties>", "<eb:Extra/><eb:PartProperties>", InvalidHeader},
		{"text in PayloadInfo", "<eb:PayloadInfo>", "<eb:PayloadInfo>x", InvalidHeader},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			doc := strings.ReplaceAll(good, test.old, test.replacement)
			if test.name == "no message" {
				doc = strings.Replace(doc, "</eb:UserMessage>", "-->", 1)
			}
			if doc == good && test.old != "" {
				t.Fatal("the change changes nothing")
			}
			_, err := ParseMessaging(messaging(t, doc))
			wantCode(t, err, test.code)
		})
	}
}

func TestParseSignal(t *testing.T) {
	t.Parallel()
	const info = `<eb:MessageInfo><eb:Timestamp>2026-11-22T08:37:54Z</eb:Timestamp><eb:MessageId>s@h</eb:MessageId><eb:RefToMessageId>m@h</eb:RefToMessageId></eb:MessageInfo>`
	for _, test := range []struct {
		name, content string
		want          Message
		code          Code
	}{
		{"pull", info + `<eb:PullRequest mpc="x"/>`, nil, FeatureNotSupported},
		{"nothing", info, nil, InvalidHeader},
		{"receipt and error", info + `<eb:Receipt/><eb:Error/>`, nil, InvalidHeader},
		{"two receipts", info + `<eb:Receipt/><eb:Receipt/>`, nil, InvalidHeader},
		{"two lists", info + `<eb:Receipt><n:NonRepudiationInformation xmlns:n="` + ebbpNamespace + `"/><n:NonRepudiationInformation xmlns:n="` + ebbpNamespace + `"/></eb:Receipt>`, nil, InvalidHeader},
		{"no MessageInfo", `<eb:Receipt/>`, nil, InvalidHeader},
		{"receipt of another kind", info + `<eb:Receipt><eb:UserMessage/></eb:Receipt>`, &Receipt{MessageID: "s@h", RefToMessageID: "m@h", Timestamp: at.Truncate(1e9)}, ""},
		{"receipt with extension", info + `<eb:Receipt/><x xmlns="urn:x"/>`, &Receipt{MessageID: "s@h", RefToMessageID: "m@h", Timestamp: at.Truncate(1e9)}, ""},
		{"unknown element", info + `<eb:Receipt/><eb:x/>`, nil, InvalidHeader},
		{"bare error", info + `<eb:Error/>`, &ErrorSignal{MessageID: "s@h", RefToMessageID: "m@h", Timestamp: at.Truncate(1e9), Errors: []Error{{Severity: Failure}}}, ""},
		{"errors of other software", info + `<eb:Error errorCode="EBMS:4001" severity="Failure" shortDescription="Duplicate" x="y"><eb:ErrorDetail>at
   line 1</eb:ErrorDetail><eb:Description xml:lang="en">one</eb:Description><eb:Description xml:lang="de">eins</eb:Description></eb:Error><eb:Error severity="WARNING" errorCode="EBMS:0006"/>`,
			&ErrorSignal{MessageID: "s@h", RefToMessageID: "m@h", Timestamp: at.Truncate(1e9), Errors: []Error{
				{Code: "EBMS:4001", Severity: Failure, Short: "Duplicate", Description: "one eins", Detail: "at line 1"}, {Code: EmptyMessagePartitionChannel, Severity: Warning},
			}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseMessaging(messaging(t, `<eb:Messaging xmlns:eb="`+Namespace+`"><eb:SignalMessage>`+test.content+`</eb:SignalMessage></eb:Messaging>`))
			wantCode(t, err, test.code)
			if diff := cmp.Diff(test.want, got); err == nil && diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func FuzzParseMessaging(f *testing.F) {
	f.Add([]byte(foreign))
	f.Add(NewEnvelope(market()).AppendXML(nil))
	f.Add(NewEnvelope(&Receipt{MessageID: "r@h", RefToMessageID: "m@h", Timestamp: at, References: references(f)}).AppendXML(nil))
	f.Add(NewEnvelope(NewErrorSignal("e@h", "m@h", at, Faultf(Other, "x"))).AppendXML(nil))
	f.Fuzz(func(t *testing.T, doc []byte) {
		root, err := xmltree.Parse(doc, xmltree.Limits{})
		if err != nil {
			return
		}
		for e := range root.Descend() {
			if !e.Is(Namespace, "Messaging") {
				continue
			}
			m, err := ParseMessaging(e)
			if err != nil {
				if _, ok := errors.AsType[*Fault](err); !ok {
					t.Fatalf("%v is no fault", err)
				}
				continue
			}
			if u, ok := m.(*UserMessage); ok {
				_ = u.Check()
			}
			if r, ok := m.(*Receipt); ok {
				_ = MatchReceipt("m@h", []Signed{{URI: "#M-1"}}, r)
			}
			if _, err := reread(t, m); err != nil {
				t.Errorf("%v cannot be read again: %v", m, err)
			}
		}
	})
}
