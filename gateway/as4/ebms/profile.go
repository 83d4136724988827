package ebms

import (
	"slices"
	"strings"
)

// Services of the profile. EDIFACT travels under ServiceMP only; the others belong to processes with rules of their own.
//
// Spec: BDEW AS4-Profil 1.1, 2.3.1.2 and 2.3.7
const (
	ServiceMP         = "https://www.bdew.de/as4/communication/services/MP" // market processes
	ServiceFP         = "https://www.bdew.de/as4/communication/services/FP" // schedules
	ServiceRD         = "https://www.bdew.de/as4/communication/services/RD" // Redispatch 2.0
	ServiceKW         = "https://www.bdew.de/as4/communication/services/KW" // KWEP
	ServiceSO         = "https://www.bdew.de/as4/communication/services/SO" // System Operation Guideline
	ServicePathSwitch = "https://www.bdew.de/as4/communication/services/pathSwitch"
	ServiceTest       = Namespace + "service"

	// serviceTestToo is printed as the Service of the test in the table of the P-Mode, and some send it.
	serviceTestToo = Namespace + "test"
)

// Actions of the profile.
//
// Spec: BDEW AS4-Profil 1.1, 2.3.1.2 and 2.3.7
const (
	ActionDefault       = "http://docs.oasis-open.org/ebxml-msg/as4/200902/action" // of all services for processes
	ActionTest          = Namespace + "test"
	ActionRequestSwitch = "https://www.bdew.de/as4/communication/actions/requestSwitch"
	ActionConfirmSwitch = "https://www.bdew.de/as4/communication/actions/confirmSwitch"
)

// The other values that the profile lays down.
//
// Spec: BDEW AS4-Profil 1.1, 2.3.1 to 2.3.3
const (
	RoleInitiator = Namespace + "initiator" // of From
	RoleResponder = Namespace + "responder" // of To
	Agreement     = "https://www.bdew.de/as4/communication/agreement"
	DefaultMPC    = Namespace + "defaultMPC"
)

// Code lists of MP-IDs, as the type of a PartyId.
//
// Spec: BDEW AS4-Profil 1.1, 2.3.1.1
const (
	PartyTypeGLN  = "urn:oasis:names:tc:ebcore:partyid-type:iso6523:0088"
	PartyTypeBDEW = "urn:oasis:names:tc:ebcore:partyid-type:unregistered:BDEW"
	PartyTypeDVGW = "urn:oasis:names:tc:ebcore:partyid-type:unregistered:DVGW"
	PartyTypeBAHN = "urn:oasis:names:tc:ebcore:partyid-type:unregistered:BAHN" // DB Energie, Bahnstrom
)

// PartyTypeOf returns the type of a PartyId for the code list of an MP-ID in EDIFACT (UNB 0007): 14, 500 or 502. It is
// empty for others. MP-IDs of Bahnstrom have 500 in EDIFACT, so their type cannot be told from it.
func PartyTypeOf(codeList string) string {
	return map[string]string{"14": PartyTypeGLN, "500": PartyTypeBDEW, "502": PartyTypeDVGW}[codeList]
}

// Names of the properties of a payload.
//
// Spec: AS4 Profile 1.0, 3.1
// Spec: Regelungen zum Übertragungsweg AS4 2.0, 6
const (
	PropertyMimeType        = "MimeType"        // of the payload before compression
	PropertyCompressionType = "CompressionType" // always CompressionGzip
	PropertyCharacterSet    = "CharacterSet"    // of XML

	PropertyDocumentType         = "BDEWDocumentType"         // EDIFACT: UNH 0065
	PropertyDocumentNo           = "BDEWDocumentNo"           // EDIFACT: UNB 0020
	PropertyDocumentDate         = "BDEWDocumentDate"         // day on which the file was made, CCYY-MM-DD in UTC
	PropertyApplicationReference = "BDEWApplicationReference" // EDIFACT: UNB 0026
	PropertyFulfillmentDate      = "BDEWFulfillmentDate"      // schedules: day of delivery, CCYY-MM-DD
	PropertySubjectPartyID       = "BDEWSubjectPartyID"       // schedules: EIC of the sender
	PropertySubjectPartyRole     = "BDEWSubjectPartyRole"     // schedules: role code, such as A08

	CompressionGzip = "application/gzip"
)

// Purpose is what a user message is for.
type Purpose int

// The purposes of user messages.
const (
	Unknown    Purpose = iota // not in the profile
	Business                  // a file of a process: ServiceMP, ServiceFP, ServiceRD, ServiceKW or ServiceSO
	Test                      // test service; is receipted and not delivered
	PathSwitch                // announces or confirms that AS4 is used from now on; its payload is ignored
)

// services are the services with their actions.
var services = map[string]struct {
	purpose Purpose
	actions []string
}{
	ServiceMP:         {Business, []string{ActionDefault}},
	ServiceFP:         {Business, []string{ActionDefault}},
	ServiceRD:         {Business, []string{ActionDefault}},
	ServiceKW:         {Business, []string{ActionDefault}},
	ServiceSO:         {Business, []string{ActionDefault}},
	ServiceTest:       {Test, []string{ActionTest}},
	serviceTestToo:    {Test, []string{ActionTest}},
	ServicePathSwitch: {PathSwitch, []string{ActionRequestSwitch, ActionConfirmSwitch}},
}

var actions = []string{ActionDefault, ActionTest, ActionRequestSwitch, ActionConfirmSwitch}

// Purpose returns what the message is for by its Service.
func (m *UserMessage) Purpose() Purpose { return services[m.Service].purpose }

// Check applies the rules of the profile to the header, for a message that is about to be sent as well as for one that
// arrived. It returns the first violation as a *Fault. Which MP-IDs are served and which services are used is for the
// caller to know, and that From is who signed.
//
// Spec: BDEW AS4-Profil 1.1, 2.2.3 and 2.3
func (m *UserMessage) Check() error {
	if err := CheckMessageID(m.MessageID); err != nil {
		return err
	}
	switch {
	case m.RefToMessageID != "":
		return Faultf(InvalidHeader, "RefToMessageId is not used")
	case m.MPC != "" && m.MPC != DefaultMPC:
		return Faultf(ProcessingModeMismatch, "only the default message partition channel is used")
	}
	if err := m.From.check("From", RoleInitiator); err != nil {
		return err
	}
	if err := m.To.check("To", RoleResponder); err != nil {
		return err
	}
	s, known := services[m.Service]
	switch {
	case m.Agreement != Agreement:
		return Faultf(ValueInconsistent, "AgreementRef is not that of the profile")
	case !known:
		return Faultf(ValueNotRecognized, "the Service is unknown")
	case !slices.Contains(actions, m.Action):
		return Faultf(ValueNotRecognized, "the Action is unknown")
	case !slices.Contains(s.actions, m.Action):
		return Faultf(ProcessingModeMismatch, "the Action does not belong to the Service")
	case m.Service == ServiceMP && len(m.Parts) != 1:
		return Faultf(ProcessingModeMismatch, "a message of the Service MP has exactly one payload")
	case s.purpose != PathSwitch && len(m.Parts) == 0:
		return Faultf(ProcessingModeMismatch, "the payload is missing")
	}
	return m.checkParts(s.purpose)
}

func (p Party) check(name, role string) error {
	switch {
	case !isMPID(p.ID):
		return Faultf(ValueNotRecognized, "the PartyId of %s is no MP-ID", name)
	case p.Type == "": // then it would have to be a URI (OASIS ebMS 3.0 Core 5.2.2.4)
		return Faultf(ValueInconsistent, "the PartyId of %s has no type", name)
	case !slices.Contains([]string{PartyTypeGLN, PartyTypeBDEW, PartyTypeDVGW, PartyTypeBAHN}, p.Type):
		return Faultf(ValueNotRecognized, "the type of the PartyId of %s is unknown", name)
	case p.Role != role:
		return Faultf(ValueNotRecognized, "the Role of %s is not that of the profile", name)
	}
	return nil
}

// isMPID reports whether an MP-ID has its form. Its check digit is nothing to refuse a message for.
func isMPID(s string) bool {
	return len(s) == 13 && strings.Trim(s, "0123456789") == ""
}

// checkParts checks the references to payloads and the properties that are needed to read them. Those of the market are
// never required, and MimeType is not missed by anybody: nothing depends on it.
func (m *UserMessage) checkParts(purpose Purpose) error {
	seen := map[string]bool{}
	for _, p := range m.Parts {
		id, err := ContentID(p.Href)
		if err != nil {
			return err
		}
		if seen[id] {
			return Faultf(MimeInconsistency, "two PartInfo name the same part")
		}
		seen[id] = true
		compression, compressed := p.Property(PropertyCompressionType)
		switch {
		case purpose == PathSwitch: // nobody reads it
		case !compressed:
			return Faultf(ProcessingModeMismatch, "the payload is not compressed")
		case !strings.EqualFold(compression, CompressionGzip):
			return Faultf(ValueNotRecognized, "the CompressionType is unknown")
		}
	}
	return nil
}
