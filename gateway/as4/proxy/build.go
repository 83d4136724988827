package proxy

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Version is a version as in 3.0.22.
type Version [3]int

// AtLeast reports whether v is major.minor or newer.
func (v Version) AtLeast(major, minor int) bool {
	return v[0] > major || v[0] == major && v[1] >= minor
}

// String returns the version as in 3.0.22.
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }

// Build is what an nginx says about itself.
type Build struct {
	Nginx   Version
	OpenSSL Version  // the one it runs with
	Without []string // temporary paths it does not know: fastcgi, scgi, uwsgi
}

var (
	nginxLine   = regexp.MustCompile(`(?m)^nginx version: \S+?/(\d+)\.(\d+)\.(\d+)`)
	builtLine   = regexp.MustCompile(`(?m)^built with (\S+) (\d+)\.(\d+)\.(\d+)`)
	runningLine = regexp.MustCompile(`\(running with (\S+) (\d+)\.(\d+)\.(\d+)`)
	withoutFlag = regexp.MustCompile(`--without-http_(fastcgi|scgi|uwsgi)_module`)
)

// ReadBuild asks an nginx program what it is (nginx -V). An nginx that cannot do what the profile wants is an error: older
// than 1.19.4 (ssl_conf_command, ssl_reject_handshake), or with another library than OpenSSL 3.
func ReadBuild(ctx context.Context, nginx string) (Build, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, nginx, "-V").CombinedOutput() //nolint:gosec // the operator names the program
	if err != nil {
		return Build{}, fmt.Errorf("nginx: %s -V: %w", nginx, err)
	}
	return parseBuild(string(out))
}

func parseBuild(out string) (Build, error) {
	var b Build
	m := nginxLine.FindStringSubmatch(out)
	if m == nil {
		return b, errors.New("nginx: -V does not tell a version of nginx")
	}
	b.Nginx = version(m[1:])
	if !b.Nginx.AtLeast(1, 20) {
		return b, fmt.Errorf("nginx %s is too old: 1.20 or newer is needed", b.Nginx)
	}
	tls := runningLine.FindStringSubmatch(out)
	if tls == nil {
		tls = builtLine.FindStringSubmatch(out)
	}
	if tls == nil || tls[1] != "OpenSSL" {
		return b, errors.New("nginx: it is not built with OpenSSL, which is the library that knows brainpool curves")
	}
	if b.OpenSSL = version(tls[2:]); !b.OpenSSL.AtLeast(3, 0) {
		return b, fmt.Errorf("nginx: OpenSSL %s is too old: 3.0 or newer is needed", b.OpenSSL)
	}
	for _, m := range withoutFlag.FindAllStringSubmatch(out, -1) {
		b.Without = append(b.Without, m[1])
	}
	return b, nil
}

func version(parts []string) (v Version) {
	for i := range v {
		v[i], _ = strconv.Atoi(strings.TrimSpace(parts[i])) // digits, by the patterns
	}
	return v
}
