package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"reflect"
	"time"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/gateway/as4"
	"github.com/marktbote/marktbote/gateway/as4/libssl"
	"github.com/marktbote/marktbote/gateway/as4/proxy"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/partner"
)

// tlsLibrary is TLS inside the gateway, for programs that are built with the tag libssl.
type tlsLibrary struct {
	*libssl.Context
	cfg       config.Config
	directory *partner.Directory
	used      []proxy.Identity
}

// verifyPatience bounds how long a handshake waits for a revocation list that has to be fetched.
const verifyPatience = 10 * time.Second

// openLibrary opens it with the identities of now; reasons tells which own MP-IDs have none.
func openLibrary(ctx context.Context, cfg config.Config, d *partner.Directory) (l *tlsLibrary, reasons []error, err error) {
	l = &tlsLibrary{cfg: cfg, directory: d}
	l.Context, err = libssl.New(libssl.Config{Verify: func(leaf *x509.Certificate, others []*x509.Certificate) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), verifyPatience)
		defer cancel()
		_, err := d.Verify(ctx, leaf, others, smpki.TLS, time.Now())
		return err
	}})
	if err != nil {
		return nil, nil, fmt.Errorf("as4: tls: library: %w", err)
	}
	_, reasons, err = l.refresh(ctx)
	return l, reasons, err
}

// refresh takes the identities of now into use and reports whether they are others than before.
func (l *tlsLibrary) refresh(ctx context.Context) (changed bool, missing []error, err error) {
	own, err := ownIDs(l.cfg, nil)
	if err != nil {
		return false, nil, err
	}
	ids, missing, err := proxy.Identities(ctx, l.cfg.AS4.TLS, own, l.directory, time.Now(), func(mpID string) (proxy.Identity, bool) {
		for _, id := range l.used {
			if id.MPID == mpID {
				return id, true
			}
		}
		return proxy.Identity{}, false
	})
	if err != nil || reflect.DeepEqual(ids, l.used) {
		return false, missing, err
	}
	list := make([]libssl.Identity, len(ids))
	for i, id := range ids {
		list[i] = libssl.Identity(id)
	}
	if err := l.Use(list); err != nil {
		return false, missing, err
	}
	l.used = ids
	return true, missing, nil
}

// keep takes new certificates into use until ctx ends.
func (l *tlsLibrary) keep(ctx context.Context, log *zap.Logger) {
	var said string
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(keepEvery):
		}
		changed, missing, err := l.refresh(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			log.Error("the TLS certificates cannot be kept up to date", zap.Error(err))
		}
		if changed {
			log.Info("TLS uses other certificates")
		}
		if text := errors.Join(missing...); text != nil && text.Error() != said {
			said = text.Error()
			log.Error("TLS serves not every own MP-ID", zap.Errors("reasons", missing))
		}
	}
}

// listen opens the addresses at which partners are awaited.
func (l *tlsLibrary) listen() (list []net.Listener, err error) {
	for _, address := range l.cfg.AS4.TLS.WithDefaults(l.cfg.DataDir).Listen {
		tcp, err := net.Listen("tcp", address)
		if err != nil {
			for _, open := range list {
				err = errors.Join(err, open.Close())
			}
			return nil, fmt.Errorf("as4: tls: listen: %w", err)
		}
		list = append(list, l.Listener(tcp))
	}
	return list, nil
}

// transport returns how messages go to partners.
func (l *tlsLibrary) transport(dial libssl.Dial) *as4Transport {
	return &as4Transport{tls: l.Transport(as4.OwnMPID, dial), plain: plainTransport()}
}
