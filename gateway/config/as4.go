package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
)

// AS4 is the configuration of the AS4 channel.
type AS4 struct {
	// Trust says which certificates are trusted and where they and the revocation lists come from.
	Trust Trust `yaml:"trust"`
}

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
}

func (c *Config) validateAS4() error {
	var errs []error
	t := &c.AS4.Trust
	if !slices.Contains(environments, t.Environment) {
		errs = append(errs, fmt.Errorf("as4: trust: environment: %q is neither SM-PKI-DE nor SM-Test-PKI-DE", t.Environment))
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
