package as4

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/partner"
	"github.com/marktbote/marktbote/store"
)

// Test sends a message of the test service, which a partner acknowledges and hands to nobody. It proves the way to him:
// name, TLS, certificates, signature, encryption.
//
// Spec: BDEW AS4-Profil 1.1 2.3.6; Regelungen zum Übertragungsweg AS4 2.0 7.1
func (n *Node) Test(ctx context.Context, from, to string) (arrived time.Time, err error) {
	return n.Send(ctx, Message{
		Key: "test|" + n.newMessageID(), From: from, To: to, Service: ebms.ServiceTest, Action: ebms.ActionTest,
		Body: strings.NewReader("Marktbote tests the AS4 connection.\n"), once: true,
	})
}

// RequestSwitch asks a partner to use AS4 from now on.
//
// Spec: BDEW AS4-Profil 1.1 2.3.7
func (n *Node) RequestSwitch(ctx context.Context, from, to string) error {
	// It is noted first: partners confirm at once, perhaps before their receipt is here.
	requested := n.Now().UTC().Truncate(time.Millisecond)
	var before partner.PathSwitch
	err := n.changeSwitch(ctx, from, to, func(s *partner.PathSwitch) {
		before, *s = *s, partner.PathSwitch{State: partner.SwitchRequested, Own: from, RequestedAt: requested}
	})
	if err != nil {
		return err
	}
	_, err = n.Send(ctx, Message{
		Key: "switch|" + n.newMessageID(), From: from, To: to, Service: ebms.ServicePathSwitch, Action: ebms.ActionRequestSwitch, once: true,
	})
	if err == nil {
		return nil
	}
	return errors.Join(err, n.changeSwitch(context.WithoutCancel(ctx), from, to, func(s *partner.PathSwitch) {
		if s.State == partner.SwitchRequested && s.RequestedAt.Equal(requested) {
			*s = before
		}
	}))
}

// changeSwitch notes how far the path switch of an own MP-ID and a partner is.
func (n *Node) changeSwitch(ctx context.Context, own, mpID string, change func(s *partner.PathSwitch)) error {
	return n.Directory.Change(ctx, mpID, "as4", "path switch", func(p *partner.Partner) error {
		s := p.Switch(own)
		change(&s)
		p.SetSwitch(s)
		return nil
	})
}

// pathSwitch notes what a partner says about the path switch. The confirmation is sent by Run, so that a partner gets his
// receipt first, and only to one whose address is known.
func (in *incoming) pathSwitch(ctx context.Context, keep func(store.Tx, int64) error) error {
	n, m := in.n, in.message
	err := n.changeSwitch(ctx, m.To.ID, m.From.ID, func(s *partner.PathSwitch) {
		switch {
		case m.Action == ebms.ActionRequestSwitch:
			*s = partner.PathSwitch{State: partner.SwitchRequested, Own: m.To.ID, ByPartner: true, RequestedAt: in.at}
		case s.State == partner.SwitchRequested && !s.ByPartner:
			s.State, s.ConfirmedAt = partner.SwitchConfirmed, in.at
		default:
			n.Log.Warn("a path switch was confirmed for which nobody asked", zap.String("from", m.From.ID))
		}
	})
	if err != nil {
		return err
	}
	return n.Store.Update(ctx, func(tx store.Tx) error { return keep(tx, 0) })
}

// confirmEvery is how often Run looks for path switches that are to be confirmed.
const confirmEvery = time.Minute

// Run confirms path switches of partners until ctx ends.
func (n *Node) Run(ctx context.Context) {
	for {
		if err := n.confirm(ctx); err != nil && ctx.Err() == nil {
			n.Log.Warn("path switches cannot be confirmed at the moment", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(confirmEvery):
		}
	}
}

// confirm sends the confirmations that partners wait for, if they are known well enough to be sent to.
func (n *Node) confirm(ctx context.Context) error {
	partners, err := n.Directory.Partners(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range partners {
		for _, s := range p.PathSwitches {
			if s.State != partner.SwitchRequested || !s.ByPartner || p.Endpoint == "" || !n.IsOwn(s.Own) {
				continue
			}
			if err := n.confirmOne(ctx, p.MPID, s); err != nil {
				errs = append(errs, fmt.Errorf("confirm the path switch of %s: %w", p.MPID, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (n *Node) confirmOne(ctx context.Context, mpID string, s partner.PathSwitch) error {
	at, err := n.Send(ctx, Message{
		Key:  fmt.Sprintf("confirm|%s|%s|%d", s.Own, mpID, s.RequestedAt.UnixMilli()),
		From: s.Own, To: mpID, Service: ebms.ServicePathSwitch, Action: ebms.ActionConfirmSwitch,
	})
	state := partner.SwitchConfirmed
	if failure, ok := errors.AsType[*SendError](err); ok && failure.Final {
		// He asks again if he still wants it; a person sees it in the log and in the radar.
		n.Log.Error("a path switch cannot be confirmed", zap.String("to", mpID), zap.Error(err))
		state, err = partner.SwitchNone, nil
	}
	if err != nil {
		return err
	}
	return n.changeSwitch(ctx, s.Own, mpID, func(now *partner.PathSwitch) {
		if now.RequestedAt.Equal(s.RequestedAt) {
			now.State, now.ConfirmedAt = state, at
		}
	})
}
