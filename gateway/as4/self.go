package as4

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/partner"
)

// TestSelf sends a message of the test service from an own MP-ID to itself, once, and returns when the receipt says that it
// was there. Endpoint is where partners send to. It proves both directions: keys, certificates, signature, encryption, the way
// in and the way out.
func (n *Node) TestSelf(ctx context.Context, mpID, endpoint string) (arrived time.Time, err error) {
	p := partner.New(mpID)
	p.Endpoint = endpoint
	m := Message{
		Key: "self|" + n.newMessageID(), From: mpID, To: mpID, Service: ebms.ServiceTest, Action: ebms.ActionTest,
		Body: strings.NewReader("Marktbote tests its own AS4 connection.\n"), once: true,
	}
	t, err := n.build(ctx, m, p, m.Key)
	if err != nil {
		return time.Time{}, fmt.Errorf("as4: test to self: %w", err)
	}
	r, err := n.attempt(ctx, t, p, false)
	if err != nil {
		return time.Time{}, err
	}
	return n.settle(ctx, m, t, r)
}
