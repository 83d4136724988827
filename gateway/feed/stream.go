package feed

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/marktbote/marktbote/store"
)

const (
	heartbeat   = 15 * time.Second // a comment, so that proxies and readers know that the connection lives
	streamWrite = 30 * time.Second // that a reader may take for one page; who is slower is cut off and comes again
	streamPage  = 100              // events read at a time, and in memory
)

// stream sends events as they come, each with its sequence number as id, so that a reader who comes again goes on behind
// the last one he got. Without Last-Event-ID and after it begins with what comes from now on.
//
// Spec: HTML Living Standard 9.2 (server-sent events)
func (f *Feed) stream(w http.ResponseWriter, r *http.Request) {
	q, bad := queryOf(r, "after", "filter")
	if bad != "" {
		badRequest(w, bad)
		return
	}
	after := q.after
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		n, err := strconv.ParseInt(last, 10, 64)
		if err != nil || n < 0 {
			badRequest(w, "Last-Event-ID must be a sequence number.")
			return
		}
		after = n
	}
	if after < 0 {
		var err error
		if after, err = f.newest(r); err != nil {
			f.fail(w, err)
			return
		}
	}
	if !f.enter() {
		answer(w, crowded)
		return
	}
	defer f.leave()
	out := streamWriter{w: w, control: http.NewResponseController(w)}
	w.Header().Set("Content-Type", typeStream)
	w.Header().Set("X-Accel-Buffering", "no") // nginx must not keep it
	if out.send(": marktbote\n\n") != nil || out.flush() != nil {
		return
	}
	for {
		changed := f.news()
		found, next, more, err := f.read(r.Context(), after, streamPage, q.filter)
		if err != nil {
			return // the reader comes again
		}
		for _, e := range found {
			if out.send("id: "+strconv.FormatInt(e.Seq, 10)+"\nevent: "+e.Type+"\ndata: ", string(eventJSON(e)), "\n\n") != nil {
				return
			}
		}
		if len(found) == 0 && next > after && out.send("id: "+strconv.FormatInt(next, 10)+"\n\n") != nil {
			return // an id without data is no event: what was not wanted is not looked at again
		}
		after = next
		if out.flush() != nil {
			return
		}
		if more {
			continue
		}
		if !f.await(r.Context(), changed, heartbeat) {
			select {
			case <-f.stopped:
				return
			case <-r.Context().Done():
				return
			default:
			}
			if out.send(": heartbeat\n\n") != nil || out.flush() != nil {
				return
			}
		}
	}
}

// newest returns the number of the newest event.
func (f *Feed) newest(r *http.Request) (head int64, err error) {
	err = f.store.View(r.Context(), func(tx store.Tx) (err error) { head, err = tx.EventHead(); return err })
	return head, err
}

// streamWriter writes to a reader who may be slow.
type streamWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (s *streamWriter) send(parts ...string) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	for _, part := range parts {
		if _, err := s.w.Write([]byte(part)); err != nil {
			return err
		}
	}
	return nil
}

func (s *streamWriter) flush() error { return s.control.Flush() }
