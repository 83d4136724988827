package feed

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/store"
)

// The outcomes of deliveries.
const (
	outcomeConfirmed   = "confirmed"   // the receiver has it
	outcomeFiltered    = "filtered"    // the filter does not want it
	outcomeRefused     = "refused"     // an attempt that the receiver refused
	outcomeUnreachable = "unreachable" // an attempt that did not reach the receiver
	outcomeDead        = "dead"        // set aside for a person
)

// metrics are the figures of the feed. The label subscription is a name in the configuration, outcome one of the above,
// state one of store.HeldState.
type metrics struct {
	deliveries *prometheus.CounterVec
	lagEvents  *prometheus.GaugeVec
	lagSeconds *prometheus.GaugeVec
	held       *prometheus.GaugeVec
	paused     *prometheus.GaugeVec
	readers    prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, append([]string{"subscription"}, labels...))
	}
	m := &metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_feed_deliveries_total", Help: "Events, or attempts to deliver one, by what became of them.",
		}, []string{"subscription", "outcome"}),
		lagEvents:  gauge("gateway_feed_lag_events", "Events behind the position of a subscription; what is held is not among them."),
		lagSeconds: gauge("gateway_feed_lag_seconds", "Age of the first event behind the position of a subscription."),
		held:       gauge("gateway_feed_held_events", "Events that a subscription passed by, waiting for another attempt or dead.", "state"),
		paused:     gauge("gateway_feed_paused", "1 if a subscription is paused."),
		readers:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "gateway_feed_readers", Help: "Requests that wait for events or stream them."}),
	}
	if r != nil {
		r.MustRegister(m.deliveries, m.lagEvents, m.lagSeconds, m.held, m.paused, m.readers)
	}
	return m
}

func (m *metrics) count(subscription, outcome string, n int) {
	m.deliveries.WithLabelValues(subscription, outcome).Add(float64(n))
}

// measure sets the gauges. Every gateway tells them for all subscriptions of its configuration, whoever delivers.
func (f *Feed) measure(ctx context.Context, rows []store.Subscription, head int64) {
	byName := map[string]store.Subscription{}
	for _, row := range rows {
		byName[row.Name] = row
	}
	var counts []store.HeldCount
	oldest := map[string]time.Time{}
	err := f.store.View(ctx, func(tx store.Tx) (err error) {
		if counts, err = tx.CountHeld(); err != nil {
			return err
		}
		for _, s := range f.subscriptions {
			if row := byName[s.config.Name]; row.Position < head {
				behind, err := tx.Events(row.Position, 0, 1)
				if err != nil {
					return err
				}
				for _, e := range behind {
					oldest[row.Name] = e.RecordedAt
				}
			}
		}
		return nil
	})
	if err != nil {
		f.log.Warn("the feed cannot be measured", zap.Error(err))
		return
	}
	for _, s := range f.subscriptions {
		name := s.config.Name
		row := byName[name]
		m := f.metrics
		m.lagEvents.WithLabelValues(name).Set(float64(max(head-row.Position, 0)))
		age := 0.0
		if at, ok := oldest[name]; ok {
			age = max(f.now().Sub(at).Seconds(), 0)
		}
		m.lagSeconds.WithLabelValues(name).Set(age)
		paused := 0.0
		if row.State == store.SubscriptionPaused {
			paused = 1
		}
		m.paused.WithLabelValues(name).Set(paused)
		for _, state := range []store.HeldState{store.HeldWaiting, store.HeldDead} {
			n := int64(0)
			for _, c := range counts {
				if c.Subscription == name && c.State == state {
					n = c.Count
				}
			}
			m.held.WithLabelValues(name, string(state)).Set(float64(n))
		}
	}
}
