package swa

import (
	"bytes"
	stdgzip "compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
)

// member compresses data with the standard library; name goes into the header.
func member(t testing.TB, name string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := stdgzip.NewWriter(&b)
	w.Name = name
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGzip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		data := bytes.Repeat(rapid.SliceOf(rapid.Byte()).Draw(t, "data"), rapid.IntRange(0, 50).Draw(t, "times"))
		z, err := Gzip(data)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Gzip(data)
		if err != nil || !bytes.Equal(z, again) {
			t.Errorf("the same data compresses to other bytes, %v", err)
		}
		if err := iotest.TestReader(Gunzip(z, int64(len(data))), data); err != nil {
			t.Error(err)
		}
		theirs, err := stdgzip.NewReader(bytes.NewReader(z))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(theirs); err != nil || !bytes.Equal(got, data) {
			t.Errorf("compress/gzip reads %q, %v", got, err)
		}
	})
}

func TestGunzip(t *testing.T) {
	t.Parallel()
	hello, world := member(t, "a.txt", []byte("hello ")), member(t, "b.txt", []byte("world"))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	flip := func(b []byte, at int) []byte { b = bytes.Clone(b); b[(at+len(b))%len(b)] ^= 1; return b }
	zeros := func(n int) []byte { return member(t, "", make([]byte, n)) }
	for _, test := range []struct {
		name  string
		data  []byte
		limit int64
		want  string // "!" for a fault
	}{
		{"plain", hello, 6, "hello "},
		{"empty file", member(t, "", nil), 0, ""},
		{"members", join(hello, member(t, "", nil), world), 100, "hello world"},
		{"over the limit", hello, 5, "!"},
		{"members over the limit", join(hello, world), 10, "!"},
		{"nothing", nil, 100, "!"},
		{"not gzip", []byte("UNB+UNOC:3+x"), 100, "!"},
		{"trailing garbage", join(hello, []byte("x")), 100, "!"},
		{"trailing zeros", join(hello, make([]byte, 512)), 100, "!"},
		{"checksum", flip(hello, -8), 100, "!"},
		{"length", flip(hello, -1), 100, "!"},
		{"data", flip(hello, 18), 100, "!"},
		{"reserved flag", func() []byte { b := bytes.Clone(hello); b[3] |= 0x80; return b }(), 100, "!"},
		{"in the floor", zeros(ratioFloor), MaxPayload, string(make([]byte, ratioFloor))},
		{"above the floor", zeros(ratioFloor + 1), MaxPayload, "!"},
		{"many members", bytes.Repeat(member(t, "", nil), maxMembers), 100, ""},
		{"too many members", bytes.Repeat(member(t, "", nil), maxMembers+1), 100, "!"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := io.ReadAll(Gunzip(test.data, test.limit))
			checkGunzip(t, string(got), err, test.want)
		})
	}
	both := join(hello, world)
	for n := range both {
		if n == len(hello) {
			continue
		}
		got, err := io.ReadAll(Gunzip(both[:n], 100))
		if err == nil {
			t.Errorf("cut after %d bytes: got %q", n, got)
		}
		checkGunzip(t, string(got), err, "!")
	}
}

func checkGunzip(t *testing.T, got string, err error, want string) {
	t.Helper()
	fault, ok := errors.AsType[*ebms.Fault](err)
	switch {
	case want == "!":
		if !ok || fault.Code != ebms.DecompressionFailure {
			t.Errorf("got %v, want a fault", err)
		}
	case err != nil:
		t.Error(err)
	case got != want:
		t.Errorf("got %d bytes, want %d", len(got), len(want))
	}
}

// A fault stays, and no byte over the limit comes out before it.
func TestGunzipStays(t *testing.T) {
	t.Parallel()
	r := Gunzip(member(t, "", []byte("hello")), 4)
	got, err := io.ReadAll(r)
	if len(got) > 4 || err == nil {
		t.Errorf("got %q, %v", got, err)
	}
	if n, again := r.Read(make([]byte, 10)); n != 0 || again != err {
		t.Errorf("then got %d bytes, %v", n, again)
	}
}

func FuzzGunzip(f *testing.F) {
	f.Add(member(f, "x", []byte("UNB+UNOC:3")))
	f.Add(append(member(f, "", nil), member(f, "", bytes.Repeat([]byte("x"), 5000))...))
	f.Add([]byte("\x1f\x8b\x08\x1f\x00\x00\x00\x00\x00\x03"))
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 16
		got, err := io.ReadAll(Gunzip(data, limit))
		if len(got) > limit {
			t.Fatalf("%d bytes", len(got))
		}
		var theirs []byte
		z, theirErr := stdgzip.NewReader(bytes.NewReader(data))
		if theirErr == nil {
			theirs, theirErr = io.ReadAll(io.LimitReader(z, limit+1))
		}
		if err == nil && (theirErr != nil || !bytes.Equal(got, theirs)) {
			t.Errorf("we read %d bytes, compress/gzip %d bytes, %v", len(got), len(theirs), theirErr)
		}
		if err != nil && theirErr == nil && len(theirs) <= limit {
			if fault, ok := errors.AsType[*ebms.Fault](err); !ok || !strings.Contains(fault.Error(), "members") {
				t.Errorf("compress/gzip reads %d bytes, we say %v", len(theirs), err)
			}
		}
	})
}
