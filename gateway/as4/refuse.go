package as4

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/store"
)

// refuse answers what was not taken: an ebMS error for what the partner did wrong, or nil, which tells its HTTP client
// to come again. It is logged, counted and, within limits, kept.
//
// Spec: OASIS ebMS 3.0 Core 6; Regelungen zum Übertragungsweg AS4 2.0 9
func (in *incoming) refuse(ctx context.Context, err error) []byte {
	n := in.n
	fields := []zap.Field{zap.Error(err)}
	service := "unknown"
	if m := in.message; m != nil {
		service = serviceName(m.Service)
		fields = append(fields, zap.String("message", m.MessageID), zap.String("from", m.From.ID), zap.String("to", m.To.ID))
	}
	fault, theirs := errors.AsType[*ebms.Fault](err)
	if !theirs {
		n.received.WithLabelValues(service, "retry").Inc()
		if netErr, ok := errors.AsType[net.Error](err); ok || ctx.Err() != nil {
			n.Log.Warn("a request broke off", append(fields, zap.Bool("timeout", ok && netErr.Timeout()))...)
			return nil
		}
		n.Log.Error("a message could not be taken; the partner is told to come again", fields...)
		if in.message == nil || errors.Is(err, errBusy) {
			return nil
		}
		fault = ebms.Faultf(ebms.Other, "temporarily unavailable")
	} else {
		n.received.WithLabelValues(service, string(fault.Code)).Inc()
		n.Log.Warn("message refused", append(fields, zap.String("code", string(fault.Code)))...)
		n.keepRefused(ctx, in, fault)
	}
	refTo, signer := "", ""
	if in.message != nil {
		refTo = in.message.MessageID
		if n.IsOwn(in.message.To.ID) {
			signer = in.message.To.ID
		}
	}
	signal := ebms.NewErrorSignal(n.newMessageID(), refTo, in.at, fault)
	if signer != "" {
		if answer, err := n.sign(ctx, ebms.NewEnvelope(signal), signer, in.at); err == nil {
			return answer
		}
		// The profile does not demand that an error is signed.
	}
	return ebms.NewEnvelope(signal).AppendXML(nil)
}

// Limits of what is kept of refused messages, so that nobody can fill the disk with them.
const (
	refusedBody       = 64 << 10 // bytes of a message; of longer ones only the row is kept
	refusedBurst      = 100      // messages of all at once; see rates
	refusedBurstOfOne = 20       // messages of one TLS client
)

// keepRefused keeps a refused message, so that it can be looked at with the partner.
func (n *Node) keepRefused(ctx context.Context, in *incoming, fault *ebms.Fault) {
	if in.tls != nil && !n.rates.allow("refused|"+smpki.Fingerprint(in.tls), refusedBurstOfOne, in.at) || !n.rates.allow("refused", refusedBurst, in.at) {
		return
	}
	t := store.Transmission{
		Direction: store.In, Key: "refused|" + uuid.NewString(), State: store.TransmissionRefused, Fault: fault.Error(),
		ContentType: in.contentType, CreatedAt: in.at, UpdatedAt: in.at,
	}
	if m := in.message; m != nil {
		t.MessageID, t.Service, t.Action, t.Sender, t.Recipient = m.MessageID, m.Service, m.Action, m.From.ID, m.To.ID
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := n.Store.Update(ctx, func(tx store.Tx) (err error) {
		row := t
		if len(in.body) > 0 && len(in.body) <= refusedBody {
			if row.BodyDigest, err = keepBody(tx, in.body); err != nil {
				return err
			}
		}
		_, err = tx.InsertTransmission(row)
		return err
	})
	if err != nil {
		n.Log.Error("a refused message could not be kept", zap.Error(err))
	}
}
