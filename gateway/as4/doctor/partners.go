package doctor

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/proxy"
	"github.com/marktbote/marktbote/gateway/partner"
)

// maxLooks bounds how many partners are called at the same time.
const maxLooks = 8

// hostNames looks whether the names at which partners find us exist.
func (d *Doctor) hostNames(ctx context.Context) {
	for _, id := range d.ingress.Identities {
		for _, name := range id.ServerNames {
			addresses, err := d.Lookup(ctx, name)
			if err != nil {
				d.warn(CheckNames, id.MPID, fmt.Sprintf("%s: %v", name, err), "let the name be known in the DNS; partners must find it, whether it is known here is less important")
				continue
			}
			for i := range addresses {
				addresses[i] = addresses[i].Unmap()
			}
			d.ok(CheckNames, id.MPID, "%s is %v", name, addresses)
		}
	}
}

// partners looks at the endpoints of partners if it was asked for, and tells what the directory warns of in any case. It
// returns by how much the clocks of those who answered are ahead of ours.
func (d *Doctor) partners(ctx context.Context) (offsets []time.Duration) {
	warnings, err := d.Directory.Radar(ctx, d.Now())
	if err != nil {
		d.fault(CheckPartners, "", err.Error(), "look at the check of the store")
		return nil
	}
	for _, w := range warnings {
		switch w.Kind {
		case partner.OwnExpiring, partner.OwnMissing, partner.ListStale, partner.ListDistrusted: // told already
		default:
			if w.Severity != partner.Info {
				d.warn(CheckPartners, w.MPID, w.Text, d.command("partners radar")+" tells more")
			}
		}
	}
	list, err := d.Directory.Partners(ctx)
	if err != nil {
		d.fault(CheckPartners, "", err.Error(), "look at the check of the store")
		return nil
	}
	list = slices.DeleteFunc(list, func(p partner.Partner) bool { return p.Endpoint == "" || slices.Contains(d.own, p.MPID) })
	if !d.Partners || len(d.own) == 0 {
		return nil
	}
	type seen struct {
		index  int
		result Result
		offset *time.Duration
	}
	looks, places := make(chan seen), make(chan struct{}, maxLooks)
	for i, p := range list {
		go func() {
			places <- struct{}{}
			r, offset := d.endpoint(ctx, p)
			<-places
			looks <- seen{i, r, offset}
		}()
	}
	results := make([]Result, len(list))
	for range list {
		s := <-looks
		results[s.index] = s.result
		if s.offset != nil {
			offsets = append(offsets, *s.offset)
		}
	}
	d.results = append(d.results, results...)
	return offsets
}

// endpoint calls a partner's server and looks at what it negotiates. Faults of partners are warnings: they are not ours.
func (d *Doctor) endpoint(ctx context.Context, p partner.Partner) (Result, *time.Duration) {
	bad := func(detail, remedy string) (Result, *time.Duration) {
		return Result{CheckPartners, Warning, p.MPID, p.Endpoint + ": " + detail, remedy}, nil
	}
	const tell = "tell the partner"
	u, err := url.Parse(p.Endpoint)
	if err != nil || u.Scheme != "https" {
		return bad("no https URL", "correct the endpoint: marktbote partners add "+p.MPID+" --endpoint URL")
	}
	addresses, err := d.Lookup(ctx, u.Hostname())
	if err != nil || len(addresses) == 0 {
		return bad(fmt.Sprintf("no address: %v", err), "look at the DNS of this machine, and ask the partner for his endpoint")
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	probe := proxy.Probe{
		OpenSSL: d.settings.OpenSSL, Address: net.JoinHostPort(addresses[0].Unmap().String(), port), Name: u.Hostname(),
		Request: "GET / HTTP/1.1\r\nHost: " + u.Host + "\r\nConnection: close\r\n\r\n",
	}
	if probe.Certificate, probe.Key, err = proxy.KeyFiles(d.settings.Dir, d.own[0]); err != nil {
		return bad("not called: "+err.Error(), d.command("tls nginx")+" writes the key")
	}
	before := d.Now()
	h, err := probe.Run(ctx)
	if not, ok := errors.AsType[*proxy.NotShaken](err); ok && len(h.Path) == 0 {
		return bad(not.Alert, "if the port is open: the partner must offer brainpoolP256r1 in his group list and a suite of the profile; if not, ask for his firewall and yours")
	}
	if len(h.Path) == 0 {
		return bad(fmt.Sprintf("no certificate: %v", err), tell)
	}
	if err := d.verify(h.Path[0], h.Path[1:]); err != nil {
		return bad(err.Error(), tell)
	}
	if h.Path[0].VerifyHostname(u.Hostname()) != nil {
		return bad("the certificate is for "+strings.Join(h.Path[0].DNSNames, ", "), tell)
	}
	if err != nil {
		return bad(err.Error(), "the partner may not know the Sub-CA of "+d.own[0])
	}
	r := Result{Check: CheckPartners, State: OK, About: p.MPID, Detail: fmt.Sprintf("%s: %s, %s, %s", p.Endpoint, h.Protocol, h.Cipher, h.Group)}
	return r, clockOffset(h.Response, before.Add(d.Now().Sub(before)/2))
}

// clockOffset returns by how much the clock that dated an answer is ahead; nil if it has no date.
func clockOffset(response []byte, at time.Time) *time.Duration {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(response)), nil)
	if err != nil {
		return nil
	}
	_ = resp.Body.Close()
	stamp, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return nil
	}
	offset := stamp.Sub(at.Truncate(time.Second))
	return &offset
}

func sorted(list []time.Duration) []time.Duration { return slices.Sorted(slices.Values(list)) }
