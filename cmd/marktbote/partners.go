package main

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/gateway/as4"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/partner"
	"github.com/marktbote/marktbote/store"
)

// partnersCmd is "marktbote partners".
type partnersCmd struct {
	List         partnersListCmd         `cmd:"" help:"List the Marktpartner of the AS4 channel."`
	Show         partnersShowCmd         `cmd:"" help:"Show everything that is known about one."`
	Add          partnersAddCmd          `cmd:"" help:"Add one, or change what is known about him."`
	Import       partnersImportCmd       `cmd:"" help:"Read certificates, revocation lists and lists of partners from files."`
	Certificates partnersCertificatesCmd `cmd:"" help:"List the certificates of one, and look for new ones in the directories of the CAs."`
	Radar        partnersRadarCmd        `cmd:"" help:"Tell what needs a person: certificates that end, revocation lists, endpoints."`
	Test         partnersTestCmd         `cmd:"" help:"Send one a test message: name, TLS, certificates, signature, encryption."`
	Switch       partnersSwitchCmd       `cmd:"" help:"Show how far the switch to AS4 with one is, request it, or record it."`
}

// withDirectory opens the directory of partners in the store for a command.
func withDirectory(e env, cfg config.Config, do func(d *partner.Directory) error) error {
	return withStore(e, cfg, func(st store.Store) error {
		d, err := openDirectory(e.ctx, cfg, st, nil, nil)
		if err != nil {
			return err
		}
		return do(d)
	})
}

// errNoRoot is the error of commands that judge certificates.
var errNoRoot = errors.New("no root is configured, so no certificate can be judged: get the root of the SM-PKI from the BSI, compare its fingerprint and name the file in the configuration (as4.trust.roots)")

// needRoots refuses a configuration without roots.
func needRoots(cfg config.Config) error {
	if len(cfg.AS4.Trust.Roots) == 0 {
		return errNoRoot
	}
	return nil
}

// fetchLists gets the revocation lists that are due. Without them certificates are judged by what is kept, so an error is
// told and no reason to stop.
func fetchLists(e env, d *partner.Directory) {
	if err := d.Revocation().Refresh(e.ctx, false); err != nil {
		fmt.Fprintf(e.stderr, "Warning: %v\n", err)
	}
}

// partnersListCmd is "marktbote partners list".
type partnersListCmd struct {
	storeFlag
}

// Run lists the partners.
func (c *partnersListCmd) Run(e env) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	return withDirectory(e, cfg, func(d *partner.Directory) error {
		list, err := d.Partners(e.ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "MP-ID\tname\tcode list\tendpoint\tencryption until\tswitch")
		for _, p := range list {
			until := "none"
			if c, err := d.EncryptionCertificate(e.ctx, p.MPID, time.Now()); err == nil {
				until = c.NotAfter.UTC().Format(time.DateOnly)
			} else if _, none := errors.AsType[*partner.NoCertificate](err); !none {
				return err
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", p.MPID, orDash(p.Name), p.CodeList, orDash(p.Endpoint), until, switchStates(p))
		}
		return w.Flush()
	})
}

// mpIDArg is an MP-ID on the command line.
type mpIDArg struct {
	MPID string `arg:"" name:"mp-id" help:"MP-ID of the Marktpartner, 13 digits."`
}

// Validate is called by the parser.
func (a mpIDArg) Validate() error {
	_, err := ident.ParseMarktpartnerID(a.MPID)
	return err
}

// partnersShowCmd is "marktbote partners show".
type partnersShowCmd struct {
	storeFlag
	mpIDArg
}

// Run shows the partner.
func (c *partnersShowCmd) Run(e env) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	return withDirectory(e, cfg, func(d *partner.Directory) error {
		p, err := d.Partner(e.ctx, c.MPID)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%s is not in the directory; marktbote partners add %s adds him", c.MPID, c.MPID)
		}
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		yes := map[bool]string{true: "yes", false: "no"}
		for _, line := range [][2]string{
			{"MP-ID", p.MPID},
			{"name", orDash(p.Name)},
			{"code list", string(p.CodeList)},
			{"endpoint", orDash(p.Endpoint)},
			{"e-mail", orDash(p.Email)},
			{"phone", orDash(p.Phone)},
			{"path switch", describeSwitches(p)},
			{"unencrypted payloads", yes[p.AcceptUnencrypted]},
			{"TLS certificate of another MP-ID", yes[p.AnyTLSIdentity]},
			{"signature without issuer (X509v3)", yes[p.AcceptX509v3]},
			{"services beside market processes", yes[p.AnyService]},
			{"connections at the same time", fmt.Sprint(p.Connections())},
			{"changed", p.UpdatedAt.Format(time.RFC3339)},
		} {
			fmt.Fprintf(w, "%s:\t%s\n", line[0], line[1])
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if p.Notes != "" {
			fmt.Fprintf(e.stdout, "notes:\n%s\n", p.Notes)
		}
		return printCertificates(e, d, c.MPID)
	})
}

// switchStates lists the states of the switches with a partner, each once.
func switchStates(p partner.Partner) string {
	var states []string
	for _, s := range p.PathSwitches {
		if !slices.Contains(states, string(s.State)) {
			states = append(states, string(s.State))
		}
	}
	if states == nil {
		return string(partner.SwitchNone)
	}
	return strings.Join(states, ", ")
}

// describeSwitches tells about each own MP-ID.
func describeSwitches(p partner.Partner) string {
	var texts []string
	for _, s := range p.PathSwitches {
		texts = append(texts, describeSwitch(s)+" (with "+s.Own+")")
	}
	if texts == nil {
		return string(partner.SwitchNone)
	}
	return strings.Join(texts, "; ")
}

func describeSwitch(s partner.PathSwitch) string {
	text := string(s.State)
	if !s.RequestedAt.IsZero() {
		by := "us"
		if s.ByPartner {
			by = "the partner"
		}
		text += fmt.Sprintf(", requested on %s by %s", s.RequestedAt.UTC().Format(time.DateOnly), by)
	}
	if !s.ConfirmedAt.IsZero() {
		text += ", confirmed on " + s.ConfirmedAt.UTC().Format(time.DateOnly)
	}
	return text
}

// partnersAddCmd is "marktbote partners add".
type partnersAddCmd struct {
	storeFlag
	mpIDArg
	Name        *string `help:"Name for people." placeholder:"TEXT"`
	CodeList    *string `help:"Code list of the MP-ID: BDEW, DVGW, GLN or BAHN. Without it: by its first digits." enum:"BDEW,DVGW,GLN,BAHN" placeholder:"LIST"`
	Endpoint    *string `help:"URL that messages are sent to, https://HOST[:PORT]/PATH." placeholder:"URL"`
	Email       *string `help:"Where people are told that something does not work." placeholder:"ADDRESS"`
	Phone       *string `help:"Phone number for the same." placeholder:"NUMBER"`
	Connections *int    `help:"How many messages go to him at the same time, 1 to 32." placeholder:"N"`
	Notes       *string `help:"Notes for people." placeholder:"TEXT"`

	AcceptUnencrypted *bool `help:"Accept signed messages whose payload is in clear." negatable:""`
	AnyTLSIdentity    *bool `name:"any-tls-identity" help:"Accept the TLS certificate of another MP-ID, such as a service provider's." negatable:""`
	AcceptX509v3      *bool `name:"accept-x509v3" help:"Accept signatures with the leaf certificate alone." negatable:""`
	AnyService        *bool `help:"Accept services beside market processes." negatable:""`

	Reason string `help:"Why; kept in the audit log." placeholder:"TEXT"`
}

// Help is shown by "marktbote partners add --help".
func (c *partnersAddCmd) Help() string {
	return `Before the first message to a partner two things must be known: his endpoint and his encryption certificate. His other certificates come with his messages.

What is not named stays as it is. Switches are set by their name and reset with --no- in front of it; each of them accepts what the rules let a receiver refuse, so they are for partners whose software does not do better.

Examples:
  marktbote partners add 9900000000002 --name "Netz Musterstadt" --endpoint https://as4.netz.example/as4 --email as4@netz.example
  marktbote partners add 9900000000002 --any-tls-identity --reason "service provider, e-mail of 2026-11-20"
  marktbote partners add 9900000000002 --no-any-tls-identity`
}

// Run changes the partner.
func (c *partnersAddCmd) Run(e env) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	return withDirectory(e, cfg, func(d *partner.Directory) error {
		known := true
		if _, err := d.Partner(e.ctx, c.MPID); errors.Is(err, store.ErrNotFound) {
			known = false
		}
		err := d.Change(e.ctx, c.MPID, currentUser(), c.Reason, func(p *partner.Partner) error {
			set(&p.Name, c.Name)
			set(&p.Endpoint, c.Endpoint)
			set(&p.Email, c.Email)
			set(&p.Phone, c.Phone)
			set(&p.MaxConnections, c.Connections)
			set(&p.Notes, c.Notes)
			set(&p.AcceptUnencrypted, c.AcceptUnencrypted)
			set(&p.AnyTLSIdentity, c.AnyTLSIdentity)
			set(&p.AcceptX509v3, c.AcceptX509v3)
			set(&p.AnyService, c.AnyService)
			if c.CodeList != nil {
				p.CodeList = partner.CodeList(*c.CodeList)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if !known && !ident.MarktpartnerID(c.MPID).CheckDigitOK() {
			fmt.Fprintf(e.stderr, "Warning: the check digit of %s does not fit. Some partners have such numbers; look whether it is typed right.\n", c.MPID)
		}
		fmt.Fprintf(e.stdout, "%s: %s\n", c.MPID, map[bool]string{true: "changed", false: "added"}[known])
		return nil
	})
}

// set changes a value if there is another one on the command line.
func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// partnersImportCmd is "marktbote partners import".
type partnersImportCmd struct {
	storeFlag
	Files []string `arg:"" name:"file" help:"Files with certificates, revocation lists or a list of partners." type:"existingfile" placeholder:"FILE"`
}

// Help is shown by "marktbote partners import --help".
func (c *partnersImportCmd) Help() string {
	return `A file has one of these:
  - certificates of partners and Sub-CAs, and revocation lists: PEM, DER, or LDIF as LDAP directories write it. Each certificate is verified up to a configured root (as4.trust.roots); what it is for and whose it is it says itself. What does not pass is not kept, the reason is told, and the exit code is 1.
  - a list of partners: CSV (UTF-8, separated by ; or ,), the columns named in the first line. Empty fields change nothing; a list with a wrong line changes nothing at all.

  MP-ID;Name;Codeliste;Endpunkt;E-Mail;Telefon
  9900000000002;Netz Musterstadt;BDEW;https://as4.netz.example/as4;as4@netz.example;

Own certificates are imported with their keys: marktbote keys import.

Examples:
  marktbote partners import --config marktbote.yml 9900000000002-enc.pem
  marktbote partners import --config marktbote.yml partner.csv`
}

// Run imports the files.
func (c *partnersImportCmd) Run(e env) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	return withDirectory(e, cfg, func(d *partner.Directory) error {
		refused := false
		for i, name := range c.Files {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if partner.IsList(data) {
				n, err := d.ImportList(e.ctx, data, currentUser(), "import")
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				fmt.Fprintf(e.stdout, "%s: %d partners\n", name, n)
				continue
			}
			if err := needRoots(cfg); err != nil {
				return err
			}
			if i == 0 {
				fetchLists(e, d)
			}
			found, err := d.Import(e.ctx, data, name)
			if err != nil {
				return err
			}
			refused = printImported(e, name, found) || refused
		}
		if refused {
			return errRejected
		}
		return nil
	})
}

// printImported tells what became of each, and reports whether one was not kept.
func printImported(e env, source string, found []partner.Imported) (refused bool) {
	for _, x := range found {
		what := x.What
		if x.Certificate != nil {
			what = smpki.Describe(x.Certificate)
		}
		switch {
		case x.Problem != nil:
			refused = true
			fmt.Fprintf(e.stdout, "%s: not kept: %v\n", source, x.Problem)
			continue
		case x.What == string(store.UsageRoot):
			fmt.Fprintf(e.stdout, "%s: is configured: %s\n", source, what)
		case x.New:
			fmt.Fprintf(e.stdout, "%s: new: %s\n", source, what)
		default:
			fmt.Fprintf(e.stdout, "%s: known: %s\n", source, what)
		}
		if x.Note != "" {
			fmt.Fprintf(e.stdout, "  note: %s\n", x.Note)
		}
	}
	return refused
}

// partnersCertificatesCmd is "marktbote partners certificates".
type partnersCertificatesCmd struct {
	storeFlag
	mpIDArg
	Lookup bool `help:"Look for new ones in the directories of the CAs (as4.trust.directories) first."`
	PEM    bool `name:"pem" help:"Write the certificates as PEM instead of a table."`
}

// Help is shown by "marktbote partners certificates --help".
func (c *partnersCertificatesCmd) Help() string {
	return `The table tells of each certificate whether it can be used now, and why not. Messages are encrypted to the newest encryption certificate that can be used.

A running gateway looks into the directories every day by itself; --lookup does it now, for instance when a partner says that he has new certificates, or refuses what was encrypted to the old one.`
}

// Run lists the certificates.
func (c *partnersCertificatesCmd) Run(e env) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	return withDirectory(e, cfg, func(d *partner.Directory) error {
		var lookupErr error
		if c.Lookup {
			if err := needRoots(cfg); err != nil {
				return err
			}
			fetchLists(e, d)
			var found []partner.Imported
			found, lookupErr = d.Lookup(e.ctx, c.MPID)
			printImported(env{e.ctx, e.stdin, e.stderr, e.stderr}, "directory", found)
		}
		if c.PEM {
			list, err := d.Certificates(e.ctx, c.MPID)
			if err != nil {
				return err
			}
			for _, x := range list {
				if err := pem.Encode(e.stdout, &pem.Block{Type: "CERTIFICATE", Bytes: x.Raw}); err != nil {
					return err
				}
			}
			return lookupErr
		}
		return errors.Join(lookupErr, printCertificates(e, d, c.MPID))
	})
}

// printCertificates writes the certificates of an MP-ID as a table.
func printCertificates(e env, d *partner.Directory, mpID string) error {
	list, err := d.Certificates(e.ctx, mpID)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		fmt.Fprintf(e.stdout, "no certificates of %s are known\n", mpID)
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "usage\tfrom\tuntil\tissuer\tfingerprint\tstate")
	for _, c := range list {
		fmt.Fprintln(w, certificateLine(e.ctx, d, c))
	}
	return w.Flush()
}

// certificateLine describes a certificate with its state.
func certificateLine(ctx context.Context, d *partner.Directory, c partner.Certificate) string {
	state := "valid"
	if _, err := d.Verify(ctx, c.Certificate, nil, c.Usage, time.Now()); err != nil {
		state = err.Error()
		if invalid, ok := errors.AsType[*smpki.Invalid](err); ok {
			state = string(invalid.Reason) + ": " + invalid.Detail
		}
	}
	if !c.Row.RetiredAt.IsZero() {
		state = "retired on " + c.Row.RetiredAt.Format(time.DateOnly)
	}
	return strings.Join([]string{
		c.Usage.String(), c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly), c.Issuer.CommonName,
		c.Row.Fingerprint[:16], state,
	}, "\t")
}

// partnersRadarCmd is "marktbote partners radar".
type partnersRadarCmd struct {
	storeFlag
	Fetch bool `help:"Fetch the revocation lists first. A running gateway does that by itself."`
}

// Help is shown by "marktbote partners radar --help".
func (c *partnersRadarCmd) Help() string {
	return `Told are, the worst first: own certificates that end within 60, 30, 15 or 10 Werktage without a successor, or are missing; encryption certificates of partners that end or are missing; certificates that were revoked; revocation lists that are overdue (after three days nothing of their CA is valid any more); partners whose messages wait for their receipt; path switches that nobody has confirmed.

The exit code is 1 if there is an alarm or a warning, so a scheduler can send a mail.`
}

// Run tells what needs a person.
func (c *partnersRadarCmd) Run(e env) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	if err := needRoots(cfg); err != nil {
		return err
	}
	return withDirectory(e, cfg, func(d *partner.Directory) error {
		if c.Fetch {
			fetchLists(e, d)
		}
		warnings, err := d.Radar(e.ctx, time.Now())
		if err != nil {
			return err
		}
		serious := false
		for _, w := range warnings {
			serious = serious || w.Severity != partner.Info
			fmt.Fprintf(e.stdout, "%s %s: %s\n", w.Severity, w.Kind, w.Text)
		}
		if len(warnings) == 0 {
			fmt.Fprintln(e.stdout, "nothing needs a person")
		}
		if serious {
			return errRejected
		}
		return nil
	})
}

// partnersTestCmd is "marktbote partners test".
type partnersTestCmd struct {
	storeFlag
	mpIDArg
	From string `help:"Own MP-ID that sends. Without it: the only one of the configuration." placeholder:"MP-ID"`
}

// Help is shown by "marktbote partners test --help".
func (c *partnersTestCmd) Help() string {
	return `The test service of AS4 goes the whole way to the partner's system, which acknowledges the message and hands it to nobody. Try it with every partner before the first file. One attempt is made; its trace is kept with the other messages.

The exit code is 0 if the receipt is there and fits, else 1; the reason says whether it is worth trying again. It goes through the TLS proxy of this machine, as files do.`
}

// Run sends the message.
func (c *partnersTestCmd) Run(e env) error {
	return withNode(e, &c.storeFlag, c.From, func(node *as4.Node, from string) error {
		at, err := node.Test(e.ctx, from, c.MPID)
		if err == nil {
			fmt.Fprintf(e.stdout, "%s has acknowledged the test message at %s\n", c.MPID, at.UTC().Format("2006-01-02 15:04:05 UTC"))
		}
		return notSent(e, err)
	})
}

// withNode opens the AS4 channel for a command that sends.
func withNode(e env, flags *storeFlag, from string, do func(node *as4.Node, from string) error) error {
	cfg, err := flags.settings()
	if err != nil {
		return err
	}
	if err := needRoots(cfg); err != nil {
		return err
	}
	if from, err = ownOf(cfg, from); err != nil {
		return err
	}
	return withStore(e, cfg, func(st store.Store) error {
		c, err := openAS4(e.ctx, cfg, st, zap.NewNop(), prometheus.NewRegistry())
		if err != nil {
			return err
		}
		fetchLists(e, c.directory)
		return do(c.node, from)
	})
}

// ownOf returns the own MP-ID that --from names, or the only one there is.
func ownOf(cfg config.Config, from string) (string, error) {
	switch {
	case from == "" && len(cfg.Own) != 1:
		return "", errors.New("the configuration has no single own MP-ID; name one with --from")
	case from == "":
		return string(cfg.Own[0].MPID), nil
	case !cfg.IsOwn(from):
		return "", fmt.Errorf("%s is not one of our own MP-IDs (own in the configuration)", from)
	}
	return from, nil
}

// notSent tells why a message was not delivered.
func notSent(e env, err error) error {
	failure, ok := errors.AsType[*as4.SendError](err)
	if !ok {
		return err
	}
	again := "it may work later"
	if failure.Final {
		again = "trying again is in vain until that has changed"
	}
	fmt.Fprintf(e.stdout, "not delivered: %v; %s\n", failure.Err, again)
	return errRejected
}

// partnersSwitchCmd is "marktbote partners switch".
type partnersSwitchCmd struct {
	storeFlag
	mpIDArg
	Request bool   `help:"Ask the partner for the switch."`
	From    string `help:"Own MP-ID that it is about. Without it: the only one of the configuration." placeholder:"MP-ID"`
	State   string `help:"Record this state: none, requested, confirmed. Without it: show the state." enum:",none,requested,confirmed" default:"" placeholder:"STATE"`
	Reason  string `help:"Why; kept in the audit log." placeholder:"TEXT"`
}

// Help is shown by "marktbote partners switch --help".
func (c *partnersSwitchCmd) Help() string {
	return `When two Marktpartner begin with AS4 one of them asks for the switch (requestSwitch) and the other confirms it (confirmSwitch); from then on AS4 is obligatory for both. --request asks; the exit code is 1 if the partner does not acknowledge that. A running gateway takes the confirmation, and confirms by itself what a partner asks for whose endpoint is known.

With --state a person records what was agreed in another way, by phone for instance, or takes it back; nothing is sent then.`
}

// Run shows, requests or records.
func (c *partnersSwitchCmd) Run(e env) error {
	switch {
	case c.Request && c.State != "":
		return errors.New("--request sends, --state records what was agreed otherwise: not both")
	case c.Request:
		return withNode(e, &c.storeFlag, c.From, func(node *as4.Node, from string) error {
			err := node.RequestSwitch(e.ctx, from, c.MPID)
			if err == nil {
				fmt.Fprintf(e.stdout, "%s has acknowledged the request; his confirmation comes to the running gateway\n", c.MPID)
			}
			return notSent(e, err)
		})
	}
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	return withDirectory(e, cfg, func(d *partner.Directory) error {
		if c.State != "" {
			own, err := ownOf(cfg, c.From)
			if err != nil {
				return err
			}
			err = d.Change(e.ctx, c.MPID, currentUser(), c.Reason, func(p *partner.Partner) error {
				s := p.Switch(own)
				s.Record(partner.SwitchState(c.State), time.Now())
				p.SetSwitch(s)
				return nil
			})
			if err != nil {
				return err
			}
		}
		p, err := d.Partner(e.ctx, c.MPID)
		if errors.Is(err, store.ErrNotFound) {
			p, err = partner.New(c.MPID), nil
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "%s: %s\n", c.MPID, describeSwitches(p))
		return nil
	})
}

// readSecret reads a password from a file, or from the first line of standard input if the name is "-". A line break at its
// end does not belong to it.
func readSecret(e env, name string) ([]byte, error) {
	const maxSecret = 4 << 10
	src := e.stdin
	if name != "-" {
		file, err := os.Open(name) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		src = file
	}
	data, err := io.ReadAll(io.LimitReader(src, maxSecret+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxSecret {
		return nil, fmt.Errorf("a password of more than %d bytes", maxSecret)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return []byte(strings.TrimSuffix(line, "\r")), nil
}
