// Package as4 is the AS4 channel of the BDEW profile: a message service handler that receives and sends user messages,
// proves both with receipts, and never receipts what is not kept.
//
// The path of a message through it (receive.go, send.go):
//
//	in   HTTP body -> swa.Read -> xmltree.Parse -> ebms.ParseMessaging     what it says it is
//	               -> wss.Decrypt -> wss.Verify -> smpki Trust             who it is from
//	               -> header rules, To is ours, TLS identity               whether it may be
//	               -> duplicate? the receipt that was sent before          (transmission.go)
//	               -> payload, evidence and receipt kept in one transaction -> the receipt leaves
//	out  interchange -> gzip -> header -> wss.Sign -> wss.Encrypt          once
//	               -> the complete body kept                               before the first attempt
//	               -> POST -> receipt verified against what was sent       every attempt sends the same bytes
//
// What a partner does wrong is an *ebms.Fault and goes back to him; what fails here is an error of ours, and the partner
// is told to try again. Every refusal is logged, counted and kept (refuse.go).
//
// Spec: BDEW AS4-Profil 1.1 2; Regelungen zum Übertragungsweg AS4 2.0 6, 7, 9
package as4

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/wss"
	"github.com/marktbote/marktbote/gateway/partner"
	"github.com/marktbote/marktbote/store"
)

// Delivery is a received file that the node hands on.
type Delivery struct {
	ID        string // of the transport, stays the same for a repetition
	Sender    string // MP-ID that the signature proves
	Recipient string // own MP-ID
	Document  string // BDEWDocumentNo, which should be UNB 0020; may be empty
	At        time.Time
	Body      io.Reader
	// Keep keeps the proof in the transaction of the file.
	Keep func(tx store.Tx, interchange int64) error
}

// Inbox takes what was received. When it returns without error the file and the proof survive a crash.
type Inbox interface {
	Receive(ctx context.Context, d Delivery) error
}

// Limits bound what a partner can make the node do; zero fields have the values of the comments.
type Limits struct {
	Body       int64         // bytes of one HTTP request; 100 MiB
	Payload    int64         // bytes of one file after decompression; 500 MiB
	Memory     int64         // bytes of all requests that are held in memory at a time; four times Body
	PerPartner int           // requests of one partner at a time; 8
	Reading    time.Duration // until a request is here; 300 s
	Patience   time.Duration // until the partner's answer begins; 120 s
	GiveUp     time.Duration // after the first attempt; 24 h
}

func (l Limits) withDefaults() Limits {
	set := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&l.Body, 100<<20)
	set(&l.Payload, 500<<20)
	set(&l.Memory, 4*l.Body)
	l.Memory = max(l.Memory, 2*l.Body) // one is held twice: as it came, and decrypted
	if l.PerPartner <= 0 {
		l.PerPartner = 8
	}
	if l.Reading <= 0 {
		l.Reading = 300 * time.Second
	}
	if l.Patience <= 0 {
		l.Patience = 120 * time.Second
	}
	if l.GiveUp <= 0 {
		l.GiveUp = 24 * time.Hour
	}
	return l
}

// Options make a Node.
type Options struct {
	Store     store.Store
	Inbox     Inbox
	Directory *partner.Directory
	// IsOwn says which MP-IDs are received for.
	IsOwn func(mpID string) bool
	// ClientCertificate returns the certificate that the TLS client proved to have; nil: the node is reached without TLS,
	// which is for loopback and tests, and nothing is demanded.
	ClientCertificate func(r *http.Request) (*x509.Certificate, error)
	// Transport sends; the MP-ID that it sends for is in the context (OwnMPID). nil: http.Transport without proxy.
	Transport http.RoundTripper
	// Services are the services besides MP whose files are taken: FP, RD, KW, SO.
	Services []string
	Limits   Limits
	Host     string // of own message identities; empty: marktbote.invalid
	Log      *zap.Logger
	Metrics  prometheus.Registerer
	Now      func() time.Time // nil: time.Now
}

// Node is one message service handler. Its methods are safe for concurrent use.
type Node struct {
	Options
	memory   *semaphore.Weighted
	mu       sync.Mutex
	peers    map[string]*peer         // with requests in progress, by MP-ID of the TLS certificate; see room.go
	sending  map[string]chan struct{} // a place for each connection to a partner
	rates    rates
	step     func(name string)        // of tests that end the process there
	received *prometheus.CounterVec   // as4_received_total; labels: service, outcome (receipt, duplicate, EBMS:..., retry)
	sent     *prometheus.CounterVec   // as4_sent_total; labels: service, outcome (receipt, probable, retry, refused, given up)
	seconds  *prometheus.HistogramVec // as4_seconds; labels: direction (in, out)
}

// New returns a Node.
func New(o Options) *Node {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Transport == nil {
		o.Transport = &http.Transport{DisableCompression: true, ForceAttemptHTTP2: false, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute}
	}
	if o.Host == "" {
		o.Host = "marktbote.invalid"
	}
	o.Limits = o.Limits.withDefaults()
	o.Log = o.Log.Named("as4")
	n := &Node{
		Options: o, step: func(string) {}, memory: semaphore.NewWeighted(o.Limits.Memory), peers: map[string]*peer{}, sending: map[string]chan struct{}{},
		received: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "as4_received_total", Help: "AS4 messages received, by service and outcome: receipt, duplicate, retry, or the ebMS error.",
		}, []string{"service", "outcome"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "as4_sent_total", Help: "Attempts to send AS4 messages, by service and outcome: receipt, probable, retry, refused, given up.",
		}, []string{"service", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "as4_seconds", Help: "Time of one AS4 exchange in seconds.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 14),
		}, []string{"direction"}),
	}
	o.Metrics.MustRegister(n.received, n.sent, n.seconds)
	return n
}

// newMessageID returns a new message identity of ours.
//
// Spec: BDEW AS4-Profil 1.1 2.2.3.1
func (n *Node) newMessageID() string { return uuid.NewString() + "@" + n.Host }

// ownKey is the key of the own MP-ID in a context.
type ownKey struct{}

// OwnMPID returns the MP-ID for which a request of the node is sent: whose TLS certificate is to be shown.
func OwnMPID(ctx context.Context) string {
	mpID, _ := ctx.Value(ownKey{}).(string)
	return mpID
}

// serviceName is the short name of a service: MP, FP ..., test, pathSwitch.
func serviceName(service string) string {
	name := service[strings.LastIndexByte(service, '/')+1:]
	switch {
	case service == ebms.ServiceTest || name == "test":
		return "test"
	case slices.Contains([]string{"MP", "FP", "RD", "KW", "SO", "pathSwitch"}, name):
		return name
	}
	return "unknown"
}

// partyType is the type of a PartyId.
func partyType(list partner.CodeList) string {
	switch list {
	case partner.BDEW:
		return ebms.PartyTypeBDEW
	case partner.DVGW:
		return ebms.PartyTypeDVGW
	case partner.Bahn:
		return ebms.PartyTypeBAHN
	}
	return ebms.PartyTypeGLN
}

// ownPartyType is that of an own MP-ID, whose digits tell the code list.
func (n *Node) ownPartyType(mpID string) string { return partyType(partner.New(mpID).CodeList) }

// signer returns the key and path with which an own MP-ID signs.
func (n *Node) signer(ctx context.Context, mpID string, at time.Time) (wss.Identity, error) {
	id, err := n.Directory.Keys().Signing(ctx, mpID, at)
	if err != nil {
		return wss.Identity{}, fmt.Errorf("as4: own keys of %s: %w", mpID, err)
	}
	return wss.Identity{Path: id.Path, Key: id.Key}, nil
}

// learn keeps the certificates that a partner showed, for the choice of those to encrypt to and as evidence.
func (n *Node) learn(ctx context.Context, path []*x509.Certificate, message string) {
	if err := n.Directory.Learn(ctx, path, "message "+message); err != nil {
		n.Log.Warn("the certificates of a message could not be kept", zap.String("message", message), zap.Error(err))
	}
}

// agreers returns the keys that may open a message to an own MP-ID: the ones that the message names, or else all.
func (n *Node) agreers(ctx context.Context, mpID string, at time.Time) (func(wss.RecipientHint) []wss.Agreer, error) {
	list, err := n.Directory.Keys().Decryption(ctx, mpID, at)
	if err != nil {
		return nil, fmt.Errorf("as4: own keys of %s: %w", mpID, err)
	}
	return func(hint wss.RecipientHint) []wss.Agreer {
		var named, all []wss.Agreer
		for _, k := range list {
			all = append(all, k.Key)
			if hint.Matches(k.Certificate) {
				named = append(named, k.Key)
			}
		}
		if named != nil {
			return named
		}
		return all
	}, nil
}
