package event

import (
	"slices"
	"strings"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/calendar"
	"github.com/marktbote/marktbote/formats/ident"
)

// Contract is the data of the events contract.*: what the partner said about the supply of a location. Fields that
// the use case does not have are absent.
type Contract struct {
	Message Message `json:"message"`

	MaLoID         ident.MaLoID   `json:"maloId,omitempty"`
	DormantMaLoIDs []ident.MaLoID `json:"dormantMaloIds,omitempty"`
	TranchenID     ident.MaLoID   `json:"tranchenId,omitempty"`
	MeLoIDs        []ident.MeLoID `json:"meloIds,omitempty"`
	NeLoIDs        []ident.NeLoID `json:"neloIds,omitempty"`
	SRIDs          []ident.SRID   `json:"srIds,omitempty"`
	TRIDs          []ident.TRID   `json:"trIds,omitempty"`

	Start        time.Time     `json:"start,omitzero"`    // first instant of the supply
	StartDay     calendar.Date `json:"startDay,omitzero"` // first local day of the supply
	End          time.Time     `json:"end,omitzero"`      // first instant after the supply
	LastDay      calendar.Date `json:"lastDay,omitzero"`  // last local day of the supply
	NextEnd      time.Time     `json:"nextPossibleEnd,omitzero"`
	ChangeDate   time.Time     `json:"changeDate,omitzero"`
	PendingStart time.Time     `json:"pendingStart,omitzero"` // start of the other registration in work
	RetryDate    time.Time     `json:"retryDate,omitzero"`    // from then on a new registration is worked on

	Reason             *Code   `json:"reason,omitempty"`
	ReasonDetail       *Code   `json:"reasonDetail,omitempty"`
	Termination        *Code   `json:"termination,omitempty"` // a temporary supply ends for this reason
	Answer             *Answer `json:"answer,omitempty"`
	ThirdPartyAnswer   *Answer `json:"thirdPartyAnswer,omitempty"`
	ThirdParty         *Party  `json:"thirdParty,omitempty"`
	RequestTransaction string  `json:"requestTransaction,omitempty"`
	Remark             string  `json:"remark,omitempty"`

	ProductPackages       []ProductPackage `json:"productPackages,omitempty"`
	PlannedProductPackage string           `json:"plannedProductPackage,omitempty"`
	CustomerGroup         *Code            `json:"customerGroup,omitempty"`
	LevyPrivilege         *LevyPrivilege   `json:"levyPrivilege,omitempty"`
	MSBs                  []AssignedMSB    `json:"msbs,omitempty"`

	// Personal holds personal data. Consumers that may not see it get the event without.
	Personal *Personal `json:"personal,omitempty"`
}

// Answer is the result of a check: a code and the decision tree or code list it comes from.
type Answer struct {
	Code  string `json:"code"`
	Table string `json:"table"`
}

// ProductPackage is a set of products that the supplier asks for, or that the answer names as not possible.
type ProductPackage struct {
	ID       string    `json:"id"`
	Priority int       `json:"priority,omitempty"` // 1 is the first choice
	Coverage *Code     `json:"coverage,omitempty"`
	Products []Product `json:"products"`
}

// Product is one product of a package.
type Product struct {
	Code       string   `json:"code"`
	Properties []string `json:"properties,omitempty"` // codes of the property
	Values     []string `json:"values,omitempty"`     // details such as a balancing group
}

// LevyPrivilege says whether the customer pays lower levies.
type LevyPrivilege struct {
	Basis   *Code    `json:"basis"`
	Reasons []string `json:"reasons,omitempty"`
}

// AssignedMSB is the metering operator of a location.
type AssignedMSB struct {
	Location     string               `json:"location,omitempty"`
	LocationKind ident.Kind           `json:"locationKind"`
	ID           ident.MarktpartnerID `json:"id"`
	Role         *Code                `json:"role,omitempty"`
	Basis        *Code                `json:"basis,omitempty"`
	GMSB         ident.MarktpartnerID `json:"gmsb,omitempty"` // operator by law at the same location
}

// Personal is what an event says about people.
type Personal struct {
	Customer       *Name     `json:"customer,omitempty"`
	Correspondence *Address  `json:"correspondence,omitempty"`
	Address        *Address  `json:"address,omitempty"` // of the location
	Contacts       []Contact `json:"contacts,omitempty"`
}

// Name is a name as sent: up to five parts, read according to the structure.
type Name struct {
	Parts     []string `json:"parts"`
	Structure *Code    `json:"structure,omitempty"`
}

// Address is a postal address.
type Address struct {
	Name       *Name    `json:"name,omitempty"`
	Details    []string `json:"details,omitempty"` // where to find the location
	Street     []string `json:"street,omitempty"`
	City       string   `json:"city,omitempty"`
	PostalCode string   `json:"postalCode,omitempty"`
	Country    string   `json:"country,omitempty"`
}

// Contact is a telephone number (TE) or mail address (EM).
type Contact struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// block is the SG8 that the walk over a transaction is in.
type block struct {
	qualifier string // SEQ 1229
	class     string // CCI 7059
	feature   string // CCI 7037
	pack      int    // index in ProductPackages, -1
	location  string
	kind      ident.Kind
	msb       int // index in MSBs, -1
}

// contract reads a transaction of UTILMD.
//
// Spec: UTILMD MIG Strom S2.2, SG4
func (p *parser) contract(t Transaction, msg Message) *Contract {
	c := &Contract{Message: msg}
	b := block{pack: -1, msb: -1}
	for n := t.First; n <= t.Last; n++ {
		s := p.m.Segment(n)
		switch s.Tag() {
		case tagDTM:
			if b.qualifier == "" {
				p.contractTime(c, &s)
			}
		case tagSTS:
			contractStatus(c, &s)
		case tagFTX:
			if s.Is(2, 1, "ACB") {
				c.Remark = strings.Join(parts(&s, 5, 1, 5), "")
			}
		case tagLOC:
			c.location(&s)
		case tagRFF:
			p.contractReference(c, &b, &s)
		case tagSEQ:
			b = c.open(&s)
		case tagPIA, tagCCI, tagCAV:
			c.feature(&b, &s)
		case tagNAD:
			c.party(&s)
		case tagCOM:
			personal := c.personal()
			personal.Contacts = append(personal.Contacts, Contact{Type: s.Text(2, 2), Value: s.Text(2, 1)})
		}
	}
	if !c.Start.IsZero() {
		c.StartDay = calendar.DayOf(p.env.Sparte, c.Start)
	}
	if !c.End.IsZero() {
		c.LastDay = calendar.DayOf(p.env.Sparte, c.End.Add(-time.Nanosecond))
	}
	return c
}

// contractTime reads a DTM of the transaction.
//
// Spec: UTILMD MIG Strom S2.2, SG4 DTM
func (p *parser) contractTime(c *Contract, s *edifact.Segment) {
	target := map[string]*time.Time{
		"92": &c.Start, "93": &c.End, "471": &c.NextEnd, "157": &c.ChangeDate, "Z07": &c.PendingStart, "Z08": &c.RetryDate,
	}[s.Text(2, 1)]
	if target != nil {
		*target = p.instant(s)
	}
}

// contractStatus reads reason and answers.
//
// Spec: UTILMD MIG Strom S2.2, SG4 STS+7, E01, Z35
func contractStatus(c *Contract, s *edifact.Segment) {
	switch s.Text(2, 1) {
	case "7":
		c.Reason = named(reasonNames, s.Text(4, 1))
		c.ReasonDetail = named(reasonDetailNames, s.Text(5, 1))
		c.Termination = named(reasonNames, s.Text(6, 1))
	case "E01":
		c.Answer = &Answer{Code: s.Text(4, 1), Table: s.Text(4, 2)}
	case "Z35":
		c.ThirdPartyAnswer = &Answer{Code: s.Text(4, 1), Table: s.Text(4, 2)}
	}
}

// location reads a LOC.
//
// Spec: UTILMD MIG Strom S2.2, SG5 LOC
func (c *Contract) location(s *edifact.Segment) {
	id := s.Text(3, 1)
	switch s.Text(2, 1) {
	case "Z16":
		c.MaLoID = ident.MaLoID(id)
	case "Z22":
		c.DormantMaLoIDs = append(c.DormantMaLoIDs, ident.MaLoID(id))
	case "Z21":
		c.TranchenID = ident.MaLoID(id)
	case "Z17":
		c.MeLoIDs = append(c.MeLoIDs, ident.MeLoID(id))
	case "Z18":
		c.NeLoIDs = append(c.NeLoIDs, ident.NeLoID(id))
	case "Z19":
		c.SRIDs = append(c.SRIDs, ident.SRID(id))
	case "Z20":
		c.TRIDs = append(c.TRIDs, ident.TRID(id))
	}
}

// contractReference reads an RFF: of the transaction, or of the location that a SEQ block is about.
//
// Spec: UTILMD MIG Strom S2.2, SG6 RFF, SG8 RFF
func (p *parser) contractReference(c *Contract, b *block, s *edifact.Segment) {
	q, value := s.Text(2, 1), s.Text(2, 2)
	if b.qualifier != "" {
		b.location = value
		switch q {
		case "Z32":
			b.kind = ident.KindNeLo
		case "Z38":
			b.kind = ident.KindSR
		case "Z19":
			b.kind = ident.KindMeLo
		}
		return
	}
	switch q {
	case "TN":
		c.RequestTransaction = value
	case "Z60":
		c.PlannedProductPackage = value
	}
	p.reference(s, &c.Message.References)
}

// open begins the block of a SEQ.
//
// Spec: UTILMD MIG Strom S2.2, SG8 SEQ+Z79, ZH0, Z01, Z98
func (c *Contract) open(s *edifact.Segment) block {
	b := block{qualifier: s.Text(2, 1), pack: -1, msb: -1}
	switch b.qualifier {
	case "Z79", "ZH0":
		id := s.Text(3, 1)
		b.pack = slices.IndexFunc(c.ProductPackages, func(p ProductPackage) bool { return p.ID == id })
		if b.pack < 0 {
			c.ProductPackages = append(c.ProductPackages, ProductPackage{ID: id})
			b.pack = len(c.ProductPackages) - 1
		}
	case "Z01", "Z98":
		b.kind, b.location = ident.KindMaLo, c.MaLoID.String()
	}
	return b
}

// feature reads PIA, CCI and CAV of a block.
//
// Spec: UTILMD MIG Strom S2.2, SG8 PIA+5, SG10 CCI+Z61, Z65, Z66, ZB3, Z15, Z18, CAV+ZH9, ZV4, Z75 to Z79, Z91, ZF0
func (c *Contract) feature(b *block, s *edifact.Segment) {
	var pack *ProductPackage
	if b.pack >= 0 {
		pack = &c.ProductPackages[b.pack]
	}
	switch s.Tag() {
	case tagPIA:
		if pack != nil {
			pack.Products = append(pack.Products, Product{Code: s.Text(3, 1)})
		}
		return
	case tagCCI:
		b.class, b.feature, b.msb = s.Text(2, 1), s.Text(4, 1), -1
		switch {
		case b.class == "Z65" && pack != nil:
			pack.Coverage = named(coverageNames, s.Text(5, 1))
		case b.class == "Z61":
			c.LevyPrivilege = &LevyPrivilege{Basis: named(levyNames, b.feature)}
		case b.qualifier == "Z01" && customerGroupNames[b.feature] != "":
			c.CustomerGroup = named(customerGroupNames, b.feature)
		}
		return
	}
	code, value := s.Text(2, 1), s.Text(2, 4)
	switch {
	case pack != nil && priorities[code] > 0:
		pack.Priority = priorities[code]
	case pack != nil && len(pack.Products) > 0:
		product := &pack.Products[len(pack.Products)-1]
		switch code {
		case "ZH9":
			product.Properties = append(product.Properties, value)
		case "ZV4":
			product.Values = append(product.Values, value)
		}
	case b.class == "Z61" && c.LevyPrivilege != nil:
		c.LevyPrivilege.Reasons = append(c.LevyPrivilege.Reasons, code)
	case b.feature == "ZB3":
		c.msb(b, s)
	}
}

// msb reads the metering operator of the block's location.
func (c *Contract) msb(b *block, s *edifact.Segment) {
	id := ident.MarktpartnerID(s.Text(2, 2))
	switch s.Text(2, 1) {
	case "Z91":
		c.MSBs = append(c.MSBs, AssignedMSB{
			Location: b.location, LocationKind: b.kind, ID: id,
			Role: named(msbRoleNames, s.Text(2, 4)), Basis: named(msbBasisNames, s.Text(2, 5)),
		})
		b.msb = len(c.MSBs) - 1
	case "ZF0":
		if b.msb >= 0 {
			c.MSBs[b.msb].GMSB = id
		}
	}
}

// party reads a NAD of the transaction.
//
// Spec: UTILMD MIG Strom S2.2, SG12 NAD+VY, Z09, Z65, Z04, Z66, DP, Z60, Z63
func (c *Contract) party(s *edifact.Segment) {
	switch s.Text(2, 1) {
	case "VY":
		c.ThirdParty = &Party{ID: ident.MarktpartnerID(s.Text(3, 1)), CodeList: s.Text(3, 3)}
	case "Z09", "Z65":
		c.personal().Customer = name(s)
	case "Z04", "Z66":
		c.personal().Correspondence = address(s)
	case "DP", "Z60", "Z63":
		c.personal().Address = address(s)
	}
}

// personal returns the block of personal data, making it on first use.
func (c *Contract) personal() *Personal {
	if c.Personal == nil {
		c.Personal = &Personal{}
	}
	return c.Personal
}

func name(s *edifact.Segment) *Name {
	if p := parts(s, 5, 1, 5); p != nil {
		return &Name{Parts: p, Structure: named(structureNames, s.Text(5, 6))}
	}
	return nil
}

func address(s *edifact.Segment) *Address {
	return &Address{
		Name: name(s), Details: parts(s, 4, 1, 5), Street: parts(s, 6, 1, 4), City: s.Text(7, 1),
		PostalCode: s.Text(9, 1), Country: s.Text(10, 1),
	}
}

// parts returns components first to last of element e, without empty ones at the end; nil if all are empty.
func parts(s *edifact.Segment, e, first, last int) []string {
	var list []string
	for c := first; c <= last; c++ {
		list = append(list, s.Text(e, c))
	}
	for len(list) > 0 && list[len(list)-1] == "" {
		list = list[:len(list)-1]
	}
	return list
}
