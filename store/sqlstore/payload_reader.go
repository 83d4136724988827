package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"github.com/marktbote/marktbote/store"
)

// OpenPayload implements store.Store.
func (s *Store) OpenPayload(ctx context.Context, digest string) (io.ReadCloser, error) {
	const op = "open payload"
	r := &payloadReader{ctx: ctx, store: s, digest: digest, hash: sha256.New()}
	if err := s.enter(); err != nil {
		return nil, s.fail(ctx, op, err)
	}
	defer s.leave()
	found := false
	err := s.alone(ctx, true, Statement{Text: selectPayload, Args: []any{digest}, Rows: func(rows Rows) error {
		if !rows.Next() {
			return rows.Err()
		}
		found = true
		return rows.Scan(&r.size, &r.chunks, &r.upload, &r.first, &r.key)
	}})
	if err == nil && !found {
		err = fmt.Errorf("%s: %w", digest, store.ErrNotFound)
	}
	if err != nil {
		return nil, s.fail(ctx, op, err)
	}
	return r, nil
}

// payloadReader streams a payload. It loads one chunk at a time, each in a query of its own, and hands out the
// last one only after the digest was checked: who reads a damaged payload never gets all of it.
type payloadReader struct {
	ctx    context.Context // of OpenPayload, which documents that the reader does not outlive it
	store  *Store
	digest string
	size   int64
	chunks int
	upload int64
	key    int64  // 0: not encrypted
	first  []byte // the only chunk, if it is in the payload row

	next    int      // chunk to load next
	buffers *buffers // from the first chunk to Close
	rest    []byte   // part of buffers.plain that was not handed out yet
	got     int64    // bytes loaded so far
	hash    hash.Hash
	err     error // what every further Read returns
}

// Read implements io.Reader.
func (r *payloadReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 && r.err == nil {
		r.err = r.load()
	}
	if len(r.rest) == 0 {
		return 0, r.err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// load makes the next chunk the rest; io.EOF if there is none.
func (r *payloadReader) load() error {
	if r.next == r.chunks {
		return io.EOF
	}
	packed, err := r.chunk()
	if err != nil {
		return r.store.fail(r.ctx, "read payload", err)
	}
	if r.buffers == nil {
		r.buffers = r.store.buffers.Get().(*buffers)
	}
	plain, err := r.store.decoder.DecodeAll(packed, r.buffers.plain[:0])
	if err != nil {
		return r.corrupt(err)
	}
	r.hash.Write(plain)
	r.got += int64(len(plain))
	r.next++
	if r.next == r.chunks && (r.got != r.size || hex.EncodeToString(r.hash.Sum(nil)) != r.digest) {
		return r.corrupt(fmt.Errorf("%d of %d bytes", r.got, r.size))
	}
	r.rest = plain
	return nil
}

// chunk fetches the next chunk and decrypts it.
func (r *payloadReader) chunk() (plain []byte, err error) {
	const op = "read payload"
	if r.upload == 0 && r.key == 0 {
		return r.first, r.ctx.Err()
	}
	err = r.store.transactView(r.ctx, op, func(t *tx) error {
		packed, name := r.first, "payload/"+r.digest
		if r.upload != 0 {
			name = chunkName(r.upload, r.next)
			found, err := list(t, op, selectChunk, func(rows Rows) (b []byte, err error) { return b, rows.Scan(&b) }, r.upload, r.next)
			if err != nil {
				return err
			}
			if len(found) == 0 {
				return fmt.Errorf("%s: chunk %d: %w (missing)", r.digest, r.next, store.ErrCorrupt)
			}
			packed = found[0]
		}
		plain, err = t.decrypt(op, packed, r.key, name)
		return err
	})
	return plain, err
}

func (r *payloadReader) corrupt(cause error) error {
	return fmt.Errorf("store: read payload %s: %w (%v)", r.digest, store.ErrCorrupt, cause)
}

// Close implements io.Closer. A second Close does nothing.
func (r *payloadReader) Close() error {
	if r.buffers != nil {
		r.store.buffers.Put(r.buffers)
		r.buffers, r.rest = nil, nil
	}
	r.err = fmt.Errorf("store: read payload: %w", fs.ErrClosed)
	return nil
}
