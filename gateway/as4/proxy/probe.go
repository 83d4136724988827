package proxy

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

// Probe is one handshake with a server, made with the openssl program: it shows what is negotiated and what certificates
// the server has, and trusts nothing.
type Probe struct {
	OpenSSL string // program; default openssl
	Address string // host:port
	Name    string // server name that is asked for
	// Certificate and Key are files in PEM with the identity of the client, its chain in the first. Without them a server may end
	// the handshake, but has shown its own certificate by then.
	Certificate, Key string
	// Protocol is TLSv1.2, which every server must know and which is the default; TLSv1.3 with an OpenSSL from 3.2 on; TLSv1.1 to
	// see it refused.
	Protocol string
	// Ciphers, Groups and Signatures bound what is offered, in the words of OpenSSL. Default: all that the profile permits.
	Ciphers, Groups, Signatures string
	// Request is sent after the handshake if it is not empty; the answer is in Handshake.Response.
	Request string
}

// Handshake is what a Probe has seen.
type Handshake struct {
	Protocol             string              // TLSv1.2
	Cipher               string              // ECDHE-ECDSA-AES128-GCM-SHA256
	Group                string              // brainpoolP256r1
	SignatureHash        string              // SHA256
	EncryptThenMAC       bool                // RFC 7366; only with a CBC suite
	ExtendedMasterSecret bool                // RFC 7627; part of TLS 1.3
	Path                 []*x509.Certificate // of the server as sent, leaf first
	Response             []byte
}

// Groups, suites and signatures of TLS 1.2 that the profile permits, and everything that OpenSSL can offer, for probes that look
// for what is wrong with a server.
const (
	ProfileGroups  = groups
	ProfileCiphers = ciphers
	AnyGroups      = "X25519:" + groups
	AnyCiphers     = "ALL:@SECLEVEL=0"
	AnySignatures  = "ECDSA+SHA1:ECDSA+SHA224:" + signatures
)

// maxProbe bounds what openssl may print, in bytes.
const maxProbe = 1 << 20

var (
	probeCipher = regexp.MustCompile(`(?m)^New, ([^,\n]+), Cipher is (\S+)`)
	probeGroup  = regexp.MustCompile(`(?m)^(?:Server|Peer) Temp Key: (?:ECDH, )?([^,\n]+)`)
	probeGroup3 = regexp.MustCompile(`(?m)^Negotiated TLS1\.3 group: (\S+)`)
	probeHash   = regexp.MustCompile(`(?m)^Peer signing digest: (\S+)`)
	probeAlert  = regexp.MustCompile(`(?m)^[0-9A-F]+:error:[0-9A-F]+:([^:\n]*):[^:\n]*:([^:\n]+)`)
	probeEMS    = regexp.MustCompile(`(?m)^ *Extended master secret: yes`)
)

// NotShaken is the error of a handshake that failed. Alert has the words of OpenSSL, such as "wrong curve" or "sslv3 alert handshake
// failure".
type NotShaken struct{ Address, Alert string }

// Error tells address and alert.
func (n *NotShaken) Error() string { return "tls: " + n.Address + ": " + n.Alert }

// Run makes the handshake. If it fails the error is *NotShaken, and the Handshake has what was seen until then, often the path
// of the server.
func (p Probe) Run(ctx context.Context) (Handshake, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	args := []string{
		"s_client", "-connect", p.Address, "-servername", p.Name, "-showcerts", "-tlsextdebug", "-prexit", "-no_ticket",
	}
	switch p.Protocol {
	case "TLSv1.1": // signatures with SHA-1, which OpenSSL permits below its first level only
		args = append(args, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-groups", or(p.Groups, groups))
	case "TLSv1.3":
		args = append(args, "-tls1_3", "-ciphersuites", or(p.Ciphers, ciphers13), "-groups", or(p.Groups, groups13), "-sigalgs", or(p.Signatures, signatures13))
	default:
		args = append(args, "-tls1_2", "-cipher", or(p.Ciphers, ciphers), "-groups", or(p.Groups, groups), "-sigalgs", or(p.Signatures, signatures))
	}
	if p.Certificate != "" {
		args = append(args, "-cert", p.Certificate, "-key", p.Key, "-cert_chain", p.Certificate)
	}
	if p.Request != "" {
		args = append(args, "-ign_eof", "-nocommands")
	}
	cmd := exec.CommandContext(ctx, or(p.OpenSSL, "openssl"), args...) //nolint:gosec // the operator names the program; the rest are arguments
	cmd.Stdin = strings.NewReader(p.Request)
	cmd.WaitDelay = time.Second
	var out, complaint bounded
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return Handshake{}, fmt.Errorf("tls: openssl: %w", err)
	}
	if ctx.Err() != nil {
		return Handshake{}, &NotShaken{p.Address, "no answer in time"}
	}
	return parseProbe(p.Address, out.Bytes(), complaint.Bytes())
}

// parseProbe reads what openssl s_client prints. The output has the secret of the session: it goes nowhere else.
func parseProbe(address string, out, complaint []byte) (h Handshake, err error) {
	// What the server says after the handshake comes last, and must not be taken for words of openssl.
	if i := bytes.Index(out, []byte("\nHTTP/1.")); i >= 0 {
		h.Response = out[i+1:]
		out = out[:i+1]
	}
	for rest := out; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := smpki.ParseCertificate(block.Bytes)
		if err != nil {
			return h, fmt.Errorf("tls: %s: certificate of the server: %w", address, err)
		}
		if n := len(h.Path); n > 0 && bytes.Equal(h.Path[0].Raw, cert.Raw) {
			break // the leaf once more, under "Server certificate"
		}
		h.Path = append(h.Path, cert)
	}
	if m := probeCipher.FindSubmatch(out); m != nil && string(m[2]) != "(NONE)" {
		h.Protocol, h.Cipher = string(m[1]), string(m[2])
	}
	if m := probeAlert.FindSubmatch(complaint); m != nil && h.Response == nil {
		return h, &NotShaken{address, oneLine(string(m[2]))}
	}
	if h.Cipher == "" {
		return h, &NotShaken{address, "the handshake did not come to an end"}
	}
	for _, group := range []*regexp.Regexp{probeGroup3, probeGroup} {
		if m := group.FindSubmatch(out); m != nil && string(m[1]) != "<NULL>" {
			h.Group = strings.TrimSuffix(strings.TrimSpace(string(m[1])), "tls13")
			break
		}
	}
	if m := probeHash.FindSubmatch(out); m != nil {
		h.SignatureHash = string(m[1])
	}
	h.EncryptThenMAC = bytes.Contains(out, []byte(`TLS server extension "encrypt-then-mac"`))
	h.ExtendedMasterSecret = h.Protocol == "TLSv1.3" || probeEMS.Match(out)
	return h, nil
}

// bounded keeps the beginning of what is written to it.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if room := maxProbe - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
