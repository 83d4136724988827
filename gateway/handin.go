package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/store"
)

// Submission is an interchange that a system of the company hands in to be sent.
type Submission struct {
	Channel string // how it was handed in: "http", "pickup"
	// ID is the identity that the system gave it, unique in the channel. Handing in the same bytes again with the same
	// one is a repetition. Empty: every submission is a new one.
	ID string
	// Number gives UNB 0020 and UNZ 0020 the sender's next number. No other byte is changed, and the bytes with the number
	// are those that are kept, checked and sent; those without are not kept.
	Number bool
	Body   io.Reader
}

// HandIn keeps an interchange that is to be sent. When it returns without error the interchange survives a crash. A
// short one (up to store.MaxInlinePayload) is checked at once, in the same transaction; a long one is checked as soon
// as a worker is free. One that is not accepted with everything in it stays, and is not sent. A repetition returns the
// first interchange's ID. Errors: ErrTooLarge, ErrReusedID, those of the body, of ctx and of the store.
func (g *Gateway) HandIn(ctx context.Context, s Submission) (id int64, err error) {
	body := &guard{body: s.Body, left: g.config.MaxInterchangeBytes, head: &headWriter{}}
	content, err := io.ReadAll(io.LimitReader(body, store.MaxInlinePayload+1))
	if err != nil {
		return 0, fmt.Errorf("gateway: hand in: %w", err)
	}
	h := handIn{g: g, Submission: s, messageType: body.head.read().messageType}
	h.x = store.Interchange{Direction: store.Out, Channel: s.Channel, ReceivedAt: g.now(), State: store.StateReceived}
	if s.ID != "" {
		h.x.ReceivedID = s.Channel + "/" + s.ID // not to be taken for an answer, see answerID
	}
	unread := io.Reader(body)
	short := len(content) <= store.MaxInlinePayload
	if e := readEnvelope(body.head.bytes); s.Number && e.at > 0 && g.config.IsOwn(e.sender) {
		ref, err := g.nextControlRef(ctx, e.sender)
		if err != nil {
			return 0, fmt.Errorf("gateway: hand in: %w", err)
		}
		unread = renumber(e, ref, content, body)
		content = nil
		if short {
			if content, err = io.ReadAll(unread); err != nil { // only from memory
				return 0, fmt.Errorf("gateway: hand in: %w", err)
			}
		}
	}
	if short {
		h.content = content
		id, err = h.short(ctx)
	} else {
		id, err = h.long(ctx, io.MultiReader(bytes.NewReader(content), unread))
	}
	if errors.Is(err, store.ErrDuplicate) {
		return h.repeated(ctx, id)
	}
	if err != nil {
		return 0, fmt.Errorf("gateway: hand in: %w", err)
	}
	g.log.Info("interchange handed in", zap.Int64("interchange", id), zap.String("channel", s.Channel),
		zap.Int64("bytes", h.x.PayloadSize), zap.String("verdict", h.x.Verdict), zap.Int("findings", h.x.FindingCount))
	g.work.Wake()
	return id, nil
}

// handIn is one submission on its way.
type handIn struct {
	Submission

	g           *Gateway
	messageType string
	x           store.Interchange
	content     []byte // of a short one, with its number
}

// long keeps the bytes first and leaves the check to a worker.
func (h *handIn) long(ctx context.Context, body io.Reader) (id int64, err error) {
	payload, err := h.g.store.PutPayload(ctx, body)
	if err != nil {
		return 0, err
	}
	h.x.PayloadDigest, h.x.PayloadSize = payload.Digest, payload.Size
	err = h.g.store.Update(ctx, func(tx store.Tx) error {
		tx.SetClass(dataClass(h.messageType))
		if id, err = tx.InsertInterchange(h.x); err != nil {
			return err
		}
		return tx.AddWork(store.Work{Kind: kindCheck, Lane: lane(h.messageType, payload.Size), InterchangeID: id, DueAt: h.x.ReceivedAt})
	})
	return id, err
}

// short checks the bytes and keeps them with the verdict in one transaction.
func (h *handIn) short(ctx context.Context) (id int64, err error) {
	for range maxCheckedAgain {
		id, err = h.once(ctx)
		if !errors.Is(err, errSeenMeanwhile) {
			return id, err
		}
	}
	return id, err
}

// maxCheckedAgain is how often a check is repeated because another interchange took the control reference meanwhile;
// the repetition sees that.
const maxCheckedAgain = 3

func (h *handIn) once(ctx context.Context) (id int64, err error) {
	g, content := h.g, h.content
	long := store.Payload{}
	if len(content) > store.MaxInlinePayload { // the number has made it a little longer
		if long, err = g.store.PutPayload(ctx, bytes.NewReader(content)); err != nil {
			return 0, err
		}
	}
	x := h.x
	opts, known := g.checkOptions(ctx, x)
	result, err := g.checkNow(ctx, content, opts)
	if err != nil {
		return 0, err
	}
	fill(&x, result)
	x.CheckedAt = g.now()
	err = g.store.Update(ctx, func(tx store.Tx) error {
		tx.SetClass(dataClass(x.MessageType))
		if err := known.confirm(tx); err != nil {
			return err
		}
		payload := long
		if payload.Digest == "" {
			if payload, err = tx.PutPayload(content); err != nil {
				return err
			}
			g.fresh.put(payload.Digest, content)
		}
		x.PayloadDigest, x.PayloadSize = payload.Digest, payload.Size
		if id, err = tx.InsertInterchange(x); err != nil {
			return err
		}
		if err := insertResult(tx, id, result); err != nil {
			return err
		}
		if x.Verdict != string(check.Accepted) {
			return nil
		}
		x.ID = id
		return g.addDispatch(tx, x, x.MessageType)
	})
	if err != nil {
		return id, err
	}
	h.x = x
	g.verdicts.WithLabelValues(string(x.Direction), x.Verdict).Inc()
	return id, nil
}

// checkNow checks what was handed in. Only so many are checked at once as the machine can.
func (g *Gateway) checkNow(ctx context.Context, content []byte, opts check.Options) (*check.Result, error) {
	select {
	case g.checking <- struct{}{}:
		defer func() { <-g.checking }()
		return check.File(bytes.NewReader(content), opts)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// repeated answers a submission whose identity is known: it is a repetition if the bytes are the same, but for the
// number. What the numbered bytes were without it is not kept, so the number of the first is put in again.
func (h *handIn) repeated(ctx context.Context, id int64) (int64, error) {
	first, err := h.g.interchange(ctx, id)
	if err != nil {
		return 0, fmt.Errorf("gateway: hand in: %w", err)
	}
	same, err := h.same(ctx, first)
	if err != nil {
		return 0, fmt.Errorf("gateway: hand in: %w", err)
	}
	if !same {
		h.g.log.Warn("submission with the identity of another one refused", zap.Int64("interchange", id), zap.String("channel", h.Channel))
		return 0, ErrReusedID
	}
	h.g.log.Info("submission repeated", zap.Int64("interchange", id), zap.String("channel", h.Channel))
	return id, nil
}

// same reports whether the bytes at hand are those of an earlier interchange.
func (h *handIn) same(ctx context.Context, first store.Interchange) (bool, error) {
	mine := io.NopCloser(io.Reader(bytes.NewReader(h.content)))
	if h.content == nil {
		var err error
		if mine, err = h.g.store.OpenPayload(ctx, h.x.PayloadDigest); err != nil {
			return false, err
		}
	}
	defer mine.Close()
	body := io.Reader(mine)
	if h.Number {
		theirs, err := h.g.store.OpenPayload(ctx, first.PayloadDigest)
		if err != nil {
			return false, err
		}
		defer theirs.Close()
		head, err := readHead(theirs)
		if err != nil {
			return false, err
		}
		e := readEnvelope(head)
		ref := string(head[e.at : e.at+e.length])
		if head, err = readHead(mine); err != nil {
			return false, err
		}
		body = renumber(readEnvelope(head), ref, head, mine)
	}
	digest := sha256.New()
	if _, err := io.Copy(digest, body); err != nil {
		return false, err
	}
	return hex.EncodeToString(digest.Sum(nil)) == first.PayloadDigest, nil
}

// readHead reads as much of an interchange as readEnvelope needs.
func readHead(r io.Reader) ([]byte, error) {
	head := make([]byte, headBytes)
	n, err := io.ReadFull(r, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return head[:n], err
}
