package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/proxy"
	"github.com/marktbote/marktbote/gateway/partner"
)

// selfTimeout bounds a message to oneself.
const selfTimeout = time.Minute

// library looks at a gateway that does TLS itself: its port, and a message to itself, which proves both directions of the
// handshake.
func (d *Doctor) library(ctx context.Context) {
	ids, missing, err := proxy.Identities(ctx, d.settings, d.own, d.Directory, d.Now(), func(string) (proxy.Identity, bool) { return proxy.Identity{}, false })
	if err != nil {
		d.fault(CheckHandshake, "", err.Error(), "look at the check of the store")
		return
	}
	for _, reason := range missing {
		if _, told := errors.AsType[*partner.NoCertificate](reason); !told {
			d.fault(CheckHandshake, "", reason.Error(), "repair it; until then this MP-ID is not served")
		}
	}
	d.ingress.Identities = ids
	if !d.ports(ctx) || d.SendTest == nil {
		return
	}
	to, err := netip.ParseAddrPort(reach(d.settings.Listen[0]))
	if err != nil {
		d.fault(CheckSelf, "", err.Error(), "write as4.tls.listen as address:port")
		return
	}
	for _, id := range ids {
		d.sendTest(ctx, id, to)
	}
}

// sendTest sends a message from an own MP-ID to itself.
func (d *Doctor) sendTest(ctx context.Context, id proxy.Identity, to netip.AddrPort) {
	ctx, cancel := context.WithTimeout(ctx, selfTimeout)
	defer cancel()
	lookup := func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{to.Addr()}, nil }
	if err := d.SendTest(ctx, id.MPID, endpointOf(id, to), lookup); err != nil {
		d.fault(CheckSelf, id.MPID, err.Error(), "the message log and the log of the gateway tell more about this message")
		return
	}
	d.ok(CheckSelf, id.MPID, "a message of the test service was sent, received and receipted")
}

// endpointOf returns the address at which an own MP-ID is called from this machine.
func endpointOf(id proxy.Identity, to netip.AddrPort) string {
	return fmt.Sprintf("https://%s/", net.JoinHostPort(id.ServerNames[0], fmt.Sprint(to.Port())))
}

// message goes the whole way: egress, ingress, gateway.
func (d *Doctor) message(ctx context.Context, id proxy.Identity, address string) {
	ctx, cancel := context.WithTimeout(ctx, selfTimeout)
	defer cancel()
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		d.fault(CheckEgress, id.MPID, err.Error(), "write as4.tls.listen as address:port")
		return
	}
	lookup := func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{to.Addr()}, nil }
	endpoint := endpointOf(id, to)
	egress := proxy.NewEgress(d.ingress.EgressSocket)
	egress.Lookup = lookup
	req, err := http.NewRequestWithContext(proxy.SendAs(ctx, id.MPID), http.MethodGet, endpoint, nil)
	if err != nil {
		d.fault(CheckEgress, id.MPID, err.Error(), "correct as4.tls.server_names")
		return
	}
	resp, err := egress.RoundTrip(req)
	var unsent *proxy.Unsent
	switch {
	case errors.As(err, &unsent):
		d.fault(CheckEgress, id.MPID, err.Error(), d.egressRemedy(unsent))
		return
	case err != nil:
		d.fault(CheckEgress, id.MPID, err.Error(), "see egress.log in "+d.settings.Dir)
		return
	}
	_ = resp.Body.Close()
	d.ok(CheckEgress, id.MPID, "from the gateway through nginx to nginx, with the TLS certificate of this MP-ID in both directions")
	if resp.StatusCode == http.StatusBadGateway || resp.StatusCode == http.StatusGatewayTimeout {
		d.fault(CheckGateway, id.MPID, "nothing takes messages at "+d.ingress.IngressSocket, "start the gateway ("+d.command("serve")+"), as the user who owns "+d.settings.Dir)
		return
	}
	d.ok(CheckGateway, id.MPID, "the gateway answers behind nginx (%s)", resp.Status)
	if d.SendTest == nil {
		return
	}
	d.sendTest(ctx, id, to)
}

func (d *Doctor) egressRemedy(u *proxy.Unsent) string {
	switch {
	case strings.Contains(u.Reason, "cannot be reached"):
		return "start nginx again; what it has at " + d.ingress.EgressSocket + " must be reachable for the user of the gateway"
	case strings.Contains(u.Reason, "does not send for this MP-ID"):
		return "let nginx read its configuration: " + d.command("tls nginx") + ", or restart it"
	case strings.Contains(u.Reason, "wrong curve"), strings.Contains(u.Reason, "handshake failure"):
		return "proxy_ssl_conf_command Groups and proxy_ssl_ciphers of nginx are wrong: " + d.command("tls nginx") + " writes them"
	case strings.Contains(u.Reason, "verify error"), strings.Contains(u.Reason, "does not match"):
		return "look at own-certificates and roots; " + d.command("tls nginx") + " writes what nginx trusts"
	}
	return "see egress.log in " + d.settings.Dir
}

// ingressText returns the configuration that nginx has.
func (d *Doctor) ingressText() string {
	text, err := os.ReadFile(proxy.ConfFile(d.settings.Dir))
	if err != nil {
		return ""
	}
	return string(text)
}
