package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/store"
)

// NOTE: An interchange gets its number while it is copied: UNB 0020 near the beginning, UNZ 0020 near the end, and no
// other byte is touched. What has no UNB or UNZ where they belong is copied as it is; the check says what is wrong with
// it. At most headBytes and tailBytes are held in memory.

// tailBytes is how far from the end of a file UNZ may begin. It has some twenty bytes; line breaks may follow.
const tailBytes = 1 << 10

// envelope is what the beginning of an interchange tells.
type envelope struct {
	sender string // UNB 0004
	ref    string // UNB 0020
	chars  edifact.ServiceChars
	at     int // byte at which UNB 0020 begins, or where it belongs if it is empty; 0: it has no place
	length int // bytes of UNB 0020 as sent
}

// readEnvelope reads UNB from the first bytes of an interchange.
func readEnvelope(head []byte) envelope {
	r := edifact.NewReader(bytes.NewReader(head), edifact.Options{})
	unb, err := r.Next()
	if err != nil || unb.Tag() != edifact.UNB {
		return envelope{}
	}
	e := envelope{sender: unb.Text(3, 1), ref: unb.Text(6, 1), chars: unb.Service()}
	cut := unb.Offset()+int64(len(unb.Raw())) >= int64(len(head)) // the terminator may not have come yet
	if pos := unb.ComponentPosition(6, 1); unb.Components(6) > 0 && !cut {
		e.at, e.length = int(pos.Offset), pos.Length
	}
	return e
}

// renumber returns an interchange with another UNB and UNZ 0020. head are bytes at its beginning, of which e is the
// envelope, rest those behind them.
func renumber(e envelope, ref string, head []byte, rest io.Reader) io.Reader {
	if e.at == 0 {
		return io.MultiReader(bytes.NewReader(head), rest)
	}
	behind := io.MultiReader(bytes.NewReader(head[e.at+e.length:]), rest)
	return io.MultiReader(bytes.NewReader(head[:e.at]), strings.NewReader(ref), &tail{src: behind, chars: e.chars, ref: ref})
}

// tail copies an interchange and replaces UNZ 0020 at its end.
type tail struct {
	src   io.Reader
	chars edifact.ServiceChars
	ref   string
	held  []byte // read, but not handed on
	done  bool   // src has ended, held is ready
}

// Read implements io.Reader.
func (t *tail) Read(p []byte) (int, error) {
	for !t.done && len(t.held) <= tailBytes {
		if t.held == nil {
			t.held = make([]byte, 0, 32<<10)
		}
		if cap(t.held)-len(t.held) < tailBytes {
			t.held = append(make([]byte, 0, 32<<10), t.held...)
		}
		n, err := t.src.Read(t.held[len(t.held):cap(t.held)])
		t.held = t.held[:len(t.held)+n]
		if err == io.EOF {
			t.held, t.done = renumberUNZ(t.held, t.chars, t.ref), true
		} else if err != nil {
			return 0, err
		}
	}
	ready := t.held
	if !t.done {
		ready = t.held[:len(t.held)-tailBytes]
	}
	if len(ready) == 0 {
		return 0, io.EOF
	}
	n := copy(p, ready)
	t.held = t.held[n:]
	return n, nil
}

// renumberUNZ returns the end of an interchange with another UNZ 0020, or the same if it does not end with UNZ.
func renumberUNZ(end []byte, c edifact.ServiceChars, ref string) []byte {
	const space = "\r\n "
	last := len(bytes.TrimRight(end, space)) - 1 // terminator of UNZ
	tag := []byte{'U', 'N', 'Z', c.Element}
	start := bytes.LastIndex(end[:max(last, 0)], tag)
	if start < 0 || end[last] != c.Terminator {
		return end
	}
	before := bytes.TrimRight(end[:start], space)
	if len(before) == 0 || before[len(before)-1] != c.Terminator {
		return end
	}
	from, to := 0, 0 // of 0020
	for i := start + len(tag); i <= last; i++ {
		switch b := end[i]; {
		case b == c.Release && c.Release != 0:
			i++
		case b == c.Terminator && i < last:
			return end // something follows
		case b == c.Element && from == 0:
			from = i + 1
		case from > 0 && to == 0 && (b == c.Element || b == c.Component || b == c.Terminator):
			to = i
		}
	}
	if to == 0 {
		return end
	}
	out := append(make([]byte, 0, len(end)+len(ref)), end[:from]...)
	out = append(out, ref...)
	return append(out, end[to:]...)
}

// numberedRef returns the UNB 0020 of an interchange that is numbered for an ERP. It has the form of those of answers
// (see numbers) and 0 where they have 1 to 9, so that the two can never be the same.
func numberedRef(number int64, at time.Time) string {
	return "M" + at.In(formats.Berlin).Format("060102") + numberText(number) + "0"
}

// maxUsed is how many numbers in a row may turn out to be used, by an ERP that numbers in our form.
const maxUsed = 1000

// nextControlRef draws a number that the sender has not used. Numbers of interchanges that were never sent are lost,
// which does no harm.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 5 (UNB 0020: 14 characters, not used again within ten years)
func (g *Gateway) nextControlRef(ctx context.Context, sender string) (ref string, err error) {
	err = g.store.Update(ctx, func(tx store.Tx) error {
		for range maxUsed {
			number, err := tx.NextControlRefs(sender, 1)
			if err != nil {
				return err
			}
			ref = numberedRef(number, g.now())
			used, err := tx.FindControlRef(store.Out, sender, ref)
			if err != nil || len(used) == 0 {
				return err
			}
		}
		return errors.New("gateway: no unused control reference found")
	})
	return ref, err
}

// numberText writes a number in six characters, which is enough for two thousand million a day.
func numberText(number int64) string {
	const base, most = 36, 36 * 36 * 36 * 36 * 36 * 36
	return strings.ToUpper(fmt.Sprintf("%06s", strconv.FormatInt(number%most, base)))
}
