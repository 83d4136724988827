package event

// family says which code reads metered values; 0: the mapping file says everything.
type family uint8

const (
	readingFamily family = iota + 1
	energyFamily
	profileFamily
	mixedFamily // a profile, or values without interval
	reversalFamily
)

// families are the names of families in mapping files.
var families = map[string]family{
	"readings": readingFamily, "energies": energyFamily, "profile": profileFamily, "mixed": mixedFamily, "reversal": reversalFamily,
}

// Code is a code of a message with a normalised name, empty if the code has none here.
type Code struct {
	Code string `json:"code"`
	Name string `json:"name,omitempty"`
}

// named looks a code up in a table of names.
func named(names map[string]string, code string) *Code {
	if code == "" {
		return nil
	}
	return &Code{Code: code, Name: names[code]}
}

// levyNames are names of the basis for lower levies.
//
// Spec: UTILMD MIG Strom S2.2, SG10 CCI+Z61
var levyNames = map[string]string{"ZF9": "fulfilled", "ZG0": "not-fulfilled", "ZG1": "not-applicable"}

// coverageNames say how far a product package must be put into effect.
//
// Spec: UTILMD MIG Strom S2.2, SG10 CCI+Z65
var coverageNames = map[string]string{"Z01": "complete", "Z02": "partly"}

// priorities are the ranks of product packages.
//
// Spec: UTILMD MIG Strom S2.2, SG10 CAV+Z75 to Z79
var priorities = map[string]int{"Z75": 1, "Z76": 2, "Z77": 3, "Z78": 4, "Z79": 5}

// msbRoleNames are the kinds of metering operators.
//
// Spec: UTILMD MIG Strom S2.2, SG10 CAV+Z91
var msbRoleNames = map[string]string{"Z39": "gMSB", "Z40": "wMSB", "Z41": "Auffang-MSB"}

// msbBasisNames say why the metering operator is one.
//
// Spec: UTILMD MIG Strom S2.2, SG10 CAV+Z91
var msbBasisNames = map[string]string{"Z19": "contract", "Z20": "continued-obligation"}

// structureNames say what a name is.
//
// Spec: UTILMD MIG Strom S2.2, DE 3045
var structureNames = map[string]string{"Z01": "person", "Z02": "company"}

// qualityNames are names of the status of a value.
//
// Spec: MSCONS MIG 2.5, SG10 QTY DE 6063
var qualityNames = map[string]string{
	"220": "true", "67": "substitute", "Z18": "preliminary", "201": "proposed", "20": "unusable", "187": "forecast",
	"79": "sum", "Z30": "missing", "Z31": "delivery-note", "Z47": "price-cap-basis",
}

// statusNames are names of the categories of SG10 STS.
//
// Spec: MSCONS MIG 2.5, SG10 STS DE 9015
var statusNames = map[string]string{
	"Z33": "plausibility-hint", "Z32": "substitution-method", "Z34": "correction-reason", "Z40": "substitution-reason",
	"Z31": "gas-quality", "10": "energy-basis",
}

// referenceNames say what a reference points at.
//
// Spec: UTILMD AHB Strom 2.2, SG6 RFF; MSCONS AHB 3.2, SG1 RFF
var referenceNames = map[string]string{
	"TN": "request-transaction", "ACW": "cancelled-document", "AGI": "ordering-document", "AAV": "request-document",
	"Z30": "master-data-transaction",
}
