// Package doctor examines an AS4 gateway on its own machine: what its store knows, what nginx was told, and what both do when
// the gateway calls itself as a partner would. Each finding names its fault and what helps.
//
//	d := &doctor.Doctor{Config: cfg, Directory: directory}
//	for _, r := range d.Run(ctx) {
//		fmt.Println(r.State, r.Check, r.About, r.Detail, r.Remedy)
//	}
//
// It changes nothing, and without Partners it talks to nobody else. What it cannot see from here, such as a firewall, it does
// not claim.
package doctor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/proxy"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/partner"
)

// State says how a check ended.
type State string

// The states.
const (
	OK      State = "ok"
	Warning State = "warning" // works, and should be looked at
	Fault   State = "fault"   // does not work, or is not what the profile demands
)

// Result is one thing that was looked at.
type Result struct {
	Check  string `json:"check"`           // stable name of the check
	State  State  `json:"state"`           //
	About  string `json:"about,omitempty"` // MP-ID, CA, file or address
	Detail string `json:"detail"`          // what was seen
	Remedy string `json:"remedy,omitempty"`
}

// Names of checks.
const (
	CheckConfiguration = "configuration"
	CheckStore         = "store"
	CheckDisk          = "disk"
	CheckPermissions   = "permissions"
	CheckRoots         = "roots"
	CheckOwn           = "own-certificates"
	CheckCRL           = "revocation-lists"
	CheckClock         = "clock"
	CheckNginx         = "nginx"
	CheckFiles         = "nginx-files"
	CheckProcess       = "nginx-process"
	CheckPort          = "port"
	CheckHandshake     = "handshake"
	CheckGroups        = "groups"
	CheckSuites        = "suites"
	CheckClients       = "client-certificates"
	CheckEgress        = "egress"
	CheckGateway       = "gateway"
	CheckSelf          = "send-to-self"
	CheckNames         = "host-names"
	CheckPlain         = "plain-http"
	CheckPartners      = "partners"
)

// Doctor says what is examined. Config and Directory must be set.
type Doctor struct {
	Config     config.Config
	ConfigFile string // path, for what helps; empty: none was used
	Directory  *partner.Directory
	Partners   bool // also look at the endpoints of partners: handshakes, nothing is sent
	// SendTest sends a message of the test service from an own MP-ID to itself, through egress, and waits for the receipt. The
	// addresses of the own endpoint are those of lookup. nil: it is not tried.
	SendTest func(ctx context.Context, mpID, endpoint string, lookup func(ctx context.Context, host string) ([]netip.Addr, error)) error

	Now    func() time.Time                                             // default time.Now
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error) // default: the resolver of the system

	settings config.TLS
	own      []string
	build    proxy.Build
	ingress  proxy.Config // as it should be
	results  []Result
}

// Run examines everything in the order in which faults explain each other, so the first one is to be repaired first. It takes
// some seconds. It must not be called twice at the same time.
func (d *Doctor) Run(ctx context.Context) []Result {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Lookup == nil {
		d.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	d.results = nil
	d.settings = d.Config.AS4.TLS.WithDefaults(d.Config.DataDir)
	d.disk()
	d.permissions()
	d.roots()
	d.ownCertificates(ctx)
	d.revocationLists()
	if d.plain() {
		d.clock(nil)
		return d.results
	}
	if d.settings.Library {
		d.library(ctx)
	} else if d.nginx(ctx) {
		d.files(ctx)
		if d.process() && d.ports(ctx) {
			d.handshakes(ctx)
		}
	}
	d.hostNames(ctx)
	d.clock(d.partners(ctx))
	return d.results
}

// Worst returns the worst state of the results.
func Worst(results []Result) State {
	worst := OK
	for _, r := range results {
		if r.State == Fault || r.State == Warning && worst == OK {
			worst = r.State
		}
	}
	return worst
}

func (d *Doctor) ok(check, about, format string, args ...any) {
	d.results = append(d.results, Result{Check: check, State: OK, About: about, Detail: fmt.Sprintf(format, args...)})
}

func (d *Doctor) warn(check, about, detail, remedy string) {
	d.results = append(d.results, Result{check, Warning, about, detail, remedy})
}

func (d *Doctor) fault(check, about, detail, remedy string) {
	d.results = append(d.results, Result{check, Fault, about, detail, remedy})
}

// command returns a command line with the configuration in use.
func (d *Doctor) command(words string) string {
	if d.ConfigFile == "" {
		return "marktbote " + words
	}
	return "marktbote " + words + " --config " + d.ConfigFile
}

// date writes a day and a time for people, in German time.
func date(t time.Time) string { return t.In(berlin).Format("2006-01-02 15:04") }
