package partner

import (
	"context"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

// lookupEvery is how often the certificates of a partner are looked up in the directories of the CAs.
const lookupEvery = 24 * time.Hour

// Run fetches revocation lists every four to six hours, and certificates of partners every day, until ctx ends. What fails
// is tried again after a quarter of an hour; it is logged, and Radar tells of it. It begins at once.
func (d *Directory) Run(ctx context.Context) {
	var lookedUp time.Time
	for {
		wait := d.round(ctx, &lookedUp)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// round does what is due and returns when to come again.
func (d *Directory) round(ctx context.Context, lookedUp *time.Time) time.Duration {
	wait := refreshEvery*4/5 + rand.N(refreshEvery*2/5) //nolint:gosec // no secret: not all gateways at the same time
	if err := d.crls.Refresh(ctx, false); err != nil && ctx.Err() == nil {
		d.opts.Log.Warn("revocation lists", zap.Error(err))
		wait = retryEvery
	}
	now := d.opts.Now()
	for _, s := range d.crls.States(now) {
		if s.State == smpki.CRLFresh { // a new one is there soon after
			wait = min(wait, max(s.NextUpdate.Sub(now)+time.Minute, retryEvery))
		}
	}
	if len(d.opts.Directories) > 0 && now.Sub(*lookedUp) >= lookupEvery {
		*lookedUp = now
		d.lookupAll(ctx)
	}
	return wait
}

// lookupAll looks up the certificates of all partners that messages are sent to.
func (d *Directory) lookupAll(ctx context.Context) {
	partners, err := d.Partners(ctx)
	if err != nil {
		d.opts.Log.Warn("certificates of partners", zap.Error(err))
		return
	}
	for _, p := range partners {
		if p.Endpoint == "" || ctx.Err() != nil {
			continue
		}
		found, err := d.Lookup(ctx, p.MPID)
		if err != nil {
			d.opts.Log.Warn("certificates of a partner", zap.String("mp_id", p.MPID), zap.Error(err))
		}
		for _, f := range found {
			if f.New {
				d.opts.Log.Info("new certificate of a partner", zap.String("mp_id", p.MPID), zap.String("certificate", smpki.Describe(f.Certificate)))
			}
		}
	}
}
