package event

import (
	"slices"

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

// block is the SG8 that the walk over a transaction is in.
type block struct {
	location string
	kind     ident.Kind
}

// productPackages reads the packages of products, one object per package id.
//
// Spec: UTILMD MIG Strom S2.2, SG8 SEQ+Z79, ZH0
func productPackages(f *filler, root *instance, _ slots, _ *object) any {
	var list []*ProductPackage
	eachSG8(root, func(in *instance) {
		s := f.p.m.Segment(in.segments[0])
		if q := s.Text(2, 1); q != "Z79" && q != "ZH0" {
			return
		}
		id := s.Text(3, 1)
		i := slices.IndexFunc(list, func(p *ProductPackage) bool { return p.ID == id })
		if i < 0 {
			i = len(list)
			list = append(list, &ProductPackage{ID: id})
		}
		f.take(in.segments[0], 2, 1)
		f.take(in.segments[0], 3, 1)
		f.productPackage(list[i], in)
	})
	if list == nil {
		return nil
	}
	return list
}

// eachSG8 visits the blocks of a transaction.
func eachSG8(in *instance, visit func(*instance)) {
	if in.group.name == "SG8" {
		visit(in)
		return
	}
	for _, sub := range in.below {
		eachSG8(sub, visit)
	}
}

// productPackage reads one block of a package.
//
// Spec: UTILMD MIG Strom S2.2, SG8 PIA+5, SG10 CCI+Z65, Z66, CAV+ZH9, ZV4, Z75 to Z79
func (f *filler) productPackage(p *ProductPackage, in *instance) {
	first := len(p.Products)
	for _, n := range in.segments[1:] {
		if s := f.p.m.Segment(n); s.Tag() == tagPIA && s.Is(3, 2, "Z11") {
			f.take(n, 2, 1)
			f.take(n, 3, 1, 2)
			p.Products = append(p.Products, Product{Code: s.Text(3, 1)})
		}
	}
	for _, sub := range in.below {
		n := sub.segments[0]
		s := f.p.m.Segment(n)
		if s.Tag() != tagCCI {
			continue
		}
		if s.Is(2, 1, "Z65") && p.Coverage == nil {
			p.Coverage = named(coverageNames, s.Text(5, 1))
			f.take(n, 2, 1)
			f.take(n, 5, 1)
		}
		for _, m := range sub.segments[1:] {
			c := f.p.m.Segment(m)
			code, value := c.Text(2, 1), c.Text(2, 4)
			switch {
			case priorities[code] > 0 && p.Priority == 0:
				p.Priority = priorities[code]
				f.take(m, 2, 1)
			case code == "ZH9" && len(p.Products) > first:
				last := &p.Products[len(p.Products)-1]
				last.Properties = append(last.Properties, value)
				f.take(m, 2, 1, 4)
			case code == "ZV4" && len(p.Products) > first:
				last := &p.Products[len(p.Products)-1]
				last.Values = append(last.Values, value)
				f.take(m, 2, 1, 4)
			default:
				continue
			}
			f.take(n, 2, 1)
			f.take(n, 4, 1)
		}
	}
}

// levyPrivilege reads whether the customer pays lower levies.
//
// Spec: UTILMD MIG Strom S2.2, SG8 SEQ+Z75, SG10 CCI+Z61
func levyPrivilege(f *filler, root *instance, _ slots, _ *object) any {
	var l *LevyPrivilege
	eachSG8(root, func(in *instance) {
		for _, sub := range in.below {
			s := f.p.m.Segment(sub.segments[0])
			if s.Tag() != tagCCI || !s.Is(2, 1, "Z61") || l != nil {
				continue
			}
			l = &LevyPrivilege{Basis: named(levyNames, s.Text(4, 1))}
			for _, n := range sub.segments[1:] {
				if c := f.p.m.Segment(n); !c.Empty(2, 1) {
					l.Reasons = append(l.Reasons, c.Text(2, 1))
				}
			}
		}
	})
	if l == nil {
		return nil
	}
	return l
}

// assignedMSBs reads the metering operators of the locations.
//
// Spec: UTILMD MIG Strom S2.2, SG8 RFF, SG10 CCI+++ZB3, CAV+Z91, ZF0
func assignedMSBs(f *filler, root *instance, _ slots, _ *object) any {
	var list []*AssignedMSB
	eachSG8(root, func(in *instance) {
		s := f.p.m.Segment(in.segments[0])
		b := block{}
		if q := s.Text(2, 1); q == "Z01" || q == "Z98" {
			b.kind, b.location = ident.KindMaLo, f.maloOf(root)
		}
		for _, n := range in.segments[1:] {
			if ref := f.p.m.Segment(n); ref.Tag() == tagRFF {
				b.location = ref.Text(2, 2)
				if k := locationKinds[ref.Text(2, 1)]; k != "" {
					b.kind = k
				}
			}
		}
		for _, sub := range in.below {
			c := f.p.m.Segment(sub.segments[0])
			if !c.Is(4, 1, "ZB3") {
				continue
			}
			var last *AssignedMSB
			for _, n := range sub.segments[1:] {
				v := f.p.m.Segment(n)
				switch id := ident.MarktpartnerID(v.Text(2, 2)); {
				case v.Is(2, 1, "Z91"):
					last = &AssignedMSB{
						Location: b.location, LocationKind: b.kind, ID: id,
						Role: named(msbRoleNames, v.Text(2, 4)), Basis: named(msbBasisNames, v.Text(2, 5)),
					}
					list = append(list, last)
					f.take(n, 2, 1, 2, 4, 5)
					f.take(sub.segments[0], 4, 1)
				case v.Is(2, 1, "ZF0") && last != nil && last.GMSB == "":
					last.GMSB = id
					f.take(n, 2, 1, 2)
				}
			}
		}
	})
	if list == nil {
		return nil
	}
	return list
}

// locationKinds are the kinds of locations by the reference that names one.
//
// Spec: UTILMD MIG Strom S2.2, SG8 RFF+Z18 to Z20, Z32, Z37, Z38
var locationKinds = map[string]ident.Kind{
	"Z18": ident.KindMaLo, "Z19": ident.KindMeLo, "Z20": KindTranche, "Z32": ident.KindNeLo, "Z37": ident.KindTR, "Z38": ident.KindSR,
}

// maloOf returns the MaLo of a transaction.
func (f *filler) maloOf(in *instance) string {
	for _, sub := range in.below {
		if s := f.p.m.Segment(sub.segments[0]); s.Tag() == tagLOC && s.Is(2, 1, "Z16") {
			return s.Text(3, 1)
		}
		if id := f.maloOf(sub); id != "" {
			return id
		}
	}
	return ""
}
