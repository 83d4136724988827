package objects

import (
	"context"
	"encoding/csv"
	"io"
	"strings"
	"time"

	"github.com/marktbote/marktbote/store"
)

// List writes what an own MP-ID knows, or of one object (as Key names it), in the form that Import reads; Von and Bis
// are instants. The first line and a last column Quelle, which Import does not look at, are added.
func List(ctx context.Context, st store.Store, w io.Writer, mpIDs []string, object string) error {
	out := csv.NewWriter(w)
	out.Comma = ';'
	if err := out.Write(append(append([]string{}, columns...), "Quelle")); err != nil {
		return err
	}
	for _, id := range mpIDs {
		q := store.AssignmentQuery{MPID: id, Object: object, Limit: batch}
		for {
			var page []store.Assignment
			err := st.View(ctx, func(tx store.Tx) (err error) {
				page, err = tx.Assignments(q)
				return err
			})
			if err != nil {
				return err
			}
			if len(page) == 0 {
				break
			}
			for _, a := range page {
				_, object, _ := strings.Cut(a.Object, "/")
				if err := out.Write([]string{a.MPID, object, a.Partner, a.Rolle, instant(a.From), instant(a.Until), a.Source}); err != nil {
					return err
				}
			}
			q.After = page[len(page)-1]
		}
	}
	out.Flush()
	return out.Error()
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}
