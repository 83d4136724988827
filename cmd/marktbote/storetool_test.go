package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlite"
)

// storetool is a command for scripts: "storetool fill FILE" keeps an interchange, "storetool exec FILE SQL" is a
// database client.
func storetool() {
	if err := storetoolRun(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func storetoolRun(ctx context.Context, args []string) error {
	if args[0] == "exec" {
		db, err := sql.Open("sqlite", args[1])
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		_, err = db.ExecContext(ctx, args[2])
		return err
	}
	st, err := sqlite.Open(ctx, args[1])
	if err != nil {
		return err
	}
	old := time.Now().AddDate(-20, 0, 0)
	p, err := st.PutPayload(ctx, strings.NewReader("UNB+UNOC:3+9900000000001:500+"+old.String()))
	if err != nil {
		return err
	}
	err = st.Update(ctx, func(tx store.Tx) error {
		_, err := tx.InsertInterchange(store.Interchange{
			Direction: store.In, Sender: "9900000000001", MessageType: "UTILMD", PayloadDigest: p.Digest, PayloadSize: p.Size,
			ReceivedAt: old, State: store.StatePublished,
		})
		return err
	})
	if err != nil {
		return err
	}
	return st.Close()
}
