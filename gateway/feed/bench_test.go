package feed

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/gateway/config"
)

// BenchmarkDeliver measures events of 2 kB of 500 MaLos from the outbox (SQLite) to receivers on this machine, with all
// confirmations, commits and, for files, fsync.
func BenchmarkDeliver(b *testing.B) {
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer hook.Close()
	bus := natsServer(b, b.TempDir(), 0)
	eventStream(b, bus.ClientURL())
	lake := kafkaCluster(b)
	filtered := webhookTo(b, "filtered", hook.URL)
	filtered.Filter = `type.startsWith("de.marktbote.test") && data.n == -1.0`
	for _, s := range []config.Subscription{
		webhookTo(b, "webhook", hook.URL), natsTo(bus.ClientURL()), kafkaTo(lake.ListenAddrs()), filesTo("files", b.TempDir()), filtered,
	} {
		b.Run(s.Name, func(b *testing.B) {
			st := openStore(b)
			fill := strings.Repeat("x", 1600)
			for i := 0; i < b.N; i += 1000 {
				list := series(fmt.Sprintf("%s-%d-%d", s.Name, b.N, i), min(1000, b.N-i), 500)
				for j := range list {
					list[j] = cloudEvent(list[j].ID, list[j].Type, list[j].PartitionKey, map[string]any{"n": j, "fill": fill})
				}
				publish(b, st, list...)
			}
			f, err := Open(context.Background(), Options{Store: st, Config: config.Config{Subscriptions: []config.Subscription{s}}})
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error)
			go func() { done <- f.Run(ctx) }()
			settled(b, st, s.Name)
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			cancel()
			if err := <-done; err != nil {
				b.Error(err)
			}
		})
	}
}
