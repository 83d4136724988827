package swa

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
)

// GzipType is the MIME type of a compressed payload and the value of its property CompressionType.
//
// Spec: AS4 Profile 1.0, 3.1
const GzipType = "application/gzip"

// Limits of decompression.
const (
	MaxPayload = 500 << 20 // bytes of a payload after decompression
	maxRatio   = 200       // of a payload to its compressed form ...
	ratioFloor = 10 << 20  // ... from this size on; EDIFACT of nothing but zeros stays below it
	maxMembers = 10_000    // of a gzip file; parallel compressors write one for every 64 KiB
)

// gzipLevel is the choice of BenchmarkGzipChoice for quarter-hourly values: 400 MB/s leave 15.3 %. compress/gzip does the
// same with 140 MB/s, level 6 leaves 13.6 % with 160 MB/s.
const gzipLevel = 3

// Gzip compresses a payload. The same data gives the same bytes: there is no name and no time in it.
func Gzip(data []byte) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(data)/8 + 512) // EDIFACT compresses to a tenth
	w, err := gzip.NewWriterLevel(&out, gzipLevel)
	if err != nil {
		return nil, fmt.Errorf("swa: compress: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("swa: compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("swa: compress: %w", err)
	}
	return out.Bytes(), nil
}

// Gunzip returns a reader of what was compressed, at most limit bytes. It ends in io.EOF only if everything was there,
// checksums and lengths were right and nothing follows; otherwise in an *ebms.Fault with DecompressionFailure, and what
// was read before is to be thrown away. It is not safe for concurrent use.
//
// Spec: RFC 1952, 2.2 (several members are one file)
func Gunzip(compressed []byte, limit int64) io.Reader {
	return &gunzip{in: bytes.NewReader(compressed), limit: limit, left: min(limit, max(ratioFloor, maxRatio*int64(len(compressed))))}
}

type gunzip struct {
	in      *bytes.Reader
	z       *gzip.Reader // nil before the first member
	limit   int64        // as given
	left    int64        // bytes that may still come
	members int
	err     error
}

// Read implements io.Reader.
func (g *gunzip) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := g.read(p[:min(int64(len(p)), g.left+1)]) // one more, to see that there is too much
	if int64(n) > g.left {
		n, err = 0, decompressionFault(fmt.Errorf("over %d bytes or %d times the compressed size", g.limit, maxRatio))
	}
	g.left -= int64(n)
	g.err = err
	return n, err
}

// read reads from the current member and goes on to the next.
func (g *gunzip) read(p []byte) (int, error) {
	for {
		if g.z == nil {
			if err := g.nextMember(); err != nil {
				return 0, err
			}
		}
		n, err := g.z.Read(p)
		switch {
		case err == nil && n > 0:
			return n, nil
		case err == nil:
		case err != io.EOF:
			return n, decompressionFault(err)
		case g.in.Len() == 0:
			return n, io.EOF
		default:
			if err := g.nextMember(); err != nil {
				return n, err
			}
			if n > 0 {
				return n, nil
			}
		}
	}
}

// nextMember begins a member. Members are counted here and not followed by the gzip package, which takes a file that ends
// in the name of a second member for complete.
func (g *gunzip) nextMember() (err error) {
	if g.members++; g.members > maxMembers {
		return decompressionFault(fmt.Errorf("more than %d members", maxMembers))
	}
	if g.z == nil {
		g.z, err = gzip.NewReader(g.in)
	} else {
		err = g.z.Reset(g.in)
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		if g.members > 1 && errors.Is(err, gzip.ErrHeader) {
			err = errors.New("data behind the end")
		}
		return decompressionFault(err)
	}
	g.z.Multistream(false)
	return nil
}

func decompressionFault(err error) error {
	return &ebms.Fault{Code: ebms.DecompressionFailure, Text: "the payload cannot be decompressed", Err: fmt.Errorf("swa: decompress: %w", err)}
}
