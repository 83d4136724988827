package storetest

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/marktbote/marktbote/store"
)

// Inside looks behind the interface of one open store.
type Inside struct {
	Store store.Store
	// PayloadRows counts the rows of all tables that payloads are kept in.
	PayloadRows func() (int, error)
	// Damage changes one byte of the last chunk of a payload in a way that decompression does not notice.
	Damage func(digest string) error
	// LoseChunk removes the last chunk of a payload that has several.
	LoseChunk func(digest string) error
	// Senders returns the senders of all interchanges as the engine orders them.
	Senders func() ([]string, error)
	// DB is a database client on the same tables that no foreign key stops.
	DB *sql.DB
}

// RunInside runs the cases that Run cannot see. open opens an empty store of its own for a test, which the suite
// closes.
func RunInside(t *testing.T, open func(t *testing.T) Inside) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, in Inside)
	}{
		{"failed uploads leave nothing", testLeavesNothing},
		{"same bytes are kept once", func(t *testing.T, in Inside) {
			for _, n := range []int{100, 2*mib + 1} {
				putBytes(t, in.Store, 1, n)
				before := payloadRows(t, in)
				putBytes(t, in.Store, 1, n)
				equal(t, "rows", before, payloadRows(t, in))
			}
			before := payloadRows(t, in)
			testSameBytes(t, in.Store)
			between := payloadRows(t, in)
			testSameBytes(t, in.Store)
			equal(t, "rows after the same again", between, payloadRows(t, in))
			if between == before {
				t.Error("rows are not counted")
			}
		}},
		{"damaged bytes are noticed", func(t *testing.T, in Inside) {
			for _, n := range []int{8 << 10, mib, mib + mib/2} {
				p := putBytes(t, in.Store, uint64(n), n)
				if err := in.Damage(p.Digest); err != nil {
					t.Fatal(err)
				}
				wantCorrupt(t, in.Store, p)
			}
		}},
		{"lost chunks are noticed", func(t *testing.T, in Inside) {
			p := putBytes(t, in.Store, 1, 2*mib+mib/2)
			if err := in.LoseChunk(p.Digest); err != nil {
				t.Fatal(err)
			}
			wantCorrupt(t, in.Store, p)
		}},
		{"tampering is named", testTampering},
		{"nothing is kept in clear", testNotInClear},
		{"keys are not kept in clear", testKeysNotInClear},
		{"text is ordered bytewise", func(t *testing.T, in Inside) {
			want := []string{"", " ", "Z", "Zz", "a", "a ", "aa", "z", "ß", "ä", "€", "\U0001F600"}
			shuffled := slices.Clone(want)
			slices.Reverse(shuffled)
			update(t, in.Store, func(tx store.Tx) error {
				for _, s := range shuffled {
					if _, err := tx.InsertInterchange(store.Interchange{Direction: store.In, Sender: s}); err != nil {
						return err
					}
				}
				return nil
			})
			got, err := in.Senders()
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "order", want, got)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := open(t)
			t.Cleanup(func() {
				if err := in.Store.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			c.run(t, in)
		})
	}
}

func payloadRows(t *testing.T, in Inside) int {
	t.Helper()
	n, err := in.PayloadRows()
	if err != nil {
		t.Fatalf("PayloadRows: %v", err)
	}
	return n
}

func testLeavesNothing(t *testing.T, in Inside) {
	own := errors.New("own")
	_, err := in.Store.PutPayload(t.Context(), io.MultiReader(newBytes(1, 17*mib+5), iotest.ErrReader(own)))
	wantError(t, "failing reader", err, own)
	equal(t, "rows after a failing reader", 0, payloadRows(t, in))

	ctx, cancel := context.WithCancel(t.Context())
	_, err = in.Store.PutPayload(ctx, &hook{r: newBytes(2, 4*mib), at: 3 * mib, do: cancel})
	wantError(t, "cancelled", err, context.Canceled)
	equal(t, "rows after the context ended", 0, payloadRows(t, in))

	func() {
		defer func() { _ = recover() }()
		_, err = in.Store.PutPayload(t.Context(), &hook{r: newBytes(3, 4*mib), at: 3 * mib, do: func() { panic("boom") }})
		t.Errorf("PutPayload returned %v", err)
	}()
	equal(t, "rows after a panic", 0, payloadRows(t, in))
}

// wantCorrupt fails the test unless reading p reports ErrCorrupt, again and again, without handing out all bytes.
func wantCorrupt(t *testing.T, st store.Store, p store.Payload) {
	t.Helper()
	r, err := st.OpenPayload(t.Context(), p.Digest)
	if err != nil {
		t.Fatalf("OpenPayload: %v", err)
	}
	defer func() { _ = r.Close() }()
	n, err := io.Copy(io.Discard, r)
	wantError(t, "Read", err, store.ErrCorrupt)
	if n >= p.Size {
		t.Errorf("%d of %d damaged bytes were handed out", n, p.Size)
	}
	_, err = r.Read(make([]byte, 1))
	wantError(t, "Read again", err, store.ErrCorrupt)
}
