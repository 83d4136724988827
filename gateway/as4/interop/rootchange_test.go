package interop

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
)

// TestRootChange exchanges messages under a root on brainpoolP512r1 and a Sub-CA on brainpoolP384r1.
//
// Spec: BSI TR-03116-3, table 5
func TestRootChange(t *testing.T) {
	runPhase4(t)
	pki, err := newParties(testpki.Large())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(pki.dir) })
	p, err := startPhase4(pki)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.stdin.Close() })
	n := open(t, pki.dir, us, nil)
	n.introduce(t, them, p.url+"/as4/"+them, pki.triple[them].Encryption.Certificate)
	const row = "PKI after the change of the root"
	withPhase4.cell(t, row, toPhase4, func(t *testing.T) string {
		_, err := n.Send(t.Context(), as4.Message{Key: "1", From: us, To: them, Created: time.Now(), Body: bytes.NewReader(edifact(1))})
		if err != nil {
			t.Fatal(err)
		}
		p.compare(t, draft{file: edifact(1)}, p.received(t)[0])
		return "receipt"
	})
	withPhase4.cell(t, row, fromPhase4, func(t *testing.T) string {
		x := p.send(t, n.url, edifact(2))
		if files := n.take(); len(files) != 1 || !bytes.Equal(files[them+"|"+x.RefTo], edifact(2)) {
			t.Errorf("%d files were handed on", len(files))
		}
		return x.outcome(t)
	})
}
