package gateway

import (
	"bytes"
	"context"
	"io"
	"sync"
)

// maxFresh is how many bytes are held in memory at most.
const maxFresh = 32 << 20

// fresh holds the bytes of what was received or written a moment ago, by their digest, until the next step has read
// them: it reads them several times, and from the store that costs more than what is done with them. What does not fit
// any more, the oldest first, is read from the store. It is safe for concurrent use.
type fresh struct {
	mu     sync.Mutex
	held   map[string][]byte
	digest []string // in the order they came; may name what is gone
	size   int
}

// put holds bytes that belong to nobody else any more.
func (f *fresh) put(digest string, content []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held == nil {
		f.held = map[string][]byte{}
	}
	if _, ok := f.held[digest]; ok {
		return
	}
	f.held[digest] = content
	f.size += len(content)
	f.digest = append(f.digest, digest)
	for f.size > maxFresh || len(f.digest) > 2*len(f.held)+1000 {
		f.remove(f.digest[0])
		f.digest = f.digest[1:]
	}
}

// drop forgets what nobody is going to read soon.
func (f *fresh) drop(digest string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remove(digest)
}

func (f *fresh) remove(digest string) {
	f.size -= len(f.held[digest])
	delete(f.held, digest)
}

func (f *fresh) get(digest string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.held[digest]
}

// payload opens kept bytes.
func (g *Gateway) payload(ctx context.Context, digest string) (io.ReadCloser, error) {
	if content := g.fresh.get(digest); content != nil {
		return inMemory{bytes.NewReader(content)}, nil
	}
	return g.store.OpenPayload(ctx, digest)
}

// inMemory is a payload that is in memory. Unlike io.NopCloser it tells its length, so that who reads it takes no
// buffer that is larger.
type inMemory struct{ *bytes.Reader }

// Close implements io.Closer.
func (inMemory) Close() error { return nil }
