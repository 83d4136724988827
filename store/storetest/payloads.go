package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/marktbote/marktbote/store"
)

const mib = 1 << 20

// byteStream reads as n bytes that do not compress and depend on the seed only; it keeps their digest.
type byteStream struct {
	src  *rand.ChaCha8
	left int
	hash hash.Hash
}

func newBytes(seed uint64, n int) *byteStream {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return &byteStream{src: rand.NewChaCha8(key), left: n, hash: sha256.New()}
}

func (s *byteStream) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n, err := s.src.Read(p[:min(len(p), s.left)])
	s.left -= n
	s.hash.Write(p[:n])
	return n, err
}

func (s *byteStream) digest() string { return hex.EncodeToString(s.hash.Sum(nil)) }

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// putBytes keeps n bytes of the seed and checks what PutPayload says about them.
func putBytes(t *testing.T, st store.Store, seed uint64, n int) store.Payload {
	t.Helper()
	src := newBytes(seed, n)
	p, err := st.PutPayload(t.Context(), src)
	if err != nil {
		t.Fatalf("PutPayload of %d bytes: %v", n, err)
	}
	equal(t, "payload", store.Payload{Digest: src.digest(), Size: int64(n)}, p)
	return p
}

// checkBytes fails the test if the payload is not what putBytes kept.
func checkBytes(t *testing.T, st store.Store, p store.Payload) {
	t.Helper()
	r, err := st.OpenPayload(t.Context(), p.Digest)
	if err != nil {
		t.Fatalf("OpenPayload: %v", err)
	}
	h := sha256.New()
	n, err := io.CopyBuffer(h, struct{ io.Reader }{r}, make([]byte, 10007))
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	equal(t, "bytes read", p, store.Payload{Digest: hex.EncodeToString(h.Sum(nil)), Size: n})
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("Read behind the end: %d, %v", n, err)
	}
	if err := r.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if _, err := r.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Fatalf("Read after Close: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatalf("second Close: %v", err)
	}
}

// wantAbsent fails the test if there is a payload with this digest.
func wantAbsent(t *testing.T, st store.Store, digest string) {
	t.Helper()
	r, err := st.OpenPayload(t.Context(), digest)
	if err == nil {
		_ = r.Close()
	}
	wantError(t, "OpenPayload", err, store.ErrNotFound)
}

func payloadTests() []test {
	tests := []test{
		{"payload/unknown", func(t *testing.T, st store.Store) { wantAbsent(t, st, digestOf(nil)) }},
		{"payload/the same bytes at the same time", testSameBytes},
		{"payload/cancelled in the middle", func(t *testing.T, st store.Store) {
			ctx, cancel := context.WithCancel(t.Context())
			src := newBytes(1, 4*mib)
			_, err := st.PutPayload(ctx, &hook{r: src, at: 2*mib + 5, do: cancel})
			wantError(t, "PutPayload", err, context.Canceled)
			putBytes(t, st, 1, 4*mib)
			// and before the first chunk is full
			ctx, cancel = context.WithCancel(t.Context())
			_, err = st.PutPayload(ctx, &hook{r: newBytes(2, 8192), at: 100, do: cancel})
			wantError(t, "PutPayload", err, context.Canceled)
		}},
		{"payload/reader fails in the middle", func(t *testing.T, st store.Store) {
			own := errors.New("peer went away")
			for _, n := range []int{0, 8192, mib, mib + 1, 2 * mib, 2*mib + 1} {
				part := newBytes(3, n)
				_, err := st.PutPayload(t.Context(), io.MultiReader(part, iotest.ErrReader(own)))
				wantError(t, fmt.Sprintf("PutPayload after %d bytes", n), err, own)
				wantAbsent(t, st, part.digest())
			}
			_, err := st.PutPayload(t.Context(), io.MultiReader(newBytes(3, 8192), iotest.ErrReader(io.ErrUnexpectedEOF)))
			wantError(t, "PutPayload of a short body", err, io.ErrUnexpectedEOF)
			wantAbsent(t, st, newFull(3, 8192).digest())
			_, err = st.PutPayload(t.Context(), idle{})
			wantError(t, "PutPayload of nothing for ever", err, io.ErrNoProgress)
		}},
		{"payload/reader panics in the middle", func(t *testing.T, st store.Store) {
			func() {
				defer func() { equal(t, "panic", any("boom"), recover()) }()
				_, err := st.PutPayload(t.Context(), &hook{r: newBytes(4, 3*mib), at: 2 * mib, do: func() { panic("boom") }})
				t.Errorf("PutPayload returned %v", err)
			}()
			checkBytes(t, st, putBytes(t, st, 4, 3*mib))
		}},
		{"payload/any way of reading", func(t *testing.T, st store.Store) {
			want := newFull(5, 8192).digest()
			for name, wrap := range map[string]func(io.Reader) io.Reader{
				"one byte": iotest.OneByteReader, "half": iotest.HalfReader, "data with EOF": iotest.DataErrReader,
			} {
				p, err := st.PutPayload(t.Context(), wrap(newBytes(5, 8192)))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				equal(t, name, want, p.Digest)
			}
			p := putBytes(t, st, 6, mib+77)
			r, err := st.OpenPayload(t.Context(), p.Digest)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = r.Close() }()
			content, err := io.ReadAll(newBytes(6, mib+77))
			if err != nil {
				t.Fatal(err)
			}
			if err := iotest.TestReader(r, content); err != nil {
				t.Error(err)
			}
		}},
		{"payload/slow upload blocks nobody", testSlowUpload},
		{"payload/read while others write", func(t *testing.T, st store.Store) {
			p := putBytes(t, st, 7, 2*mib)
			r, err := st.OpenPayload(t.Context(), p.Digest)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = r.Close() }()
			if _, err := io.CopyN(io.Discard, r, 10); err != nil {
				t.Fatal(err)
			}
			if err := st.Update(within(t), func(tx store.Tx) error { return tx.AddWork(store.Work{}) }); err != nil {
				t.Fatal(err)
			}
			checkBytes(t, st, putBytes(t, st, 8, 100))
			if n, err := io.Copy(io.Discard, r); err != nil || n != 2*mib-10 {
				t.Fatalf("the rest: %d bytes, %v", n, err)
			}
		}},
		{"payload/reading ends with the context", func(t *testing.T, st store.Store) {
			for _, n := range []int{100, 3 * mib} {
				ctx, cancel := context.WithCancel(t.Context())
				r, err := st.OpenPayload(ctx, putBytes(t, st, 9, n).Digest)
				if err != nil {
					t.Fatal(err)
				}
				cancel()
				_, err = io.Copy(io.Discard, r)
				wantError(t, "Read", err, context.Canceled)
				_ = r.Close()
			}
		}},
	}
	for _, n := range []int{0, 8 << 10, mib - 1, mib, mib + 1, 32 * mib} {
		tests = append(tests, test{fmt.Sprintf("payload/%d bytes", n), func(t *testing.T, st store.Store) {
			p := putBytes(t, st, uint64(n), n)
			checkBytes(t, st, p)
			if n > 2*mib {
				return // once is slow enough
			}
			equal(t, "again", p, putBytes(t, st, uint64(n), n))
			checkBytes(t, st, p)
		}})
	}
	tests = append(tests, test{"payload/compressible bytes", func(t *testing.T, st store.Store) {
		text := strings.Repeat("LIN+1'QTY+220:1.5'DTM+163:202610010000?+00:303'", 3*mib/47)
		p, err := st.PutPayload(t.Context(), strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "digest", digestOf([]byte(text)), p.Digest)
		checkBytes(t, st, p)
	}})
	return tests
}

// newFull is a stream that was read to its end.
func newFull(seed uint64, n int) *byteStream {
	s := newBytes(seed, n)
	_, _ = io.Copy(io.Discard, s) // a byteStream has no errors
	return s
}

// idle returns no bytes and no error.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// hook calls do once when at bytes were read.
type hook struct {
	r  io.Reader
	at int
	do func()
}

func (h *hook) Read(p []byte) (int, error) {
	if h.at <= 0 && h.do != nil {
		do := h.do
		h.do = nil
		do()
	}
	if h.at > 0 {
		p = p[:min(len(p), h.at)]
	}
	n, err := h.r.Read(p)
	h.at -= n
	return n, err
}

func testSameBytes(t *testing.T, st store.Store) {
	for _, n := range []int{100, 2*mib + 1} {
		got := make([]store.Payload, 4)
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				p, err := st.PutPayload(t.Context(), newBytes(10, n))
				if err != nil {
					t.Errorf("PutPayload: %v", err)
				}
				got[i] = p
			})
		}
		wg.Wait()
		for _, p := range got {
			equal(t, "payload", got[0], p)
		}
		checkBytes(t, st, got[0])
	}
}

func testSlowUpload(t *testing.T, st store.Store) {
	pr, pw := io.Pipe()
	type result struct {
		p   store.Payload
		err error
	}
	ended := make(chan result, 1)
	go func() {
		p, err := st.PutPayload(t.Context(), pr)
		ended <- result{p, err}
	}()
	content, err := io.ReadAll(newBytes(11, 2*mib+mib/2))
	if err != nil {
		t.Fatal(err)
	}
	// Two chunks are written, the upload waits for more.
	if _, err := pw.Write(content[:2*mib+100]); err != nil {
		t.Fatal(err)
	}
	ctx := within(t)
	err = st.Update(ctx, func(tx store.Tx) error {
		err := tx.AddWork(store.Work{Lane: "bulk"})
		return err
	})
	if err != nil {
		t.Errorf("Update during an upload: %v", err)
	}
	if _, err := st.PutPayload(ctx, bytes.NewReader([]byte("small"))); err != nil {
		t.Errorf("PutPayload during an upload: %v", err)
	}
	if _, err := st.ClaimWork(ctx, store.Claim{Lane: "bulk", Now: at(0), Lease: 1, Limit: 1}); err != nil {
		t.Errorf("ClaimWork during an upload: %v", err)
	}
	wantAbsent(t, st, digestOf(content))
	wantAbsent(t, st, digestOf(content[:2*mib]))
	if _, err := pw.Write(content[2*mib+100:]); err != nil {
		t.Fatal(err)
	}
	if err := pw.Close(); err != nil {
		t.Fatal(err)
	}
	r := <-ended
	if r.err != nil {
		t.Fatalf("PutPayload: %v", r.err)
	}
	equal(t, "payload", store.Payload{Digest: digestOf(content), Size: int64(len(content))}, r.p)
	checkBytes(t, st, r.p)
}
