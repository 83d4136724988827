package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// AS4 is the configuration of the AS4 channel. There is one as soon as Trust names a root.
type AS4 struct {
	// Trust says which certificates are trusted and where they and the revocation lists come from.
	Trust Trust `yaml:"trust"`
	// TLS says how connections from and to partners are secured.
	TLS TLS `yaml:"tls"`
	// Services are the services beside MP whose files are taken: FP, RD, KW, SO. Default: none.
	Services []string `yaml:"services"`
	// Host is the right part of the identities of own messages, a host name of the operator. Default: the first name in
	// tls.server_names, or else in an own TLS certificate.
	Host string `yaml:"host"`
	// MaxBodyBytes bounds one request as it comes over the network. Default: 100 MiB.
	MaxBodyBytes int64 `yaml:"max_body_bytes"`
	// MaxPayloadBytes bounds one file of it after decompression. Default: 500 MiB.
	MaxPayloadBytes int64 `yaml:"max_payload_bytes"`
	// Connections bounds how many files go to one partner at a time, if the partner's entry says nothing else. Default: 2.
	Connections int `yaml:"connections"`
}

// Enabled reports whether there is an AS4 channel.
func (a *AS4) Enabled() bool { return len(a.Trust.Roots) > 0 }

// as4Services are the services of the profile that are not for EDIFACT.
var as4Services = []string{"FP", "RD", "KW", "SO"}

// Trust is the configuration of the certificates of the SM-PKI.
type Trust struct {
	// Environment is the organisation (subject O) that every certificate must name: SM-PKI-DE for production,
	// SM-Test-PKI-DE for tests. One gateway never trusts both. Default: SM-PKI-DE.
	Environment string `yaml:"environment"`
	// Roots are files with certificates of root CAs, PEM or DER; nothing else makes a certificate trusted. They are
	// fetched from the BSI by hand and their fingerprints compared with those it publishes. Relative to the folder of the
	// configuration.
	Roots []string `yaml:"roots"`
	// CAs are files with certificates of Sub-CAs, and of the signers of root revocation lists, that partners may leave out
	// of their messages. Relative to the folder of the configuration.
	CAs []string `yaml:"cas"`
	// CRLs are places of revocation lists beside those that the certificates name themselves.
	CRLs []CRLSource `yaml:"crls"`
	// Directories are LDAP directories in which certificates are looked up by MP-ID.
	Directories []LDAPDirectory `yaml:"directories"`
}

// CRLSource is one place of a revocation list. It has either a file or a URL.
type CRLSource struct {
	File string `yaml:"file"` // PEM or DER; read again with each refresh; relative to the folder of the configuration
	URL  string `yaml:"url"`  // http, https, ldap or ldaps
}

// LDAPDirectory is a directory of a Sub-CA.
type LDAPDirectory struct {
	URL    string `yaml:"url"`    // ldap://HOST[:PORT] or ldaps://HOST[:PORT]
	Base   string `yaml:"base"`   // DN below which is searched
	Filter string `yaml:"filter"` // RFC 4515; {mp_id} stands for the MP-ID. Default: (ou={mp_id})
}

// environments are the two worlds of the SM-PKI.
var environments = []string{"SM-PKI-DE", "SM-Test-PKI-DE"}

// loadAS4 makes paths absolute.
func (c *Config) loadAS4(folder string) {
	abs := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(folder, *p)
		}
	}
	t := &c.AS4.Trust
	for i := range t.Roots {
		abs(&t.Roots[i])
	}
	for i := range t.CAs {
		abs(&t.CAs[i])
	}
	for i := range t.CRLs {
		abs(&t.CRLs[i].File)
	}
	c.AS4.TLS.absolute(folder)
}

func (c *Config) validateAS4() error {
	var errs []error
	t := &c.AS4.Trust
	if !slices.Contains(environments, t.Environment) {
		errs = append(errs, fmt.Errorf("as4: trust: environment: %q is neither SM-PKI-DE nor SM-Test-PKI-DE", t.Environment))
	}
	for _, s := range c.AS4.Services {
		if !slices.Contains(as4Services, s) {
			errs = append(errs, fmt.Errorf("as4: services: %q is none of %s", s, strings.Join(as4Services, ", ")))
		}
	}
	if c.AS4.MaxBodyBytes < 0 || c.AS4.MaxPayloadBytes < 0 || c.AS4.Connections < 0 {
		errs = append(errs, errors.New("as4: max_body_bytes, max_payload_bytes and connections must not be negative"))
	}
	if c.AS4.Host != "" && !hostName.MatchString(c.AS4.Host) {
		errs = append(errs, fmt.Errorf("as4: host: %q is no host name in small letters", c.AS4.Host))
	}
	for i, s := range t.CRLs {
		key := fmt.Sprintf("as4: trust: crls: entry %d", i+1)
		if (s.File == "") == (s.URL == "") {
			errs = append(errs, fmt.Errorf("%s: must have either file or url", key))
		} else if s.URL != "" {
			errs = append(errs, placeURL(key, s.URL, "http", "https", "ldap", "ldaps"))
		}
	}
	for i, d := range t.Directories {
		key := fmt.Sprintf("as4: trust: directories: entry %d", i+1)
		errs = append(errs, placeURL(key, d.URL, "ldap", "ldaps"))
		if d.Base == "" {
			errs = append(errs, fmt.Errorf("%s: base is empty", key))
		}
	}
	errs = append(errs, c.AS4.TLS.validate())
	return errors.Join(errs...)
}

// placeURL must not quote the URL: it may hold a secret.
func placeURL(key, text string, schemes ...string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme):
		return fmt.Errorf("%s: url: not a URL with one of the schemes %v", key, schemes)
	case u.User != nil:
		return fmt.Errorf("%s: url: must not contain a user or a password", key)
	}
	return nil
}
