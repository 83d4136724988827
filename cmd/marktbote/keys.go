package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/partner"
)

// keysCmd is "marktbote keys".
type keysCmd struct {
	List    keysListCmd    `cmd:"" help:"List our own certificates and keys."`
	Import  keysImportCmd  `cmd:"" help:"Import certificates of our own with their keys."`
	Request keysRequestCmd `cmd:"" help:"Make the keys of a new triple and write the certificate requests."`
	Retire  keysRetireCmd  `cmd:"" help:"Take a certificate of our own out of use."`
}

// keysListCmd is "marktbote keys list".
type keysListCmd struct {
	storeFlag
	MPID string `arg:"" name:"mp-id" optional:"" help:"Only of this own MP-ID."`
}

// Run lists the keys.
func (c *keysListCmd) Run(e env) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	return withDirectory(e, cfg, func(d *partner.Directory) error {
		list, err := d.Keys().List(e.ctx, c.MPID)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "MP-ID\tusage\tfrom\tuntil\tissuer\tfingerprint\tstate")
		for _, k := range list {
			if k.Certificate == nil {
				fmt.Fprintf(w, "%s\t%s\t-\t-\t-\t-\trequested on %s, waits for its certificate\n", k.MPID, k.Usage, k.CreatedAt.Format(time.DateOnly))
				continue
			}
			fmt.Fprintf(w, "%s\t%s\n", k.MPID, certificateLine(e.ctx, d, *k.Certificate))
		}
		return w.Flush()
	})
}

// keysImportCmd is "marktbote keys import".
type keysImportCmd struct {
	storeFlag
	Files        []string `arg:"" name:"file" help:"Files with certificates and keys: PEM, DER or PKCS #12." type:"existingfile" placeholder:"FILE"`
	PasswordFile string   `help:"File with the password of encrypted keys and of PKCS #12; - reads it from standard input." placeholder:"FILE"`
	DryRun       bool     `help:"Check everything and keep nothing."`
}

// Help is shown by "marktbote keys import --help".
func (c *keysImportCmd) Help() string {
	return `A triple of the SM-PKI is three certificates for one MP-ID: for signatures, for encryption, for TLS, each with a key of its own. Name all files together, in any order: which certificate is for what, and which key belongs to which, is found out. Keys that were made by "keys request" are in the store already. Certificates of Sub-CAs in the files are kept too.

Everything must belong together and be valid, now or later, up to a configured root; otherwise nothing is kept, the reasons are told, and the exit code is 1. A successor is imported while the old triple is still in use: partners may use either for a time. Tell them, and see that they can get it 10 Werktage before the old one ends.

Keys are kept in the store, encrypted with its master key.

Examples:
  marktbote keys import --config marktbote.yml sign.p12 enc.p12 tls.p12 --password-file triple.pw
  marktbote keys import --config marktbote.yml *.pem *.key --dry-run`
}

// Run imports the files.
func (c *keysImportCmd) Run(e env) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	if err := needRoots(cfg); err != nil {
		return err
	}
	in := partner.KeyImport{IsOwn: cfg.IsOwn, Who: currentUser(), DryRun: c.DryRun}
	if c.PasswordFile != "" {
		if in.Password, err = readSecret(e, c.PasswordFile); err != nil {
			return fmt.Errorf("--password-file: %w", err)
		}
	}
	for _, name := range c.Files {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		in.Files = append(in.Files, partner.File{Name: name, Data: data})
	}
	return withDirectory(e, cfg, func(d *partner.Directory) error {
		fetchLists(e, d)
		found, err := d.Keys().Import(e.ctx, in)
		if refused, ok := errors.AsType[*partner.Refused](err); ok {
			for _, reason := range refused.Reasons {
				fmt.Fprintf(e.stdout, "not imported: %v\n", reason)
			}
			return errRejected
		}
		if errors.Is(err, smpki.ErrPassword) {
			return fmt.Errorf("%w; name a file with it (--password-file)", err)
		}
		if err != nil {
			return err
		}
		missing := map[string]bool{"signature": true, "encryption": true, "tls": true}
		for _, x := range found {
			delete(missing, x.What)
			switch {
			case c.DryRun:
				fmt.Fprintf(e.stdout, "can be imported: %s\n", smpki.Describe(x.Certificate))
			case x.New:
				fmt.Fprintf(e.stdout, "imported: %s\n", smpki.Describe(x.Certificate))
			default:
				fmt.Fprintf(e.stdout, "known: %s\n", smpki.Describe(x.Certificate))
			}
			if x.Note != "" {
				fmt.Fprintf(e.stdout, "  note: %s\n", x.Note)
			}
		}
		for _, usage := range []string{"signature", "encryption", "tls"} {
			if missing[usage] {
				fmt.Fprintf(e.stderr, "Warning: there is no certificate for %s in the files; a triple has one for each usage.\n", usage)
			}
		}
		return nil
	})
}

// keysRequestCmd is "marktbote keys request".
type keysRequestCmd struct {
	storeFlag
	MPID       string `arg:"" name:"mp-id" help:"Own MP-ID that the triple is for."`
	Name       string `help:"First part of the CN, without dots: NAME.EMT.MAK." required:"" placeholder:"NAME"`
	Email      string `help:"Contact address in the certificates." required:"" placeholder:"ADDRESS"`
	Endpoint   string `help:"URL at which partners reach us, https://HOST[:PORT]/PATH. It stands in the certificates." required:"" placeholder:"URL"`
	Counter    string `help:"Serial number in the subject, counted up with every triple, if the CA wants one." placeholder:"N"`
	Street     string `help:"Street, if the CA wants the address." placeholder:"TEXT"`
	PostalCode string `help:"Postal code." placeholder:"TEXT"`
	Locality   string `help:"Town." placeholder:"TEXT"`
	State      string `help:"Land." placeholder:"TEXT"`
	Out        string `help:"Directory for the three files." type:"existingdir" default:"." placeholder:"DIR"`
}

// Help is shown by "marktbote keys request --help".
func (c *keysRequestCmd) Help() string {
	return `Three keys are made and kept in the store; three certificate requests (PKCS #10, PEM) are written: MP-ID-signature.csr, MP-ID-encryption.csr, MP-ID-tls.csr. Give them to the CA in the way it wants them; import the certificates with "keys import", without keys. Until then nothing changes. What the certificate policy says about where keys may be made and kept is for the operator to see to.

Example:
  marktbote keys request 9900000000001 --config marktbote.yml --name Lichtbogen --email as4@lichtbogen.example --endpoint https://9900000000001.as4.lichtbogen.example/as4`
}

// Run makes keys and requests.
func (c *keysRequestCmd) Run(e env) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	if !cfg.IsOwn(c.MPID) {
		return fmt.Errorf("%s is not one of our own MP-IDs (own in the configuration)", c.MPID)
	}
	usages := []smpki.Usage{smpki.Signature, smpki.Encryption, smpki.TLS}
	file := func(u smpki.Usage) string { return filepath.Join(c.Out, c.MPID+"-"+u.String()+".csr") }
	for _, u := range usages {
		if _, err := os.Lstat(file(u)); err == nil {
			return fmt.Errorf("%s is there already; a request that was not answered yet would be lost", file(u))
		}
	}
	return withDirectory(e, cfg, func(d *partner.Directory) error {
		requests, err := d.Keys().Request(e.ctx, smpki.Request{
			Name: c.Name, MPID: c.MPID, Environment: cfg.AS4.Trust.Environment, Counter: c.Counter, Street: c.Street, PostalCode: c.PostalCode,
			Locality: c.Locality, State: c.State, Email: c.Email, Endpoint: c.Endpoint,
		}, currentUser())
		if err != nil {
			return err
		}
		for _, u := range usages {
			if err := os.WriteFile(file(u), requests[u], 0o600); err != nil {
				return err
			}
			fmt.Fprintln(e.stdout, file(u))
		}
		return nil
	})
}

// keysRetireCmd is "marktbote keys retire".
type keysRetireCmd struct {
	storeFlag
	Fingerprint string `arg:"" help:"Fingerprint of the certificate, or its beginning (keys list)."`
	Reason      string `help:"Why; kept in the audit log." required:"" placeholder:"TEXT"`
	Force       bool   `help:"Also if no other valid certificate of its usage is left."`
}

// Help is shown by "marktbote keys retire --help".
func (c *keysRetireCmd) Help() string {
	return `A retired certificate is not used any more: not for signing, not for TLS, and messages that are encrypted to it are refused. That is for certificates that were revoked or whose key may be known to others; one that is merely replaced ends by itself, and partners may use it until then. The key stays in the store.`
}

// Run retires the certificate.
func (c *keysRetireCmd) Run(e env) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	return withDirectory(e, cfg, func(d *partner.Directory) error {
		retired, err := d.Keys().Retire(e.ctx, c.Fingerprint, currentUser(), c.Reason, c.Force)
		if errors.Is(err, partner.ErrLastKey) {
			return fmt.Errorf("%w, or use --force", err)
		}
		if err == nil {
			fmt.Fprintf(e.stdout, "retired: %s\n", smpki.Describe(retired.Certificate))
		}
		return err
	})
}
