package ebms

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// at is when all messages of the tests are made.
var at = time.Date(2026, 11, 22, 8, 37, 54, 295_000_000, time.UTC)

// market is a message as the profile wants it.
func market() *UserMessage {
	return &UserMessage{
		MessageID: "5c9be0a4-58f9-4a9a-8b38-7f6a1c1f3e01@as4.example.org", Timestamp: at,
		From:      Party{ID: "9900000000001", Type: PartyTypeBDEW, Role: RoleInitiator},
		To:        Party{ID: "9800000000002", Type: PartyTypeDVGW, Role: RoleResponder},
		Agreement: Agreement, Service: ServiceMP, Action: ActionDefault,
		Parts: []PartInfo{{Href: "cid:payload-1@as4.example.org", Properties: []Property{
			{Name: PropertyMimeType, Value: "application/octet-stream"},
			{Name: PropertyCompressionType, Value: CompressionGzip},
			{Name: PropertyDocumentType, Value: "MSCONS"},
			{Name: PropertyDocumentNo, Value: "REF1"},
			{Name: PropertyDocumentDate, Value: "2026-11-22"},
			{Name: PropertyApplicationReference, Value: "TL"},
		}}},
	}
}

func tree(t testing.TB, doc string) *xmltree.Element {
	t.Helper()
	root, err := xmltree.Parse([]byte(doc), xmltree.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// reread writes a message and reads it.
func reread(t testing.TB, m Message) (Message, error) {
	t.Helper()
	root := tree(t, string(NewEnvelope(m).AppendXML(nil)))
	return ParseMessaging(root.Find(SOAPNamespace, "Header").Find(Namespace, "Messaging"))
}

// wantCode checks that err is a fault with a code, or nil for "".
func wantCode(t *testing.T, err error, code Code) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Errorf("got %v", err)
		}
		return
	}
	if f, ok := errors.AsType[*Fault](err); !ok || f.Code != code || f.Text == "" {
		t.Errorf("got %v, want %s", err, code)
	}
}

// references are the ds:Reference elements of a signature, in the words of a product with prefix lists.
func references(t testing.TB) []*xmltree.Element {
	t.Helper()
	return tree(t, signature).Elements(dsNamespace, "Reference")
}

const signature = `<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xmlns:eb="urn:unused">
 <ds:Reference URI="#M-1"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="S12 eb"/></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=</ds:DigestValue></ds:Reference>
 <ds:Reference URI="cid:payload-1@as4.example.org"><ds:Transforms><ds:Transform Algorithm="http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Content-Signature-Transform"/></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>AgIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=</ds:DigestValue></ds:Reference>
 <Reference xmlns="http://www.w3.org/2000/09/xmldsig#" URI="#B-1"><DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue>
AwIDBAUGBwgJCgsMDQ4PEBESExQV
FhcYGRobHB0eHyA=</DigestValue></Reference>
</ds:SignedInfo>`

func TestGolden(t *testing.T) {
	t.Parallel()
	test := market()
	test.Service, test.Action = ServiceTest, ActionTest
	pathSwitch := market()
	pathSwitch.Service, pathSwitch.Action, pathSwitch.Parts = ServicePathSwitch, ActionRequestSwitch, nil
	for name, m := range map[string]Message{
		"market": market(), "test": test, "pathswitch": pathSwitch,
		"receipt": &Receipt{MessageID: "0d1f6f0e-2d5c-4e8e-9d0c-1d9c1f5b7a02@as4.example.com", RefToMessageID: market().MessageID, Timestamp: at, References: references(t)},
		"error":   NewErrorSignal("0d1f6f0e-2d5c-4e8e-9d0c-1d9c1f5b7a03@as4.example.com", market().MessageID, at, Faultf(FailedDecryption, "the payload cannot be decrypted")),
	} {
		file := filepath.Join("testdata", name+".xml")
		got := NewEnvelope(m).AppendXML(nil)
		if *update {
			if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.TrimSuffix(string(want), "\n"), string(got)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// What is sent keeps the rules that are applied to what arrives.
func TestMarketIsValid(t *testing.T) {
	t.Parallel()
	m, err := reread(t, market())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Message(market()), m); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	wantCode(t, m.(*UserMessage).Check(), "")
}

// word draws a value as it can be in a header.
func word() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := rapid.StringOfN(rapid.RuneFrom([]rune("aZ09 <>&\"'\n\t\r]äß€\u00a0😀@%:/")), 0, 40, -1).Draw(t, "value")
		return strings.Trim(s, whiteSpace)
	})
}

func instant() *rapid.Generator[time.Time] {
	return rapid.Map(rapid.Int64Range(0, 4e12), func(ms int64) time.Time { return time.UnixMilli(ms).UTC() })
}

func messageID() *rapid.Generator[string] {
	return rapid.StringMatching(`[A-Za-z0-9.<>&_:ä-]{1,60}(@[a-z.]{1,20})?`)
}

func anyUserMessage() *rapid.Generator[*UserMessage] {
	party := rapid.Custom(func(t *rapid.T) Party {
		return Party{ID: word().Draw(t, "id"), Type: word().Draw(t, "type"), Role: word().Draw(t, "role")}
	})
	property := rapid.Custom(func(t *rapid.T) Property {
		return Property{Name: "n" + word().Draw(t, "name"), Type: word().Draw(t, "type"), Value: word().Draw(t, "value")}
	})
	part := rapid.Custom(func(t *rapid.T) PartInfo {
		return PartInfo{Href: word().Draw(t, "href"), Properties: rapid.SliceOfNDistinct(property, 0, 4, func(p Property) string { return p.Name }).Draw(t, "properties")}
	})
	return rapid.Custom(func(t *rapid.T) *UserMessage {
		return &UserMessage{
			MessageID: messageID().Draw(t, "id"), RefToMessageID: word().Draw(t, "ref"), Timestamp: instant().Draw(t, "at"),
			MPC: word().Draw(t, "mpc"), From: party.Draw(t, "from"), To: party.Draw(t, "to"), Agreement: word().Draw(t, "agreement"),
			Service: word().Draw(t, "service"), Action: word().Draw(t, "action"), ConversationID: word().Draw(t, "conversation"),
			Properties: rapid.SliceOfN(property, 0, 3).Draw(t, "properties"), Parts: rapid.SliceOfN(part, 0, 3).Draw(t, "parts"),
		}
	})
}

func TestUserMessageRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		want := anyUserMessage().Draw(rt, "message")
		got, err := reread(t, want)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(Message(want), got, cmpopts.EquateEmpty()); diff != "" {
			rt.Errorf("(-want +got)\n%s", diff)
		}
		_ = got.(*UserMessage).Check() // whatever it says, it does not panic
	})
}

func TestErrorSignalRoundTrip(t *testing.T) {
	t.Parallel()
	flat := rapid.Map(word(), shorten)
	one := rapid.Custom(func(t *rapid.T) Error {
		return Error{
			Code: Code(flat.Draw(t, "code")), Severity: rapid.SampledFrom([]string{Failure, Warning}).Draw(t, "severity"), Short: flat.Draw(t, "short"),
			Category: flat.Draw(t, "category"), Origin: flat.Draw(t, "origin"), RefTo: flat.Draw(t, "ref"), Description: flat.Draw(t, "text"), Detail: flat.Draw(t, "detail"),
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		want := &ErrorSignal{
			MessageID: messageID().Draw(rt, "id"), RefToMessageID: word().Draw(rt, "ref"), Timestamp: instant().Draw(rt, "at"),
			Errors: rapid.SliceOfN(one, 1, 3).Draw(rt, "errors"),
		}
		got, err := reread(t, want)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(Message(want), got); diff != "" {
			rt.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// Moving references into a receipt does not change what they say: their canonical form stays.
func TestReceiptKeepsReferences(t *testing.T) {
	t.Parallel()
	want := references(t)
	m, err := reread(t, &Receipt{MessageID: "r@h", RefToMessageID: "m@h", Timestamp: at, References: want})
	if err != nil {
		t.Fatal(err)
	}
	got := m.(*Receipt).References
	if len(got) != len(want) {
		t.Fatalf("%d references, want %d", len(got), len(want))
	}
	for i := range want {
		if diff := cmp.Diff(string(want[i].Canonical(nil)), string(got[i].Canonical(nil))); diff != "" {
			t.Errorf("reference %d: (-want +got)\n%s", i, diff)
		}
		if want[i].Parent == nil || want[i].Parent.Local != "SignedInfo" {
			t.Errorf("reference %d was taken out of its signature", i)
		}
	}
}
