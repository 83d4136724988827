package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/gateway"
	"github.com/marktbote/marktbote/store"
)

// problem is an answer of RFC 9457. Type is the last part of the URN here; programs branch on it.
type problem struct {
	Type        string       `json:"type"`
	Title       string       `json:"title"`
	Status      int          `json:"status"`
	Detail      string       `json:"detail,omitempty"`
	Instance    string       `json:"instance,omitempty"`
	Interchange *interchange `json:"interchange,omitempty"`
}

var notFound = problem{Status: http.StatusNotFound, Type: "not-found", Title: "There is nothing here"}

// answer writes a problem.
func answer(w http.ResponseWriter, p problem) {
	p.Type = "urn:marktbote:problem:" + p.Type
	writeJSON(w, p.Status, "application/problem+json", p)
}

// fail answers an error without its internals.
func (a *API) fail(w http.ResponseWriter, err error) {
	var incomplete *gateway.DecisionError
	var temporary interface{ Temporary() bool }
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, gateway.ErrNotThere):
		answer(w, notFound)
	case errors.As(err, &incomplete):
		answer(w, problem{
			Status: http.StatusUnprocessableEntity, Type: "decision", Title: "The decision is incomplete", Detail: incomplete.Error(),
		})
	case errors.Is(err, gateway.ErrNoItem):
		answer(w, problem{
			Status: http.StatusConflict, Type: "no-item", Title: "This cannot be done to the work item",
			Detail: "There is no such item any more, or it is not set aside (to hold: is set aside already).",
		})
	case errors.Is(err, gateway.ErrNotSent):
		answer(w, problem{
			Status: http.StatusConflict, Type: "not-sent", Title: "The interchange cannot be sent again",
			Detail: "It was not sent yet, or is being sent at the moment. If its sending is set aside, decide about that work item.",
		})
	case errors.Is(err, gateway.ErrNotRejected):
		answer(w, problem{
			Status: http.StatusConflict, Type: "not-rejected", Title: "There is no rejection to lift",
			Detail: "Nothing of the interchange was rejected by a partner, or it was not sent from here.",
		})
	case errors.Is(err, context.Canceled):
		answer(w, problem{Status: http.StatusServiceUnavailable, Type: "cancelled", Title: "The request was cancelled"})
	case errors.As(err, &temporary) && temporary.Temporary():
		a.Log.Warn("request failed for the moment", zap.Error(err))
		w.Header().Set("Retry-After", "5")
		answer(w, problem{Status: http.StatusServiceUnavailable, Type: "unavailable", Title: "The gateway cannot do this at the moment", Detail: "Try again."})
	default:
		a.Log.Error("request failed", zap.Error(err))
		answer(w, problem{Status: http.StatusInternalServerError, Type: "internal", Title: "Internal error"})
	}
}

func writeJSON(w http.ResponseWriter, status int, contentType string, value any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(value) // a peer that has gone
}
