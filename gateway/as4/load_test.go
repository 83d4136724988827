package as4

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/iotest"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/swa"
)

// TestMemoryShare: one partner who announces much and sends slowly leaves room for the others.
func TestMemoryShare(t *testing.T) {
	t.Parallel()
	to := newTown(t).houses[netz]
	slow, quick := to.enter(lieferant), to.enter(netz)
	if slow == nil || quick == nil {
		t.Fatal("refused")
	}
	release, err := to.reserve(t.Context(), slow, to.Limits.Body)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := to.reserve(ctx, slow, to.Limits.Body); !errors.Is(err, errBusy) {
		t.Errorf("all memory for one: %v", err)
	}
	more, err := to.reserve(t.Context(), quick, to.Limits.Body)
	if err != nil {
		t.Fatal(err)
	}
	more()
	release()
	to.leave(lieferant)
	to.leave(netz)
	if len(to.peers) != 0 || !to.memory.TryAcquire(to.Limits.Memory) {
		t.Error("something is left")
	}
}

// TestChunked: a body whose length is not announced takes as much room as it needs.
func TestChunked(t *testing.T) {
	t.Parallel()
	town := newTown(t)
	to := town.houses[netz]
	contentType, body := town.make(forged{})
	taken := to.Limits.Memory - 2*firstRead
	if !to.memory.TryAcquire(taken) {
		t.Fatal("no room")
	}
	defer to.memory.Release(taken)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to.url, iotest.OneByteReader(bytes.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !bytes.Contains(answer, []byte("Receipt>")) {
		t.Errorf("%s, %v: %s", resp.Status, err, answer)
	}
}

// TestSlowBody: who takes longer than he may for one message is cut off, although he sends all the time.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	town := newTown(t, func(_ string, o *Options) { o.Limits.Reading = 50 * time.Millisecond })
	to := town.houses[netz]
	r, w := io.Pipe()
	go func() {
		for {
			if _, err := io.WriteString(w, "x"); err != nil {
				return
			}
		}
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to.url, r)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = to.Limits.Body
	req.Header.Set("Content-Type", swa.SOAPType)
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		if resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("answered with %s", resp.Status)
		}
		_ = resp.Body.Close()
	}
	_ = r.Close()
}

// TestLongerThanUsual: the limit of the configuration is the one that counts.
func TestLongerThanUsual(t *testing.T) {
	t.Parallel()
	town := newTown(t, func(_ string, o *Options) { o.Limits.Body = swa.DefaultLimits.Body + 1<<20 })
	to := town.houses[netz]
	long := bytes.Repeat([]byte(" "), int(swa.DefaultLimits.Body)+1)
	if _, code := town.postBody(to, `multipart/related; boundary="x"`, long); code != ebms.MimeInconsistency {
		t.Errorf("answered with %s", code)
	}
}
