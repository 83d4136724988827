package as4

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
)

// errBusy: there is no room for another request now.
var errBusy = errors.New("as4: too many requests at a time")

// errSlow: a request took longer than Limits.Reading.
var errSlow = errors.New("as4: the request did not come in time")

// peer is a TLS client with requests in progress, or everybody who comes without TLS.
type peer struct {
	requests int                 // guarded by Node.mu
	memory   *semaphore.Weighted // its share, so that one who announces much and sends slowly leaves room for the others
}

// enter counts a request of a TLS client, and returns nil if it has too many.
func (n *Node) enter(mpID string) *peer {
	limit, memory := n.Limits.PerPartner, max(n.Limits.Memory/2, 2*n.Limits.Body)
	if mpID == "" { // nobody can be told from anybody
		limit, memory = 8*limit, n.Limits.Memory
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.peers[mpID]
	if p == nil {
		p = &peer{memory: semaphore.NewWeighted(memory)}
		n.peers[mpID] = p
	}
	if p.requests >= limit {
		return nil
	}
	p.requests++
	return p
}

func (n *Node) leave(mpID string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.peers[mpID]; p.requests > 1 {
		p.requests--
	} else {
		delete(n.peers, mpID)
	}
}

// memoryPatience is how long a request waits for memory.
const memoryPatience = time.Minute

// reserve waits for the memory that a body of some bytes takes: as it came, and decrypted.
func (n *Node) reserve(ctx context.Context, p *peer, body int64) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, memoryPatience)
	defer cancel()
	if err := p.memory.Acquire(ctx, 2*body); err != nil {
		return nil, errBusy
	}
	if err := n.memory.Acquire(ctx, 2*body); err != nil {
		p.memory.Release(2 * body)
		return nil, errBusy
	}
	return func() { n.memory.Release(2 * body); p.memory.Release(2 * body) }, nil
}

// firstRead is how many bytes a body takes before anything of it is there. One without Content-Length gets no more room
// until it is longer.
const firstRead = 1 << 20

// readBody reads a body when there is room for it, which release gives back. What is only announced takes no memory.
func (n *Node) readBody(r *http.Request, p *peer) (body []byte, release func(), err error) {
	begin, limit := time.Now(), n.Limits.Body
	tooLong := ebms.Faultf(ebms.ProcessingModeMismatch, "the message is longer than %d bytes", limit)
	if r.ContentLength > limit {
		return nil, nil, tooLong
	}
	last := r.ContentLength // the most there is room for
	if last < 0 {
		last = min(firstRead, limit)
	}
	if release, err = n.reserve(r.Context(), p, last); err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	body = make([]byte, 0, min(last, firstRead)+1) // one more, to see the end without growing
	for {
		m, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+m]
		switch {
		case errors.Is(err, io.EOF):
			return body, release, nil
		case err != nil:
			return nil, release, fmt.Errorf("as4: read request: %w", err)
		case time.Since(begin) > n.Limits.Reading:
			return nil, release, errSlow
		case int64(len(body)) > limit:
			return nil, release, tooLong
		}
		if int64(len(body)) > last {
			// What it has is given back first: two that wait for more and give back nothing would wait for each other.
			release()
			last = limit
			if release, err = n.reserve(r.Context(), p, last); err != nil {
				return nil, func() {}, err
			}
		}
		if len(body) == cap(body) {
			body = append(make([]byte, 0, min(last+1, 4*int64(cap(body)))), body...)
		}
	}
}

// rates bound how often something happens: a burst at once, then one each rateEvery.
type rates struct {
	mu    sync.Mutex
	kinds map[string]*bucket
}

type bucket struct {
	used int
	last time.Time
}

const (
	rateEvery = time.Minute
	maxKinds  = 10_000 // that are remembered
)

// allow counts one of a kind, if it may happen now.
func (r *rates) allow(kind string, burst int, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.kinds[kind]
	if b == nil {
		if r.kinds == nil || len(r.kinds) >= maxKinds {
			r.kinds = map[string]*bucket{}
		}
		b = &bucket{}
		r.kinds[kind] = b
	}
	if gone := int(now.Sub(b.last) / rateEvery); b.last.IsZero() || gone >= b.used {
		b.used, b.last = 0, now
	} else if gone > 0 {
		b.used, b.last = b.used-gone, b.last.Add(time.Duration(gone)*rateEvery)
	}
	if b.used >= burst {
		return false
	}
	b.used++
	return true
}
