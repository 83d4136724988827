package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/gateway"
	"github.com/marktbote/marktbote/gateway/as4"
	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/libssl"
	"github.com/marktbote/marktbote/gateway/as4/proxy"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/partner"
	"github.com/marktbote/marktbote/store"
)

// as4Channel connects a gateway with an AS4 node: the one sends through the other, which hands on what it receives.
type as4Channel struct {
	node      *as4.Node
	directory *partner.Directory
	store     store.Store
	log       *zap.Logger
	gateway   *gateway.Gateway // set before anything runs
	library   *tlsLibrary      // nil: nginx does TLS
}

// Send implements gateway.Channel.
func (c *as4Channel) Send(ctx context.Context, out gateway.Outgoing) (time.Time, error) {
	return c.node.Send(ctx, as4.Message{
		Key: out.MessageID, Interchange: out.Interchange, From: out.Sender, To: out.Recipient, DocumentType: out.MessageType,
		DocumentNo: out.ControlRef, ApplicationRef: out.ApplicationRef, Created: out.ReceivedAt, Body: out.Body,
	})
}

// Receive implements as4.Inbox.
func (c *as4Channel) Receive(ctx context.Context, d as4.Delivery) error {
	_, err := c.gateway.ReceiveDelivery(ctx, gateway.Delivery{
		Channel: "as4", ReceivedID: d.ID, Sender: d.Sender, ControlRef: d.Document, At: d.At, Body: d.Body, Keep: d.Keep,
	})
	switch {
	case errors.Is(err, gateway.ErrTooLarge):
		return &ebms.Fault{Code: ebms.DecompressionFailure, Text: "the file is longer than is taken here", Err: err}
	case errors.Is(err, gateway.ErrReusedID):
		return &ebms.Fault{Code: ebms.InvalidHeader, Text: "the message identity was used before for another message", Err: err}
	}
	return err
}

// openDirectory opens the directory of partners, keys and certificates that the configuration names.
func openDirectory(ctx context.Context, cfg config.Config, st store.Store, log *zap.Logger, now func() time.Time) (*partner.Directory, error) {
	opts, err := partner.OptionsOf(&cfg)
	if err != nil {
		return nil, err
	}
	opts.Store, opts.Log, opts.Now = st, log, now
	return partner.Open(ctx, opts)
}

// openAS4 opens the AS4 channel of the configuration. The gateway is set afterwards, because each needs the other.
func openAS4(ctx context.Context, cfg config.Config, st store.Store, log *zap.Logger, metrics prometheus.Registerer) (*as4Channel, error) {
	if len(cfg.Own) == 0 {
		return nil, errors.New("as4: own: name the own MP-IDs in the configuration, messages are received for them only")
	}
	directory, err := openDirectory(ctx, cfg, st, log, nil)
	if err != nil {
		return nil, err
	}
	metrics.MustRegister(directory.Collector())
	c := &as4Channel{directory: directory, store: st, log: log.Named("as4")}
	host, err := as4Host(ctx, cfg, directory)
	if err != nil {
		return nil, err
	}
	tls := cfg.AS4.TLS.WithDefaults(cfg.DataDir)
	var transport *as4Transport
	certificate := proxy.ClientCertificate
	if tls.Library {
		var missing []error
		if c.library, missing, err = openLibrary(ctx, cfg, directory); err != nil {
			return nil, err
		}
		if missing != nil {
			c.log.Error("TLS serves not every own MP-ID", zap.Errors("reasons", missing))
		}
		transport, certificate = c.library.transport(nil), libssl.ClientCertificate
	} else {
		egress := proxy.NewEgress(tls.EgressSocket)
		verifyServers(egress, tls, directory)
		transport = &as4Transport{tls: asOwn{egress}, plain: plainTransport()}
	}
	c.node = as4.New(as4.Options{
		Store: st, Inbox: c, Directory: directory, Services: cfg.AS4.Services, Host: host, Log: log, Metrics: metrics,
		IsOwn: func(mpID string) bool {
			return slices.ContainsFunc(cfg.Own, func(p config.Party) bool { return p.MPID == ident.MarktpartnerID(mpID) })
		},
		Limits:            as4.Limits{Body: cfg.AS4.MaxBodyBytes, Payload: cfg.AS4.MaxPayloadBytes},
		ClientCertificate: certificate,
		Transport:         transport,
	})
	return c, nil
}

// as4Host is the right part of message identities: the host that is configured, or else the one that partners call.
func as4Host(ctx context.Context, cfg config.Config, directory *partner.Directory) (string, error) {
	if cfg.AS4.Host != "" {
		return cfg.AS4.Host, nil
	}
	for _, p := range cfg.Own {
		if names := cfg.AS4.TLS.ServerNames[string(p.MPID)]; len(names) > 0 {
			return names[0], nil
		}
		own, err := directory.Keys().List(ctx, string(p.MPID))
		if err != nil {
			return "", err
		}
		for _, key := range own {
			if c := key.Certificate; c != nil && c.Row.RetiredAt.IsZero() && len(c.DNSNames) > 0 {
				return strings.ToLower(c.DNSNames[0]), nil
			}
		}
	}
	return "", nil
}

// as4Transport sends https with the certificate of the MP-ID that the node sends for, and http, which is for this machine,
// without.
type as4Transport struct{ tls, plain http.RoundTripper }

// asOwn tells nginx for which MP-ID a request is.
type asOwn struct{ egress *proxy.Egress }

// RoundTrip implements http.RoundTripper.
func (t asOwn) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.egress.RoundTrip(r.WithContext(proxy.SendAs(r.Context(), as4.OwnMPID(r.Context()))))
}

// RoundTrip implements http.RoundTripper.
func (t *as4Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "https" {
		return t.tls.RoundTrip(r)
	}
	return t.plain.RoundTrip(r)
}

// plainTransport is for partners on this machine.
func plainTransport() *http.Transport {
	return &http.Transport{
		DialContext:        (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
		DisableCompression: true, DisableKeepAlives: true,
	}
}

// serve takes messages from nginx at its socket and, if the configuration says so, without TLS at an address.
func (c *as4Channel) serve(ctx context.Context, cfg config.Config, group *errgroup.Group, out io.Writer) error {
	tls := cfg.AS4.TLS.WithDefaults(cfg.DataDir)
	var ingress []net.Listener
	if c.library != nil {
		var err error
		if ingress, err = c.library.listen(); err != nil {
			return err
		}
		fmt.Fprintf(out, "AS4: with TLS at %s\n", strings.Join(tls.Listen, ", "))
		group.Go(func() error { c.library.keep(ctx, c.node.Log); return nil })
	} else {
		l, err := proxy.Listen(tls.IngressSocket)
		if err != nil {
			return err
		}
		ingress = []net.Listener{l}
		fmt.Fprintf(out, "AS4: behind nginx at %s\n", tls.IngressSocket)
		group.Go(func() error { c.keepNginx(ctx, cfg, c.node.Log); return nil })
	}
	for _, l := range ingress {
		group.Go(func() error { return serveHTTP(ctx, l, c.node, as4Patience) })
	}
	if tls.PlainListen != "" {
		plain, err := net.Listen("tcp", tls.PlainListen)
		if err != nil {
			return fmt.Errorf("as4: tls: plain_listen: %w", err)
		}
		fmt.Fprintf(out, "AS4: without TLS at http://%s/as4\n", plain.Addr())
		group.Go(func() error { return serveHTTP(ctx, plain, c.node.Plain(), as4Patience) })
	}
	group.Go(func() error { c.directory.Run(ctx); return nil })
	group.Go(func() error { c.node.Run(ctx); return nil })
	group.Go(func() error { c.radar(ctx); return nil })
	return nil
}

// radarEvery is how often somebody looks for partners that will become unreachable.
const radarEvery = 15 * time.Minute

// radar logs what needs a person and puts it into the outbox, where each warning is one event however often it is seen.
func (c *as4Channel) radar(ctx context.Context) {
	logged := map[string]bool{}
	for {
		if err := c.survey(ctx, logged); err != nil && ctx.Err() == nil {
			c.log.Warn("the survey of partners failed", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(radarEvery):
		}
	}
}

func (c *as4Channel) survey(ctx context.Context, logged map[string]bool) error {
	now := time.Now()
	warnings, err := c.directory.Radar(ctx, now)
	if err != nil {
		return err
	}
	var rows []store.Event
	for _, w := range warnings {
		e := event.OfWarning(event.Warning{
			Kind: string(w.Kind), Severity: string(w.Severity), MPID: ident.MarktpartnerID(w.MPID), Usage: w.Usage, CA: w.CA, Until: w.Until,
			Werktage: w.Werktage, Text: w.Text, At: now,
		})
		e.RecordedAt = now
		data, err := e.MarshalJSON()
		if err != nil {
			return err
		}
		rows = append(rows, store.Event{ID: e.ID, Type: e.Type, Subject: e.Subject, PartitionKey: e.PartitionKey, RecordedAt: now, Data: data})
		if !logged[e.ID] {
			logged[e.ID] = true
			c.log.Warn("partner radar", zap.String("kind", string(w.Kind)), zap.String("severity", string(w.Severity)), zap.String("mp_id", w.MPID), zap.String("text", w.Text))
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return c.store.Update(ctx, func(tx store.Tx) error {
		_, err := tx.InsertEvents(rows...)
		return err
	})
}

// as4Patience is how long a partner may pause while he sends.
const as4Patience = 60 * time.Second
