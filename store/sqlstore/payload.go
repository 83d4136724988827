package sqlstore

// NOTE: how payloads are kept.
//
// Bytes are cut into chunks of chunkSize, each a zstd frame of its own. A payload of one chunk is one row written
// by one statement: the usual case costs one durable transaction. A larger one is an upload row, chunk rows
// written in a transaction each, and at the end the payload row that makes them visible. Invariants:
//
//	chunks of a payload = payload.chunks, numbered from 0, all but the last of exactly chunkSize bytes
//	an upload no payload refers to is invisible; PutPayload removes it on failure, RemoveAbandoned after a crash
//	memory of one PutPayload <= one buffers value, whatever the size
//
// No lock is held and no transaction is open while the caller's reader is read.

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/marktbote/marktbote/store"
)

const (
	// chunkSize is the number of bytes of a payload that are compressed and written together.
	chunkSize = store.MaxInlinePayload
	// maxCompressors is how many chunks are compressed, and how many decompressed, at the same time.
	maxCompressors = 4
	// cleanupTimeout is how long a failing PutPayload tries to remove its chunks.
	cleanupTimeout = 10 * time.Second
	// maxEmptyReads is how often in a row a reader may return no bytes and no error.
	maxEmptyReads = 100
)

var (
	// errUploadGone: chunks of a running upload were removed by somebody else.
	errUploadGone = errors.New("chunks disappeared during the upload")
	errTooLong    = fmt.Errorf("more than %d bytes in one piece", store.MaxInlinePayload)
)

// buffers are the bytes of one chunk: as they are and as they are stored.
type buffers struct {
	plain  []byte // chunkSize bytes and the first one of the next chunk
	packed []byte // reused by appending to packed[:0]
	sealed []byte // packed and encrypted, likewise
}

func (s *Store) initCompression() error {
	n := min(runtime.GOMAXPROCS(0), maxCompressors)
	var err error
	s.encoder, err = zstd.NewWriter(nil,
		zstd.WithEncoderConcurrency(n),
		zstd.WithWindowSize(chunkSize),
		zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderCRC(false), // the payload has a digest
		zstd.WithZeroFrames(true))  // 0 bytes are a frame too
	if err != nil {
		return fmt.Errorf("compressor: %w", err)
	}
	s.decoder, err = zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(n),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(chunkSize)) // a damaged chunk does not grow beyond a chunk
	if err != nil {
		return fmt.Errorf("decompressor: %w", err)
	}
	s.buffers.New = func() any { return &buffers{plain: make([]byte, chunkSize+1)} }
	return nil
}

// PutPayload implements store.Store.
func (s *Store) PutPayload(ctx context.Context, r io.Reader) (store.Payload, error) {
	p, err := s.putPayload(ctx, r)
	if err != nil {
		return store.Payload{}, s.fail(ctx, "put payload", err)
	}
	return p, nil
}

func (s *Store) putPayload(ctx context.Context, r io.Reader) (store.Payload, error) {
	b := s.buffers.Get().(*buffers)
	defer s.buffers.Put(b)
	r = contextReader{ctx, r}
	n, last, err := readChunk(r, b.plain, 0)
	if err != nil {
		return store.Payload{}, err
	}
	if last {
		return s.putSmall(ctx, b, n)
	}
	return s.putLarge(ctx, r, b)
}

// readChunk fills buf, which has room for a chunk and one byte more, behind the n bytes that are there already.
// It reports how many bytes of the chunk there are and whether it is the last one; if not, the byte behind the
// chunk is the first one of the next. Only io.EOF itself is an end: io.ErrUnexpectedEOF is what a transport says
// when the peer went away.
func readChunk(r io.Reader, buf []byte, n int) (_ int, last bool, err error) {
	for empty := 0; n < len(buf); {
		m, err := r.Read(buf[n:])
		n += m
		switch {
		case err == io.EOF && n < len(buf):
			return n, true, nil
		case err == io.EOF: // the chunk is full; the reader will say so again
		case err != nil:
			return 0, false, fmt.Errorf("read: %w", err)
		case m > 0:
			empty = 0
		default:
			if empty++; empty == maxEmptyReads {
				return 0, false, fmt.Errorf("read: %w", io.ErrNoProgress)
			}
		}
	}
	return chunkSize, false, nil
}

// putSmall keeps a payload of one chunk.
func (s *Store) putSmall(ctx context.Context, b *buffers, n int) (p store.Payload, err error) {
	err = s.again(ctx, func() error {
		return s.update(ctx, "small", func(t *tx) (err error) {
			p, err = t.putSmall("small", b, b.plain[:n])
			return err
		})
	})
	return p, err
}

// PutPayload implements store.Tx.
func (t *tx) PutPayload(content []byte) (store.Payload, error) {
	const op = "put payload"
	if len(content) > store.MaxInlinePayload {
		return store.Payload{}, t.fail(op, errTooLong)
	}
	b := t.store.buffers.Get().(*buffers)
	defer t.store.buffers.Put(b)
	return t.putSmall(op, b, content)
}

// putSmall makes and adds the row of a payload of one chunk.
func (t *tx) putSmall(op string, b *buffers, content []byte) (store.Payload, error) {
	sum := sha256.Sum256(content)
	p := store.Payload{Digest: hex.EncodeToString(sum[:]), Size: int64(len(content))}
	b.packed = t.store.encoder.EncodeAll(content, b.packed[:0])
	packed, key, err := t.encrypt(op, b.packed, "payload/"+p.Digest)
	if key == nil {
		packed = slices.Clone(packed) // it waits, and the buffer is used again
	}
	if err == nil {
		// Bytes that are there already stay as they are.
		err = t.later(queued{op: op, c: insertPayload, args: []any{p.Digest, p.Size, 1, micros(t.store.now()), nil, packed, key}})
	}
	if err != nil {
		return store.Payload{}, err
	}
	return p, nil
}

// putLarge keeps a payload of several chunks; the first one is in b and more follows.
func (s *Store) putLarge(ctx context.Context, r io.Reader, b *buffers) (p store.Payload, err error) {
	upload, key, err := s.startUpload(ctx)
	if err != nil {
		return store.Payload{}, err
	}
	kept := false
	defer func() {
		if !kept { // also when r panics
			clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
			defer cancel()
			_ = s.abandon(clean, upload) // what is left is removed when the store is opened again
		}
	}()

	hash := sha256.New()
	chunks, n, last := 0, chunkSize, false
	for {
		hash.Write(b.plain[:n])
		p.Size += int64(n)
		b.packed = s.encoder.EncodeAll(b.plain[:n], b.packed[:0])
		if err := s.putChunk(ctx, upload, key, chunks, b); err != nil {
			return store.Payload{}, err
		}
		chunks++
		if last {
			break
		}
		b.plain[0] = b.plain[chunkSize]
		if n, last, err = readChunk(r, b.plain, 1); err != nil {
			return store.Payload{}, err
		}
	}
	p.Digest = hex.EncodeToString(hash.Sum(nil))
	kept, err = s.finishUpload(ctx, upload, key, chunks, p)
	return p, err
}

func (s *Store) startUpload(ctx context.Context) (id int64, key *dataKey, err error) {
	err = s.again(ctx, func() error {
		return s.update(ctx, "start", func(t *tx) (err error) {
			if key, err = t.currentKey("start"); err != nil {
				return err
			}
			id, err = t.insert("start", insertUpload, micros(s.now()), key.reference())
			return err
		})
	})
	return id, key, err
}

// reference is how a row names its key: NULL if it is not encrypted.
func (k *dataKey) reference() any {
	if k == nil {
		return nil
	}
	return k.id
}

func (s *Store) putChunk(ctx context.Context, upload int64, key *dataKey, n int, b *buffers) error {
	packed := b.packed
	if key != nil {
		b.sealed = sealBytes(key.aead, b.sealed[:0], packed, chunkName(upload, n))
		packed = b.sealed
	}
	return s.again(ctx, func() error {
		return s.update(ctx, "chunk", func(t *tx) error {
			return t.insertLater("chunk", insertChunk, upload, n, packed)
		})
	})
}

// chunkName is what the bytes of a chunk are bound to.
func chunkName(upload int64, n int) string { return fmt.Sprintf("chunk/%d/%d", upload, n) }

// finishUpload makes an upload visible and reports whether its chunks are used now. They are not if there is a
// payload with the same bytes already.
func (s *Store) finishUpload(ctx context.Context, upload int64, key *dataKey, chunks int, p store.Payload) (used bool, err error) {
	err = s.again(ctx, func() error {
		return s.update(ctx, "finish", func(t *tx) error {
			n, err := t.id("count chunks", countChunks, upload)
			if err != nil {
				return err
			}
			if n != int64(chunks) {
				return errUploadGone
			}
			_, err = t.insert("insert payload", insertPayload, p.Digest, p.Size, chunks, micros(s.now()), upload, nil, key.reference())
			if used = err == nil; errors.Is(err, errNoRow) {
				return nil
			}
			return err
		})
	})
	return used && err == nil, err
}

// abandon removes the chunks of an upload unless they are those of a payload, a few at a time.
func (s *Store) abandon(ctx context.Context, upload int64) error {
	remove := func(c change) (n int, err error) {
		err = s.again(ctx, func() error {
			return s.update(ctx, "abandon", func(t *tx) error {
				rows, err := t.change("abandon", c, upload)
				n = len(rows)
				return err
			})
		})
		return n, err
	}
	for {
		n, err := remove(deleteChunks)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	_, err := remove(deleteUpload)
	return err
}

// RemoveAbandoned removes what uploads left behind that began before an instant and were interrupted by a crash. A
// running upload looks the same; one that is hit reports an error.
func (s *Store) RemoveAbandoned(ctx context.Context, before time.Time) error {
	uploads, err := s.abandoned(ctx, before)
	if err != nil {
		return s.fail(ctx, "remove abandoned payloads", err)
	}
	for _, upload := range uploads {
		if err := s.abandon(ctx, upload); err != nil {
			return s.fail(ctx, "remove abandoned payloads", err)
		}
	}
	return nil
}

func (s *Store) abandoned(ctx context.Context, before time.Time) ([]int64, error) {
	var uploads []int64
	err := s.transactView(ctx, "abandoned uploads", func(t *tx) (err error) {
		uploads, err = list(t, "abandoned uploads", listAbandoned, scanID, micros(before))
		return err
	})
	return uploads, err
}

// contextReader ends with the error of ctx once ctx has ended.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
