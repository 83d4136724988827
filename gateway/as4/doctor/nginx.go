package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/proxy"
	"github.com/marktbote/marktbote/gateway/partner"
)

// nginx looks at the program; without a usable one nothing else about TLS can be said.
func (d *Doctor) nginx(ctx context.Context) bool {
	build, err := proxy.ReadBuild(ctx, d.settings.Nginx)
	if err != nil {
		d.fault(CheckNginx, d.settings.Nginx, err.Error(), "install nginx 1.20 or newer that uses OpenSSL 3 (Debian: apt-get install nginx), or name the program in as4.tls.nginx")
		return false
	}
	d.build = build
	if build.OpenSSL.AtLeast(3, 2) {
		d.ok(CheckNginx, d.settings.Nginx, "nginx %s with OpenSSL %s: TLS 1.2 and 1.3", build.Nginx, build.OpenSSL)
	} else {
		d.ok(CheckNginx, d.settings.Nginx, "nginx %s with OpenSSL %s: TLS 1.2 only; 1.3 with brainpool certificates needs OpenSSL 3.2", build.Nginx, build.OpenSSL)
	}
	return true
}

// files compares what nginx was given with what it should have.
func (d *Doctor) files(ctx context.Context) {
	c, missing, err := proxy.From(ctx, d.build, &d.Config, d.Directory, d.Now())
	if err != nil {
		d.fault(CheckFiles, d.settings.Dir, err.Error(), "look at the check of the store")
		return
	}
	d.ingress = c
	for _, reason := range missing {
		if _, told := errors.AsType[*partner.NoCertificate](reason); !told {
			d.fault(CheckFiles, d.settings.Dir, reason.Error(), "repair it; until then nginx is not told of this MP-ID")
		}
	}
	wrong, err := d.ingress.InSync()
	if err != nil {
		d.fault(CheckFiles, d.ingress.Dir, err.Error(), "repair the configuration (as4.tls)")
		return
	}
	for _, w := range wrong {
		d.fault(CheckFiles, d.ingress.Dir, w, d.command("tls nginx")+" writes it anew; marktbote serve does so by itself every minute")
	}
	if len(wrong) == 0 {
		d.ok(CheckFiles, d.ingress.Dir, "keys, certificates and configuration are those of the store, and closed to others")
	}
}

// process looks for the nginx that runs with this configuration.
func (d *Doctor) process() bool {
	pid, err := proxy.PID(d.settings.Dir)
	if err != nil {
		d.fault(CheckProcess, d.settings.Dir, err.Error(), "start it: systemctl start marktbote-nginx, or nginx -e stderr -p "+d.settings.Dir+" -c "+proxy.ConfFile(d.settings.Dir)+"; its error.log there tells why it ended")
		return false
	}
	if err := proxy.Signalled(d.settings.Dir); err != nil {
		d.fault(CheckProcess, d.settings.Dir, err.Error(), "run nginx as the user of the gateway, with the capability CAP_NET_BIND_SERVICE for ports below 1024")
		return true
	}
	d.ok(CheckProcess, d.settings.Dir, "process %d, which this user may tell to read its configuration", pid)
	return true
}

// reach returns an address at which this machine reaches a listen address of its own.
func reach(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	switch ip := net.ParseIP(host); {
	case host == "" || host == "*" || ip != nil && ip.IsUnspecified() && ip.To4() != nil:
		host = "127.0.0.1"
	case ip != nil && ip.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}

// ports looks whether the ports of the ingress are open on this machine.
func (d *Doctor) ports(ctx context.Context) bool {
	good := true
	dialer := net.Dialer{Timeout: 5 * time.Second}
	for _, listen := range d.settings.Listen {
		address := reach(listen)
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			if d.settings.Library {
				d.fault(CheckPort, address, err.Error(), "start the gateway: "+d.command("serve"))
				good = false
				continue
			}
			d.fault(CheckPort, address, err.Error(), "see error.log in "+d.settings.Dir+": another program may have the port, or nginx runs with an older configuration (nginx -s reload, or restart it)")
			good = false
			continue
		}
		_ = conn.Close()
		d.ok(CheckPort, address, "open on this machine; whether partners get through the firewall is not visible from here")
	}
	return good
}

// handshakes calls the ingress as a partner would.
func (d *Doctor) handshakes(ctx context.Context) {
	address := reach(d.settings.Listen[0])
	for i, id := range d.ingress.Identities {
		p := proxy.Probe{OpenSSL: d.settings.OpenSSL, Address: address, Name: id.ServerNames[0]}
		var err error
		if p.Certificate, p.Key, err = proxy.KeyFiles(d.settings.Dir, id.MPID); err != nil {
			d.fault(CheckHandshake, id.MPID, err.Error(), d.command("tls nginx")+" writes it")
			continue
		}
		if !d.handshake(ctx, id, p) {
			continue
		}
		if i == 0 { // the same settings for all
			d.groups(ctx, p)
			d.suites(ctx, p)
			d.clients(ctx, p)
		}
		d.message(ctx, id, address)
	}
}

// handshake makes one as the profile has it, and finds out why it fails if it does.
func (d *Doctor) handshake(ctx context.Context, id proxy.Identity, p proxy.Probe) bool {
	h, err := p.Run(ctx)
	if err != nil {
		d.explain(ctx, id, p, err)
		return false
	}
	leaf := id.Path[len(id.Path)-1]
	switch err := d.verify(h.Path[0], h.Path[1:]); {
	case err != nil:
		d.fault(CheckHandshake, id.MPID, "the certificate that nginx shows: "+err.Error(), "if own-certificates is in order, nginx still has an older one: "+d.command("tls nginx"))
		return false
	case !h.Path[0].Equal(leaf):
		d.fault(CheckHandshake, id.MPID, fmt.Sprintf("nginx shows a certificate that is valid until %s, the newest one is valid until %s", date(h.Path[0].NotAfter), date(leaf.NotAfter)),
			"let nginx read its configuration: "+d.command("tls nginx")+", or restart it")
		return false
	}
	for _, name := range id.ServerNames {
		if leaf.VerifyHostname(name) != nil {
			d.fault(CheckHandshake, id.MPID, fmt.Sprintf("the certificate is not for %s but for %s, so partners end the handshake", name, strings.Join(leaf.DNSNames, ", ")),
				"correct as4.tls.server_names, or request a certificate with this name")
			return false
		}
	}
	d.ok(CheckHandshake, id.MPID, "%s at %s: %s, %s, %s", id.ServerNames[0], p.Address, h.Protocol, h.Cipher, h.Group)
	return true
}

// explain finds the reason of a failed handshake by offering everything that OpenSSL knows.
func (d *Doctor) explain(ctx context.Context, id proxy.Identity, p proxy.Probe, failure error) {
	var not *proxy.NotShaken
	if !errors.As(failure, &not) {
		d.fault(CheckHandshake, id.MPID, failure.Error(), "install openssl, or name the program in as4.tls.openssl")
		return
	}
	if strings.Contains(not.Alert, "unrecognized name") {
		d.fault(CheckHandshake, id.MPID, fmt.Sprintf("nginx knows no host %s", p.Name), "let nginx read its configuration: "+d.command("tls nginx")+", or restart it")
		return
	}
	// Without a certificate: that of a client must be on a group of the server's list, or it is refused with "illegal parameter".
	p.Certificate, p.Key = "", ""
	p.Ciphers, p.Groups, p.Signatures = proxy.AnyCiphers, proxy.AnyGroups, proxy.AnySignatures
	h, err := p.Run(ctx)
	const rewrite = " writes one that has what the profile demands; look for what changed the other"
	switch {
	case err != nil:
		d.fault(CheckHandshake, id.MPID, failure.Error(), "see ingress.log in "+d.settings.Dir+"; if nginx was not configured by marktbote, its ssl_protocols, ssl_ciphers and ssl_ecdh_curve must be those that "+d.command("tls nginx --print")+" shows")
	case !permitted(h.Cipher, proxy.ProfileCiphers):
		d.fault(CheckSuites, id.MPID, fmt.Sprintf("no suite of the profile can be negotiated, but %s can", h.Cipher), d.command("tls nginx")+rewrite+" (ssl_ciphers)")
	case !strings.HasPrefix(h.Group, "brainpool"):
		d.fault(CheckGroups, id.MPID, fmt.Sprintf("%v; the key exchange can be on %s and not on brainpool: the group list is wrong, and certificates of partners are refused with it", failure, h.Group),
			d.command("tls nginx")+rewrite+" (ssl_ecdh_curve)")
	default:
		d.fault(CheckHandshake, id.MPID, fmt.Sprintf("%v; it works with signatures that the profile does not permit", failure), d.command("tls nginx")+rewrite)
	}
}

func permitted(name, list string) bool {
	for known := range strings.SplitSeq(list, ":") {
		if known == name {
			return true
		}
	}
	return false
}

// bigGroup is a group list of nginx with brainpoolP384r1.
var bigGroup = regexp.MustCompile(`(?m)^\s*ssl_ecdh_curve [^;#]*\bbrainpoolP384r1\b`)

// groups looks for brainpool in the key exchange.
//
// Spec: BSI TR-03116-3, Stand 2023 4.1 (groups that must be supported)
func (d *Doctor) groups(ctx context.Context, p proxy.Probe) {
	const remedy = "ssl_ecdh_curve of nginx must be " + proxy.ProfileGroups + "; OpenSSL's own list has no brainpool group. It is in what this writes: "
	p.Groups = "brainpoolP256r1"
	if h, err := p.Run(ctx); err != nil || h.Group != "brainpoolP256r1" {
		detail := "a partner that offers brainpoolP256r1 alone is refused: the group list is wrong"
		if err == nil {
			detail = "brainpoolP256r1 was offered, " + h.Group + " was taken"
		}
		d.fault(CheckGroups, p.Address, detail, remedy+d.command("tls nginx"))
		return
	}
	p.Groups = "X25519:brainpoolP384r1:brainpoolP256r1"
	h, err := p.Run(ctx)
	if err != nil || !permitted(h.Group, proxy.ProfileGroups) {
		d.fault(CheckGroups, p.Address, fmt.Sprintf("%s was negotiated, which the profile forbids", h.Group), remedy+d.command("tls nginx"))
		return
	}
	if !bigGroup.MatchString(d.ingressText()) {
		d.fault(CheckGroups, p.Address, "brainpoolP384r1 is not in the group list", remedy+d.command("tls nginx"))
		return
	}
	d.ok(CheckGroups, p.Address, "brainpoolP256r1 alone is enough; X25519 is not taken; brainpoolP384r1 is in the configuration (from outside it cannot be seen, because every partner has to offer the other one too)")
}

// suites looks for the suites that must be there, and for some that must not.
//
// Spec: BSI TR-03116-3, Stand 2023 4.1 (suites, encrypt-then-MAC, versions)
func (d *Doctor) suites(ctx context.Context, p proxy.Probe) {
	good, remedy := true, d.command("tls nginx")+" writes ssl_ciphers and ssl_protocols as the profile has them"
	for _, suite := range []string{"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256"} {
		p.Ciphers = suite
		h, err := p.Run(ctx)
		if err != nil {
			d.fault(CheckSuites, p.Address, suite+" is refused, which the profile demands: "+err.Error(), remedy)
			good = false
		} else if strings.HasSuffix(suite, "AES128-SHA256") && !h.EncryptThenMAC {
			d.fault(CheckSuites, p.Address, "encrypt-then-MAC is not used with a CBC suite", remedy)
			good = false
		}
	}
	p.Ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"
	if h, err := p.Run(ctx); err == nil {
		d.fault(CheckSuites, p.Address, h.Cipher+" is accepted, which the profile forbids", remedy)
		good = false
	}
	p.Ciphers, p.Protocol = "", "TLSv1.1"
	if _, err := p.Run(ctx); err == nil {
		d.fault(CheckSuites, p.Address, "TLS 1.1 is accepted, which the profile forbids", remedy)
		good = false
	}
	if good {
		d.ok(CheckSuites, p.Address, "GCM and CBC with encrypt-then-MAC; ChaCha20, CBC with SHA-1 and TLS 1.1 are refused")
	}
}

// clients looks whether client certificates are demanded.
func (d *Doctor) clients(ctx context.Context, p proxy.Probe) {
	p.Request = "GET / HTTP/1.1\r\nHost: " + p.Name + "\r\nConnection: close\r\n\r\n"
	remedy := d.command("tls nginx") + " writes ssl_verify_client and the trusted certificates anew"
	with, err := p.Run(ctx)
	status := strings.TrimSpace(first(string(with.Response), "\r\n"))
	switch {
	case err != nil:
		d.fault(CheckClients, p.Address, "with the own client certificate: "+err.Error(), remedy)
		return
	case strings.HasPrefix(status, "HTTP/1.1 400"):
		d.fault(CheckClients, p.Address, "nginx refuses the own client certificate; ingress.log tells why", remedy)
		return
	}
	p.Certificate, p.Key = "", ""
	without, err := p.Run(ctx)
	if status := first(string(without.Response), "\r\n"); err == nil && !strings.HasPrefix(status, "HTTP/1.1 400") {
		d.fault(CheckClients, p.Address, "a client without a certificate is let in: "+status, remedy)
		return
	}
	d.ok(CheckClients, p.Address, "the own certificate is accepted, none is refused")
}

// first returns what stands before a separator.
func first(s, separator string) string {
	before, _, _ := strings.Cut(s, separator)
	return before
}
