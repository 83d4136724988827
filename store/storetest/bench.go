package storetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/marktbote/marktbote/store"
)

// Content is an interchange of 3 kB for benchmarks; its first 8 bytes make it unique.
func Content(n uint64) []byte {
	b := []byte(strings.Repeat("LIN+1'QTY+220:1.5'DTM+163:202610010000?+00:303'", 3000/47+1))[:3000]
	binary.BigEndian.PutUint64(b, n)
	return b
}

// receivers is how many goroutines the parallel benchmark has.
const receivers = 8

// BenchmarkReceive asks how far the durable receipt of interchanges of 3 kB (bytes, interchange, work item in one
// transaction) is from what the database allows: raw inserts, in one transaction with the bare client, the same
// bytes as rows with a unique key and three rows of 330 bytes for each of them. Both run one by one, with 8 receivers, and in batches of 100; the figure to compare is
// interchanges/s.
func BenchmarkReceive(b *testing.B, open func(b *testing.B) store.Store, raw func(b *testing.B) func(ctx context.Context, contents [][]byte) error) {
	inStore := func(b *testing.B) func(ctx context.Context, contents [][]byte) error {
		st := open(b)
		b.Cleanup(func() {
			if err := st.Close(); err != nil {
				b.Error(err)
			}
		})
		return func(ctx context.Context, contents [][]byte) error {
			now := time.Now()
			return st.Update(ctx, func(tx store.Tx) error {
				for _, c := range contents {
					if _, err := receive(tx, c, now); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	var next atomic.Uint64
	for _, side := range []struct {
		name string
		make func(b *testing.B) func(ctx context.Context, contents [][]byte) error
	}{{"raw", raw}, {"store", inStore}} {
		for _, c := range []struct{ goroutines, batch int }{{1, 1}, {receivers, 1}, {1, 100}, {4, 100}} {
			b.Run(fmt.Sprintf("%s/%dx%d", side.name, c.goroutines, c.batch), func(b *testing.B) {
				write := side.make(b)
				b.SetParallelism((c.goroutines + 1) / 2) // times GOMAXPROCS
				work := func() {
					contents := make([][]byte, c.batch)
					for i := range contents {
						contents[i] = bytes.Clone(Content(next.Add(1)))
					}
					if err := write(b.Context(), contents); err != nil {
						b.Error(err)
					}
				}
				b.ResetTimer()
				if c.goroutines == 1 {
					for range b.N {
						work()
					}
				} else {
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							work()
						}
					})
				}
				b.ReportMetric(float64(b.N*c.batch)/b.Elapsed().Seconds(), "interchanges/s")
			})
		}
	}
}

// BenchmarkStep asks what the order of events costs: each of 8 workers adds a work item in a transaction, without an event, with one, and with ten.
func BenchmarkStep(b *testing.B, open func(b *testing.B) store.Store) {
	for _, events := range []int{0, 1, 10} {
		b.Run(fmt.Sprintf("%d events", events), func(b *testing.B) {
			st := open(b)
			b.Cleanup(func() {
				if err := st.Close(); err != nil {
					b.Error(err)
				}
			})
			var next atomic.Uint64
			data := Content(0)[:330]
			b.SetParallelism(receivers / 2) // times GOMAXPROCS
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					err := st.Update(b.Context(), func(tx store.Tx) error {
						if err := tx.AddWork(store.Work{Kind: "publish", Lane: "bulk"}); err != nil {
							return err
						}
						for range events {
							if err := addEvent(tx, store.Event{ID: fmt.Sprint(next.Add(1)), Data: data}); err != nil {
								return err
							}
						}
						return nil
					})
					if err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}
