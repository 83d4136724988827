package proxy

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"
)

//go:embed nginx.conf.tmpl
var nginxConf string

// site is an identity with the names of its files.
type site struct {
	MPID             string
	ServerNames      []string
	Certificate, Key string // paths
}

// text returns the configuration of nginx; check has found nothing wrong.
func (c *Config) text(sites []site, trusted string, ipv6 bool) (string, error) {
	limit := c.MaxBodyBytes
	if limit <= 0 {
		limit = DefaultMaxBody
	}
	var temp []string
	for _, module := range []string{"fastcgi", "scgi", "uwsgi"} {
		if !slices.Contains(c.Build.Without, module) {
			temp = append(temp, module)
		}
	}
	t, err := template.New("nginx.conf").Parse(nginxConf)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, map[string]any{
		"Dir": c.Dir, "User": strings.TrimSpace(c.User + " " + c.Group), "TempPaths": temp, "Suite": suiteOf(c.Build.OpenSSL),
		"Listen": listenAddresses(c.Listen, ipv6), "Sites": sites, "Trusted": trusted, "MaxBodyBytes": strconv.FormatInt(limit, 10),
		// With one MP-ID there is nothing to choose, so a partner that names no host is not turned away.
		"RejectUnknown": len(sites) != 1,
		"IngressSocket": c.IngressSocket, "EgressSocket": c.EgressSocket,
		"ConnectTimeout": seconds(connectTimeout), "ResponseTimeout": seconds(responseTimeout), "IdleTimeout": seconds(idleTimeout),
		"HandshakeTimeout": seconds(handshakeTimeout), "SessionTimeout": seconds(sessionTimeout),
		// The gateway's own limit for an answer ends first, so that the partner gets its words and not those of nginx.
		"AnswerTimeout": seconds(responseTimeout + idleTimeout),
	})
	return b.String(), err
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) + "s" }
