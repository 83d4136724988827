package sqlite

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// BenchmarkReceive asks how far the durable receipt of an interchange of 3 kB is from what the disk allows:
// "store" keeps the payload, then the interchange with its work item, two durable transactions; "bare" appends
// the same bytes to a file and syncs it twice. "store-parallel" has several receivers.
func BenchmarkReceive(b *testing.B) {
	content := []byte(strings.Repeat("LIN+1'QTY+220:1.5'DTM+163:202610010000?+00:303'", 3000/47+1))[:3000]
	b.Run("bare", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		b.SetBytes(int64(len(content)))
		b.ReportAllocs()
		for n := uint64(0); b.Loop(); n++ {
			binary.BigEndian.PutUint64(content, n)
			for _, part := range [][]byte{content, content[:16]} {
				if _, err := f.Write(part); err != nil {
					b.Fatal(err)
				}
				if err := f.Sync(); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("store", func(b *testing.B) {
		st := openTest(b, filepath.Join(b.TempDir(), "store.db"))
		defer closeTest(b, st)
		b.SetBytes(int64(len(content)))
		b.ReportAllocs()
		for n := uint64(0); b.Loop(); n++ {
			binary.BigEndian.PutUint64(content, n)
			if _, err := receive(b.Context(), st, bytes.NewReader(content)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("store-parallel", func(b *testing.B) {
		st := openTest(b, filepath.Join(b.TempDir(), "store.db"))
		defer closeTest(b, st)
		b.SetBytes(int64(len(content)))
		b.ReportAllocs()
		b.SetParallelism(4) // times GOMAXPROCS
		var next atomic.Uint64
		b.RunParallel(func(pb *testing.PB) {
			own := bytes.Clone(content)
			for pb.Next() {
				binary.BigEndian.PutUint64(own, next.Add(1))
				if _, err := receive(b.Context(), st, bytes.NewReader(own)); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
