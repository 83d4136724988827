package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/gateway/as4"
	"github.com/marktbote/marktbote/gateway/as4/doctor"
	"github.com/marktbote/marktbote/gateway/as4/proxy"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/partner"
	"github.com/marktbote/marktbote/store"
)

// doctorCmd is "marktbote doctor".
type doctorCmd struct {
	Config   string `help:"Configuration file (YAML)." placeholder:"FILE"`
	Partners bool   `help:"Also look at the endpoints of partners: a TLS handshake with each, nothing is sent."`
	Format   string `help:"text or json. Default: text" enum:"text,json" default:"text"`
}

// Help is shown by "marktbote doctor --help".
func (*doctorCmd) Help() string {
	return `Examines the AS4 gateway on this machine: configuration, store, own certificates, revocation lists, nginx, TLS as a partner sees it, the way from the gateway through nginx back to itself with a message of the test service, files, disk and clock. Each fault comes with what helps; the first one is to be repaired first. Nothing is changed, except that the test message is noted. Run it as the user of the gateway, while the gateway runs.

The exit code is 1 if there is a fault; warnings are none.`
}

// Run examines and prints.
func (c *doctorCmd) Run(e env) error {
	results := c.examine(e)
	worst := doctor.Worst(results)
	if c.Format == "json" {
		enc := json.NewEncoder(e.stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		if err := enc.Encode(map[string]any{"state": worst, "results": results}); err != nil {
			return err
		}
	} else {
		printResults(e.stdout, results)
	}
	if worst == doctor.Fault {
		return errRejected
	}
	return nil
}

// examine opens what there is; what cannot be opened is the last result.
func (c *doctorCmd) examine(e env) (results []doctor.Result) {
	add := func(check string, err error, about, detail, remedy string) bool {
		r := doctor.Result{Check: check, State: doctor.OK, About: about, Detail: detail}
		if err != nil {
			r.State, r.Detail, r.Remedy = doctor.Fault, err.Error(), remedy
		}
		results = append(results, r)
		return err == nil
	}
	cfg, err := config.Default(), error(nil)
	if c.Config != "" {
		cfg, err = config.Load(c.Config)
	}
	remedy := "correct the file; the message tells key and line"
	if errors.Is(err, fs.ErrNotExist) {
		remedy = "name the file that marktbote serve uses"
	}
	if !add(doctor.CheckConfiguration, err, c.Config, "readable, and its values make sense", remedy) {
		return results
	}
	st, err := openExisting(e.ctx, cfg, cfg.KeyFile())
	if !add(doctor.CheckStore, err, describeStore(cfg), "reachable, and the master key fits",
		"start the database, or correct store and master_key_file; doctor runs as the user of the gateway and on its machine") {
		return results
	}
	defer st.Close()
	directory, err := openDirectory(e.ctx, cfg, st, zap.NewNop(), nil)
	if err != nil {
		add(doctor.CheckRoots, err, "", "", "correct as4.trust; see docs/operations.md")
		return results
	}
	d := &doctor.Doctor{Config: cfg, ConfigFile: c.Config, Directory: directory, Partners: c.Partners, SendTest: sendTest(cfg, st, directory)}
	return append(results, d.Run(e.ctx)...)
}

// sendTest returns how doctor sends a message from an own MP-ID to itself.
func sendTest(cfg config.Config, st store.Store, d *partner.Directory) func(context.Context, string, string, func(context.Context, string) ([]netip.Addr, error)) error {
	return func(ctx context.Context, mpID, endpoint string, lookup func(context.Context, string) ([]netip.Addr, error)) error {
		host, err := as4Host(ctx, cfg, d)
		if err != nil {
			return err
		}
		transport := &as4Transport{}
		if cfg.AS4.TLS.Library {
			library, _, err := openLibrary(ctx, cfg, d)
			if err != nil {
				return err
			}
			transport = library.transport(func(ctx context.Context, network, address string) (net.Conn, error) {
				host, port, err := net.SplitHostPort(address)
				if err != nil {
					return nil, err
				}
				addresses, err := lookup(ctx, host)
				if err != nil {
					return nil, err
				}
				return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(addresses[0].String(), port))
			})
		} else {
			egress := proxy.NewEgress(cfg.AS4.TLS.WithDefaults(cfg.DataDir).EgressSocket)
			egress.Lookup = lookup
			transport.tls = asOwn{egress}
		}
		node := as4.New(as4.Options{
			Store: st, Directory: d, Host: host, Transport: transport, Log: zap.NewNop(), Metrics: prometheus.NewRegistry(),
		})
		_, err = node.TestSelf(ctx, mpID, endpoint)
		return err
	}
}

// printResults prints results for people.
func printResults(w io.Writer, results []doctor.Result) {
	count := map[doctor.State]int{}
	for _, r := range results {
		count[r.State]++
		text := r.Detail
		if r.About != "" {
			text = r.About + ": " + text
		}
		fmt.Fprintf(w, "%-7s  %-19s  %s\n", r.State, r.Check, strings.Join(strings.Fields(text), " "))
		if r.Remedy != "" {
			fmt.Fprintf(w, "%-28s  help: %s\n", "", strings.Join(strings.Fields(r.Remedy), " "))
		}
	}
	fmt.Fprintf(w, "%d ok, %d warnings, %d faults\n", count[doctor.OK], count[doctor.Warning], count[doctor.Fault])
}
