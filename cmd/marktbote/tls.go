package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/gateway/as4/proxy"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/partner"
)

// tlsCmd is "marktbote tls".
type tlsCmd struct {
	Nginx tlsNginxCmd `cmd:"" help:"Write the configuration of nginx from the own keys, and let a running nginx read it."`
}

// tlsNginxCmd is "marktbote tls nginx".
type tlsNginxCmd struct {
	storeFlag
	Print bool `help:"Print the configuration of nginx and write nothing."`
}

// Help is shown by "marktbote tls nginx --help".
func (*tlsNginxCmd) Help() string {
	return `Writes nginx.conf, the TLS keys and the trusted certificates into as4.tls.dir (directory 0700, files 0600). nginx tests the new configuration first; if it refuses, everything stays as it is. Afterwards marktbote serve keeps it up to date. docs/operations.md tells more.

Examples:
  marktbote tls nginx --config /etc/marktbote.yml
  nginx -e stderr -p /var/lib/marktbote/tls -c /var/lib/marktbote/tls/nginx.conf`
}

// Run writes the configuration.
func (c *tlsNginxCmd) Run(e env) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	if len(cfg.Own) == 0 {
		return errors.New("own: name the own MP-IDs in the configuration (--config)")
	}
	st, err := openExisting(e.ctx, cfg, cfg.KeyFile())
	if err != nil {
		return err
	}
	defer st.Close()
	d, err := openDirectory(e.ctx, cfg, st, zap.NewNop(), nil)
	if err != nil {
		return err
	}
	settings := cfg.AS4.TLS.WithDefaults(cfg.DataDir)
	build, err := proxy.ReadBuild(e.ctx, settings.Nginx)
	if err != nil {
		return err
	}
	conf, missing, err := proxy.From(e.ctx, build, &cfg, d, time.Now())
	if err != nil {
		return err
	}
	if c.Print {
		text, err := conf.Text()
		fmt.Fprint(e.stdout, text)
		return err
	}
	changed, running, err := conf.Apply(e.ctx, settings.Nginx)
	if err != nil {
		return err
	}
	for _, id := range conf.Identities {
		fmt.Fprintf(e.stdout, "%s: %s, certificate valid until %s\n", id.MPID, strings.Join(id.ServerNames, ", "), id.Path[len(id.Path)-1].NotAfter.Format(time.DateOnly))
	}
	for _, reason := range missing {
		fmt.Fprintln(e.stderr, "left out:", reason)
	}
	file, news := proxy.ConfFile(conf.Dir), "unchanged"
	if changed {
		news = "written"
	}
	if running {
		fmt.Fprintf(e.stdout, "%s: %s, in use\n", file, news)
	} else {
		fmt.Fprintf(e.stdout, "%s: %s. Start: %s -e stderr -p %s -c %s\n", file, news, settings.Nginx, conf.Dir, file)
	}
	if missing != nil {
		return errRejected
	}
	return nil
}

// keepEvery is how often nginx gets what has changed: a new certificate is in use within this time.
const keepEvery = time.Minute

// errNotSetUp: marktbote tls nginx was never called, so nginx is not ours to look after.
var errNotSetUp = errors.New("as4: there is no configuration of nginx yet")

// keepNginx keeps the configuration of nginx what the own keys ask for.
func (c *as4Channel) keepNginx(ctx context.Context, cfg config.Config, log *zap.Logger) {
	settings := cfg.AS4.TLS.WithDefaults(cfg.DataDir)
	var said string // what was said last about MP-IDs that are left out
	load := func(ctx context.Context) (proxy.Config, error) {
		if _, err := os.Stat(proxy.ConfFile(settings.Dir)); errors.Is(err, fs.ErrNotExist) {
			return proxy.Config{}, errNotSetUp
		}
		build, err := proxy.ReadBuild(ctx, settings.Nginx)
		if err != nil {
			return proxy.Config{}, err
		}
		conf, missing, err := proxy.From(ctx, build, &cfg, c.directory, time.Now())
		if text := errors.Join(missing...); text != nil && text.Error() != said {
			said = text.Error()
			log.Error("nginx serves not every own MP-ID", zap.Errors("reasons", missing))
		}
		return conf, err
	}
	proxy.Keep(ctx, settings.Nginx, keepEvery, load, func(_, running bool, err error) {
		switch {
		case errors.Is(err, errNotSetUp):
		case err != nil:
			log.Error("the configuration of nginx cannot be kept up to date", zap.Error(err))
		default:
			log.Info("nginx got another configuration", zap.Bool("running", running))
		}
	})
}

// verifyServers makes an egress look at what nginx does not check about partners' servers.
func verifyServers(egress *proxy.Egress, settings config.TLS, d *partner.Directory) {
	v := &proxy.Verifier{Dir: settings.Dir, OpenSSL: settings.OpenSSL, Check: func(ctx context.Context, leaf *x509.Certificate, others []*x509.Certificate) error {
		_, err := d.Verify(ctx, leaf, others, smpki.TLS, time.Now())
		return err
	}}
	egress.Verify = v.Verify
}
