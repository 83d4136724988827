package event

import (
	"slices"

	"github.com/marktbote/marktbote/formats/ident"
)

// family is the shape of an event's data.
type family uint8

const (
	contractFamily family = iota + 1
	readingFamily
	energyFamily
	profileFamily
	reversalFamily
)

// mapping is one row of the table: the event that a Pruefidentifikator raises.
type mapping struct {
	pid    ident.Pruefidentifikator
	codes  []string // BGM 1001 for which the row holds; nil: all
	name   string   // of the event, without prefix and version
	family family
}

// mappings is the table of events. A Pruefidentifikator can mean different things by BGM 1001; the first row that
// fits counts.
//
// Spec: UTILMD AHB Strom 2.2, 55001 to 55006; MSCONS AHB 3.2, 13006 and 13016 to 13025
var mappings = []mapping{
	{"55001", nil, "contract.supply-start.requested", contractFamily},
	{"55002", nil, "contract.supply-start.confirmed", contractFamily},
	{"55003", nil, "contract.supply-start.rejected", contractFamily},
	{"55004", nil, "contract.supply-end.requested", contractFamily},
	{"55005", nil, "contract.supply-end.confirmed", contractFamily},
	{"55006", nil, "contract.supply-end.rejected", contractFamily},

	{"13017", nil, "meter.reading.received", readingFamily},
	{"13018", nil, "meter.load-profile.received", profileFamily},
	{"13025", nil, "meter.load-profile.received", profileFamily},
	{"13016", []string{"Z42"}, "billing.delivery-note.received", energyFamily},
	{"13016", []string{"Z28"}, "meter.energy.received", energyFamily},
	{"13019", []string{"Z41"}, "billing.delivery-note.received", energyFamily},
	{"13019", []string{"7"}, "meter.energy.received", energyFamily},
	{"13006", []string{"Z41", "Z42", "270"}, "billing.delivery-note.reversed", reversalFamily},
	{"13006", []string{"7", "Z27", "Z28", "Z85"}, "meter.values.reversed", reversalFamily},
}

// lookup returns the row for a Pruefidentifikator and BGM 1001, nil if there is none.
func lookup(pid ident.Pruefidentifikator, code string) *mapping {
	for i := range mappings {
		if m := &mappings[i]; m.pid == pid && (m.codes == nil || slices.Contains(m.codes, code)) {
			return m
		}
	}
	return nil
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

// reasonNames are names of Transaktionsgruende.
//
// Spec: UTILMD MIG Strom S2.2, SG4 STS+7
var reasonNames = map[string]string{
	"E01": "move", "E02": "new-connection", "E03": "switch", "E05": "cancellation", "E06": "substitute-supply",
	"Z33": "closure", "Z41": "substitute-supply-ended", "ZG9": "future-assignment-cancelled-move",
	"ZH1": "future-assignment-cancelled-closure", "ZH2": "future-assignment-cancelled-contract",
	"ZT4": "terminated-by-supplier", "ZT5": "terminated-by-customer", "ZZD": "transitional-supply",
}

// reasonDetailNames are names of the Ergaenzung of a Transaktionsgrund.
//
// Spec: UTILMD MIG Strom S2.2, SG4 STS+7
var reasonDetailNames = map[string]string{
	"ZW3": "generating", "ZW4": "consuming", "ZW5": "tranche", "ZW6": "flat-rate", "ZW7": "metered", "ZAP": "dormant",
}

// levyNames are names of the basis for lower levies.
//
// Spec: UTILMD MIG Strom S2.2, SG10 CCI+Z61
var levyNames = map[string]string{"ZF9": "fulfilled", "ZG0": "not-fulfilled", "ZG1": "not-applicable"}

// customerGroupNames are names of the group of customers.
//
// Spec: UTILMD MIG Strom S2.2, SG10 CCI+++Z15, Z18
var customerGroupNames = map[string]string{"Z15": "household", "Z18": "no-household"}

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
