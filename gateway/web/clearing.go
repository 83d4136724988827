package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/marktbote/marktbote/gateway"
	"github.com/marktbote/marktbote/store"
)

// Clearing carries out what people decide.
type Clearing interface {
	Decide(ctx context.Context, action gateway.Action, item int64, who, reason string) error
	Resend(ctx context.Context, id int64, who, reason string) error
}

// maxForm bounds a form in bytes.
const maxForm = 16 << 10

// stepTexts name the kinds of work items.
var stepTexts = map[string]string{
	"check": "Prüfung", "dispatch": "Versand", "correlate": "Zuordnung der Antwort", "route": "Verteilung", "deliver": "Zustellung", "decide": "Entscheidung",
}

// failing lists items that were tried in vain and wait for the next attempt, of those that were added first.
func failing(tx store.Tx) (list []store.Work, err error) {
	items, err := tx.WorkItems(store.WorkQuery{Limit: 10 * pageSize})
	for _, w := range items {
		if !w.Parked && w.Attempt > 0 && w.Reason != "" && len(list) < pageSize {
			list = append(list, w)
		}
	}
	return list, err
}

// decide carries out what a person decided about a work item.
func (s *Site) decide(w http.ResponseWriter, r *http.Request) {
	action := gateway.Action(r.PathValue("action"))
	switch action {
	case gateway.Requeue, gateway.Hold, gateway.Solve:
	default:
		http.NotFound(w, r)
		return
	}
	s.decision(w, r, "/", func(id int64, who, reason string) error {
		return s.Clearing.Decide(r.Context(), action, id, who, reason)
	})
}

// resend sends an interchange once more.
func (s *Site) resend(w http.ResponseWriter, r *http.Request) {
	s.decision(w, r, "/interchanges/", func(id int64, who, reason string) error {
		return s.Clearing.Resend(r.Context(), id, who, reason)
	})
}

// decision reads the form of a decision and goes back to the page it came from: the list, or that of the number.
func (s *Site) decision(w http.ResponseWriter, r *http.Request, back string, do func(id int64, who, reason string) error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || s.Clearing == nil {
		http.NotFound(w, r)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "Das Formular ist nicht lesbar.", http.StatusBadRequest)
		return
	}
	err = do(id, r.PostForm.Get("who"), r.PostForm.Get("reason"))
	var incomplete *gateway.DecisionError
	switch {
	case err == nil:
		if back != "/" {
			back += strconv.FormatInt(id, 10)
		}
		http.Redirect(w, r, s.Prefix+back, http.StatusSeeOther)
	case errors.As(err, &incomplete):
		http.Error(w, fmt.Sprintf("%s fehlt oder ist länger als %d Zeichen.", fieldTexts[incomplete.Field], incomplete.Limit), http.StatusUnprocessableEntity)
	case errors.Is(err, gateway.ErrNoItem):
		http.Error(w, "Das ist nicht mehr möglich: Der Arbeitsschritt ist inzwischen erledigt oder in einem anderen Stand.", http.StatusConflict)
	case errors.Is(err, gateway.ErrNotSent):
		http.Error(w, "Die Datei ist noch nicht versandt oder wird gerade versandt.", http.StatusConflict)
	case errors.Is(err, gateway.ErrNotThere):
		http.NotFound(w, r)
	default:
		s.fail(w, err)
	}
}

// fieldTexts name the fields of a decision.
var fieldTexts = map[string]string{"who": "Der Name", "reason": "Der Grund"}
