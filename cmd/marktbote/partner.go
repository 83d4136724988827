package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/nasty"
)

// partnerCmd is "marktbote partner".
type partnerCmd struct {
	Serve partnerServeCmd `cmd:"" default:"withargs" help:"Receive messages and answer them as told; this is also what \"partner\" alone does."`
	Send  partnerSendCmd  `cmd:"" help:"Send a file as told and print what comes back."`
}

// Help is shown by "marktbote partner --help".
func (partnerCmd) Help() string {
	return `Plays an AS4 partner for trials of a gateway, one who keeps all rules except where he is told to misbehave: receipts that are lost, late, unsigned or about something else, expired certificates, broken connections. For test systems only.

It speaks plain HTTP on loopback, as a gateway does behind its TLS proxy. Certificates come from a test PKI (SM-Test-PKI-DE) in the folder --dir. If the folder is missing, the PKI is made there, with certificates and keys for the partner and for the gateway; "partner serve --help" says what to do with them.

Examples:
  marktbote partner --behave no-receipt
  marktbote partner --behave drop-after-body,duplicate
  marktbote partner send http://127.0.0.1:8480/as4 file.edi --behave expired-cert`
}

// partnerFlags are common to both commands.
type partnerFlags struct {
	Dir   string        `help:"Folder with certificates and keys; made if it is missing. Default: partner-pki" default:"partner-pki" type:"path" placeholder:"DIR"`
	MPID  string        `name:"mp-id" help:"MP-ID of the partner. Default: 9800000000002" default:"9800000000002" placeholder:"MP-ID"`
	To    string        `help:"MP-ID of the gateway. Default: 9900000000001" default:"9900000000001" placeholder:"MP-ID"`
	Host  string        `help:"DNS name in the certificates that are made. Default: as4.example" default:"as4.example" placeholder:"NAME"`
	Delay time.Duration `help:"How long late-receipt and slow take." default:"10s"`
}

// identity reads the certificates of the partner, and makes all if there are none.
func (f *partnerFlags) identity(e env) (nasty.Identity, error) {
	_, err := os.Stat(f.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := nasty.WriteIdentities(f.Dir, f.Host, f.MPID, f.To); err != nil {
			return nasty.Identity{}, err
		}
		fmt.Fprintf(e.stderr, "Made a test PKI in %s for %s (partner) and %s (gateway).\n", f.Dir, f.MPID, f.To)
	}
	return nasty.ReadIdentity(f.Dir, f.MPID)
}

// partnerServeCmd is "marktbote partner serve".
type partnerServeCmd struct {
	partnerFlags
	Behave string `help:"What to do, see above. A list: the first for the first message and so on, the last for all others. Default: good" default:"good" placeholder:"LIST"`
	Listen string `help:"Address, on loopback. Default: 127.0.0.1:8475" default:"127.0.0.1:8475" placeholder:"HOST:PORT"`
}

// Help is shown by "marktbote partner serve --help".
func (partnerServeCmd) Help() string {
	var b strings.Builder
	b.WriteString("Answers every message that keeps the rules as --behave says, one that does not with the ebMS error that is due, and prints a line about each.\n\n")
	listBehaviours(&b, func(d nasty.Description) string { return d.Server })
	b.WriteString(`
The gateway needs, from the folder --dir:
  as4.trust.roots: [root.pem]   cas: [subca.pem, crlsigner.pem]   environment: SM-Test-PKI-DE
  as4.trust.crls: root.crl.pem and subca.crl.pem
  its own keys and certificates: <its MP-ID>/signature, encryption and tls (.key, .chain.pem)
  as partner: the MP-ID, the address printed here, and <MP-ID>/encryption.pem
Whoever brings a PKI of their own lays its files there under the same names; expired/<MP-ID>/signature is for expired-cert and 9977777777777/signature for wrong-mpid.

A lost receipt and what a repetition then gets:
  marktbote partner --behave drop-after-body,duplicate`)
	return b.String()
}

// listBehaviours lists behaviours.
func listBehaviours(b *strings.Builder, text func(nasty.Description) string) {
	for _, d := range nasty.Descriptions() {
		if t := text(d); t != "" {
			fmt.Fprintf(b, "  %-22s %s\n", d.Behaviour, t)
		}
	}
}

// Run serves until it is interrupted.
func (c *partnerServeCmd) Run(e env) error {
	script, err := nasty.ForServer(c.Behave)
	if err != nil {
		return err
	}
	id, err := c.identity(e)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if a, ok := listener.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		return errors.Join(fmt.Errorf("listen: %s is not on loopback", c.Listen), listener.Close())
	}
	fmt.Fprintf(e.stderr, "Partner %s: http://%s/as4   Ctrl-C stops.\n", id.MPID, listener.Addr())
	var mu sync.Mutex // of the output
	server := &nasty.Server{Identity: id, Script: script, Delay: c.Delay, Received: func(r nasty.Received) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(e.stdout, "%s  %s\n", time.Now().Format(time.TimeOnly), report(r))
	}}
	return serveHTTP(e.ctx, listener, server, readPatience)
}

// report is the line about a request.
func report(r nasty.Received) string {
	what := "something unreadable"
	if m := r.Message; m != nil {
		what = fmt.Sprintf("%s from %s, %s, %d bytes", m.MessageID, m.From.ID, m.Service[strings.LastIndexByte(m.Service, '/')+1:], len(r.Payload))
	} else if r.Err == nil {
		what = "a request" // that was not read
	}
	if r.Err != nil {
		return fmt.Sprintf("%s: refused, %v", what, r.Err)
	}
	return fmt.Sprintf("%s: %s", what, r.Behaviour)
}

// partnerSendCmd is "marktbote partner send".
type partnerSendCmd struct {
	URL  string `arg:"" help:"Where the gateway receives AS4, with http."`
	File string `arg:"" optional:"" type:"existingfile" help:"File to send. Without it a path switch is requested."`
	partnerFlags
	Behave      string `help:"What to do, see above. Default: good" default:"good" placeholder:"NAME"`
	Test        bool   `help:"Use the test service, whose messages no system gets."`
	Certificate string `help:"Encryption certificate of the gateway. Default: DIR/<MP-ID>/encryption.pem" type:"existingfile" placeholder:"FILE"`
}

// Help is shown by "marktbote partner send --help".
func (partnerSendCmd) Help() string {
	var b strings.Builder
	b.WriteString("Sends one message and prints what a sender makes of the answer: delivered, retry, renew, stop or duplicate, with the code and the reason. The exit code is 0 if it was delivered, else 1.\n\n")
	listBehaviours(&b, func(d nasty.Description) string { return d.Client })
	b.WriteString(`
Examples:
  marktbote partner send http://127.0.0.1:8480/as4 file.edi
  marktbote partner send http://127.0.0.1:8480/as4 file.edi --test --behave wrong-key`)
	return b.String()
}

// Run sends the file.
func (c *partnerSendCmd) Run(e env) error {
	behaviour, err := nasty.ForClient(c.Behave)
	if err != nil {
		return err
	}
	id, err := c.identity(e)
	if err != nil {
		return err
	}
	m, err := c.message()
	if err != nil {
		return err
	}
	client := &nasty.Client{Identity: id, URL: c.URL, Delay: c.Delay}
	answers, err := client.Send(e.ctx, m, behaviour)
	if err != nil {
		return err
	}
	result := error(nil)
	for _, a := range answers {
		o := a.Outcome()
		fmt.Fprintf(e.stdout, "%s: %s\n", a.MessageID, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s", o.Reaction, o.Code, o.Text)), " "))
		if o.Reaction != ebms.Delivered {
			result = errRejected
		}
	}
	return result
}

func (c *partnerSendCmd) message() (nasty.Message, error) {
	m := nasty.Message{To: ebms.Party{ID: c.To}}
	if c.File == "" {
		m.Service, m.Action = ebms.ServicePathSwitch, ebms.ActionRequestSwitch
		return m, nil
	}
	if c.Test {
		m.Service, m.Action = ebms.ServiceTest, ebms.ActionTest
	}
	if c.Certificate == "" {
		c.Certificate = filepath.Join(c.Dir, c.To, "encryption.pem")
	}
	var err error
	if m.Certificate, err = nasty.ReadCertificate(c.Certificate); err != nil {
		return m, err
	}
	m.Payload, err = os.ReadFile(c.File)
	return m, err
}
