package event

import (
	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/ident"
)

// Answer is the result of a check: a code and the decision tree or code list it comes from.
type Answer struct {
	Code  string `json:"code"`
	Table string `json:"table"`
	Text  string `json:"text,omitempty"` // DE 9012
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
	if len(list) == 0 {
		return nil
	}
	return list
}
