// Package partner knows who the AS4 channel talks to and with which keys: the Marktpartner with their endpoints and
// certificates, our own keys, and the revocation lists of the SM-PKI. Everything is kept in the store.
//
//	d, err := partner.Open(ctx, partner.Options{Store: st, Environment: smpki.Production, Roots: roots})
//	go d.Run(ctx) // fetches revocation lists and certificates
//	p, err := d.Partner(ctx, "9900000000001")
//	to, err := d.EncryptionCertificate(ctx, p.MPID, now)  // what a message is encrypted to; a *NoCertificate says why none
//	path, err := d.Verify(ctx, leaf, others, smpki.Signature, now)
//	err = d.Learn(ctx, path, "message "+id)               // for later
//	id, err := d.Keys().Signing(ctx, ownMPID, now)        // path and key
//	warnings, err := d.Radar(ctx, now)                    // what needs a person
//
// What is trusted is configured: the roots, nothing else. Certificates of partners and Sub-CAs that come with messages,
// from directories or from files are verified up to a root every time they are used, so keeping them trusts nobody.
//
// Sources: Regelungen zum Übertragungsweg AS4, chapters 2, 4 and 5; BDEW AS4-Profil, 2.3.4 and 2.3.7. Where they are
// silent, docs/decisions.md says what is done.
package partner

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/store"
)

// CodeList is the list that an MP-ID is from. It decides the type of the PartyId.
type CodeList string

// The code lists.
const (
	BDEW CodeList = "BDEW" // Strom
	DVGW CodeList = "DVGW" // Gas
	GLN  CodeList = "GLN"  // GS1
	Bahn CodeList = "BAHN" // DB Energie, since profile 1.1
)

// SwitchState is how far two MP-IDs are with their switch to AS4.
type SwitchState string

// The states of a path switch.
const (
	SwitchNone      SwitchState = "none"
	SwitchRequested SwitchState = "requested" // asked for by one of the two, not confirmed by the other
	SwitchConfirmed SwitchState = "confirmed" // AS4 is obligatory for both
)

// PathSwitch is the switch of a pair of MP-IDs from another transport to AS4.
//
// Spec: BDEW AS4-Profil 1.1, 2.3.7
type PathSwitch struct {
	State       SwitchState `json:"state"`
	Own         string      `json:"own"` // own MP-ID
	RequestedAt time.Time   `json:"requested_at,omitzero"`
	ByPartner   bool        `json:"by_partner,omitempty"` // the partner has asked
	ConfirmedAt time.Time   `json:"confirmed_at,omitzero"`
}

// Partner is a Marktpartner as the AS4 channel needs him. New fills in what holds for one of whom nothing is known.
type Partner struct {
	MPID     string   `json:"mp_id"` // 13 digits
	Name     string   `json:"name,omitempty"`
	CodeList CodeList `json:"code_list"`
	Endpoint string   `json:"endpoint,omitempty"` // URL that messages are sent to; empty: nothing can be sent
	Email    string   `json:"email,omitempty"`    // where people are told that something does not work
	Phone    string   `json:"phone,omitempty"`

	PathSwitches []PathSwitch `json:"path_switches,omitempty"` // one for each own MP-ID, by that; see Switch and SetSwitch

	AcceptUnencrypted bool `json:"accept_unencrypted,omitempty"` // signed messages whose payload is in clear
	AnyTLSIdentity    bool `json:"any_tls_identity,omitempty"`   // TLS certificate of another MP-ID, such as a service provider's
	AcceptX509v3      bool `json:"accept_x509v3"`                // signature with the leaf certificate alone, without its issuer
	AnyService        bool `json:"any_service,omitempty"`        // services beside market processes: schedules, Redispatch ...

	MaxConnections int    `json:"max_connections,omitempty"` // at the same time; 0: DefaultConnections
	Notes          string `json:"notes,omitempty"`

	UpdatedAt time.Time `json:"-"` // last change
}

// DefaultConnections is how many messages go to a partner at the same time.
const DefaultConnections = 2

// Limits of what people enter.
const (
	maxConnections = 32
	maxText        = 500  // bytes of a field
	maxNotes       = 4000 // bytes
)

// New returns a partner of whom only the MP-ID is known. Its code list follows from the digits, as long as nobody knows
// better.
func New(mpID string) Partner {
	return Partner{
		MPID: mpID, CodeList: CodeList(ident.MarktpartnerID(mpID).Issuer()), AcceptX509v3: true,
	}
}

// Connections is how many messages may go to the partner at the same time.
func (p Partner) Connections() int {
	if p.MaxConnections == 0 {
		return DefaultConnections
	}
	return p.MaxConnections
}

// Validate reports everything that is wrong with the values. allowHTTP permits endpoints without TLS on other machines.
func (p Partner) Validate(allowHTTP bool) error {
	var errs []error
	if _, err := ident.ParseMarktpartnerID(p.MPID); err != nil {
		errs = append(errs, err)
	}
	switch p.CodeList {
	case BDEW, DVGW, GLN, Bahn:
	default:
		errs = append(errs, fmt.Errorf("code list %q is none of BDEW, DVGW, GLN, BAHN", p.CodeList))
	}
	if p.Endpoint != "" {
		errs = append(errs, checkEndpoint(p.Endpoint, allowHTTP))
	}
	if p.Email != "" && !strings.Contains(p.Email, "@") {
		errs = append(errs, fmt.Errorf("e-mail address %q has no @", p.Email))
	}
	if p.MaxConnections < 0 || p.MaxConnections > maxConnections {
		errs = append(errs, fmt.Errorf("%d connections at the same time: 1 to %d are possible, 0 means %d", p.MaxConnections, maxConnections, DefaultConnections))
	}
	for _, s := range p.PathSwitches {
		switch s.State {
		case SwitchNone, SwitchRequested, SwitchConfirmed:
		default:
			errs = append(errs, fmt.Errorf("path switch %q is none of none, requested, confirmed", s.State))
		}
	}
	for name, text := range map[string]string{"name": p.Name, "endpoint": p.Endpoint, "e-mail": p.Email, "phone": p.Phone} {
		if len(text) > maxText || strings.ContainsFunc(text, isControl) || !utf8.ValidString(text) {
			errs = append(errs, fmt.Errorf("%s is longer than %d bytes, or has characters that are no text", name, maxText))
		}
	}
	if len(p.Notes) > maxNotes {
		errs = append(errs, fmt.Errorf("notes are longer than %d bytes", maxNotes))
	}
	return errors.Join(errs...)
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// checkEndpoint wants a URL that messages can be sent to.
func checkEndpoint(text string, allowHTTP bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsAny(text, " \t"):
		return fmt.Errorf("endpoint %q is no URL of the form https://HOST[:PORT]/PATH", text)
	case u.User != nil || u.Fragment != "":
		return fmt.Errorf("endpoint %q must have neither user nor fragment", text)
	case u.Scheme == "http" && !allowHTTP && u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback():
		return fmt.Errorf("endpoint %q: http is for this machine only; partners are reached by https", text)
	}
	return nil
}

// formVersion is the version of the JSON that partners are kept in.
const formVersion = 1

// form is how a partner is kept.
type form struct {
	Version int `json:"v"`
	Partner
}

// row makes the row of a partner.
func (p Partner) row(at time.Time) (store.Partner, error) {
	data, err := json.Marshal(form{formVersion, p})
	if err != nil {
		return store.Partner{}, fmt.Errorf("partner %s: %w", p.MPID, err)
	}
	return store.Partner{MPID: p.MPID, Data: data, UpdatedAt: at}, nil
}

// fromRow is the reverse of row.
func fromRow(r store.Partner) (Partner, error) {
	var f form
	if err := json.Unmarshal(r.Data, &f); err != nil {
		return Partner{}, fmt.Errorf("partner %s: %w", r.MPID, err)
	}
	if f.Version < 1 || f.Version > formVersion {
		return Partner{}, fmt.Errorf("partner %s: kept by a newer program (form %d, this one knows %d)", r.MPID, f.Version, formVersion)
	}
	f.MPID, f.UpdatedAt = r.MPID, r.UpdatedAt
	return f.Partner, nil
}

// Switch returns how far the switch is between the partner and an own MP-ID.
func (p *Partner) Switch(own string) PathSwitch {
	for _, s := range p.PathSwitches {
		if s.Own == own {
			return s
		}
	}
	return PathSwitch{State: SwitchNone, Own: own}
}

// SetSwitch replaces what is known about the switch of the partner and s.Own.
func (p *Partner) SetSwitch(s PathSwitch) {
	list := slices.DeleteFunc(slices.Clone(p.PathSwitches), func(x PathSwitch) bool { return x.Own == s.Own })
	if s.State != SwitchNone {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b PathSwitch) int { return cmp.Compare(a.Own, b.Own) })
	p.PathSwitches = list
}

// Record notes that a state was reached by us or by agreement at an instant.
func (s *PathSwitch) Record(state SwitchState, at time.Time) {
	switch state {
	case SwitchNone:
		*s = PathSwitch{Own: s.Own}
	case SwitchRequested:
		*s = PathSwitch{Own: s.Own, RequestedAt: at.UTC()}
	case SwitchConfirmed:
		s.ConfirmedAt = at.UTC()
	}
	s.State = state
}
