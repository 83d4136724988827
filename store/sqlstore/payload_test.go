package sqlstore_test

import (
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/marktbote/marktbote/store/sqlite"
	"github.com/marktbote/marktbote/store/sqlstore"
)

// TestAbandonSparesPayloads is the case that the engine reports an error for a commit that succeeded: PutPayload
// then cleans up after itself although its chunks are those of a payload now.
func TestAbandonSparesPayloads(t *testing.T) {
	t.Parallel()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	p, err := st.PutPayload(t.Context(), io.LimitReader(rand.NewChaCha8([32]byte{1}), 2<<20))
	if err != nil {
		t.Fatal(err)
	}
	const firstUpload = 1
	if err := st.(*sqlstore.Store).Abandon(t.Context(), firstUpload); err != nil {
		t.Fatal(err)
	}
	r, err := st.OpenPayload(t.Context(), p.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if n, err := io.Copy(io.Discard, r); n != p.Size || err != nil {
		t.Errorf("%d of %d bytes, %v", n, p.Size, err)
	}
}
