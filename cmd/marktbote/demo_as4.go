package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/gateway/as4"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/partner"
	"github.com/marktbote/marktbote/store"
)

// openAS4 gives a node of the demo its AS4 channel: keys and certificates of a PKI made for this run, and an address on
// loopback without TLS.
func (d *demo) openAS4(ctx context.Context, st store.Store, own []config.Party) (c *as4Channel, listener net.Listener, err error) {
	directory, err := partner.Open(ctx, partner.Options{
		Store: st, Environment: smpki.Test, Roots: []*x509.Certificate{d.pki.Root},
		CAs: []*x509.Certificate{d.pki.SubCA, d.pki.CRLSigner}, Now: d.clock.now,
	})
	if err != nil {
		return nil, nil, err
	}
	for _, issuer := range []*x509.Certificate{d.pki.Root, d.pki.SubCA} {
		list, err := d.pki.CRLAt(issuer, demoPKIFrom, demoPKIUntil)
		if err != nil {
			return nil, nil, err
		}
		if err := imported(directory.Import(ctx, pemBlock("X509 CRL", list.Raw), "demo")); err != nil {
			return nil, nil, err
		}
	}
	listener, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	for _, p := range own {
		if err := d.giveKeys(ctx, directory, string(p.MPID)); err != nil {
			return nil, nil, errors.Join(err, listener.Close())
		}
		d.endpoints[string(p.MPID)] = "http://" + listener.Addr().String() + "/as4"
	}
	c = &as4Channel{directory: directory}
	c.node = as4.New(as4.Options{
		Store: st, Inbox: c, Directory: directory, Host: "demo.invalid", Transport: plainTransport(), Log: zap.NewNop(),
		Metrics: prometheus.NewRegistry(), Now: d.clock.now,
		IsOwn: func(mpID string) bool {
			return slices.ContainsFunc(own, func(p config.Party) bool { return string(p.MPID) == mpID })
		},
	})
	return c, listener, nil
}

// The PKI of the demo is valid on every day of the story.
var (
	demoPKIFrom  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	demoPKIUntil = time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)
)

// newDemoPKI makes a root, a Sub-CA and what else a PKI needs.
func newDemoPKI() (*testpki.PKI, error) {
	return testpki.New(testpki.Clock(func() time.Time { return demoPKIFrom.Add(24 * time.Hour) }))
}

// giveKeys issues the three certificates of an own MP-ID.
func (d *demo) giveKeys(ctx context.Context, directory *partner.Directory, mpID string) error {
	triple, err := d.pki.Triple(mpID, mpID+".demo.invalid", testpki.Valid(demoPKIFrom, demoPKIUntil))
	if err != nil {
		return err
	}
	in := partner.KeyImport{Who: "demo"}
	for _, p := range []testpki.Pair{triple.Signature, triple.Encryption, triple.TLS} {
		key, err := smpki.MarshalKey(p.Key, nil)
		if err != nil {
			return err
		}
		in.Files = append(in.Files, partner.File{Name: mpID, Data: key},
			partner.File{Name: mpID, Data: pemBlock("CERTIFICATE", p.Certificate.Raw)})
	}
	d.certificates[mpID] = triple.Encryption.Certificate
	return imported(directory.Keys().Import(ctx, in))
}

// introduce makes the parties of the other node known to one.
func (d *demo) introduce(ctx context.Context, n *demoNode, others []config.Party) error {
	for _, p := range others {
		mpID := string(p.MPID)
		entry := partner.New(mpID)
		entry.Name, entry.Endpoint = p.Name, d.endpoints[mpID]
		if err := n.channel.directory.Put(ctx, entry, "demo", "introduced"); err != nil {
			return err
		}
		if err := imported(n.channel.directory.Import(ctx, pemBlock("CERTIFICATE", d.certificates[mpID].Raw), "demo")); err != nil {
			return err
		}
	}
	return nil
}

// transport prints how an interchange travelled.
func (d *demo) transport(ctx context.Context, n *demoNode, interchange int64) error {
	return n.store.View(ctx, func(tx store.Tx) error {
		list, err := tx.TransmissionsOf(interchange)
		for _, t := range list {
			fmt.Fprintf(d.out, "   over AS4: message %s, signed and encrypted; signed receipt of %s verified %s\n",
				t.MessageID, t.Recipient, t.ReceiptAt.UTC().Format("15:04:05.000Z"))
		}
		return err
	})
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// imported returns why something of an import was not kept.
func imported(list []partner.Imported, err error) error {
	for _, x := range list {
		err = errors.Join(err, x.Problem)
	}
	return err
}
