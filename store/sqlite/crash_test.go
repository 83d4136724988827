package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/storetest"
)

// crashChildEnv makes the test binary the writer that TestCrash kills; its value is the path of the store.
const crashChildEnv = "MARKTBOTE_STORE_CRASH_CHILD"

func crashChild(path string) int {
	ctx := context.Background()
	st, err := Open(ctx, path)
	if err == nil {
		err = storetest.CrashChild(ctx, st)
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func TestCrash(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	open := func(t *testing.T) store.Store { return openTest(t, path) }
	storetest.Crash(t, crashChildEnv+"="+path, open, func(t *testing.T) {
		db := rawDB(t, path)
		var integrity string
		if err := db.QueryRow("PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
			t.Errorf("integrity_check: %s, %v", integrity, err)
		}
		var left int
		const abandoned = `SELECT count(*) FROM payload_upload WHERE id NOT IN (SELECT upload_id FROM payload WHERE upload_id > 0)`
		if err := db.QueryRow(abandoned).Scan(&left); err != nil || left != 0 {
			t.Errorf("%d abandoned uploads left, %v", left, err)
		}
	})
}
