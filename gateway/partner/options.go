package partner

import (
	"crypto/x509"
	"fmt"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/config"
)

// OptionsOf reads what a configuration says about trust, with the files it names. Store and the rest are left to the caller.
func OptionsOf(cfg *config.Config) (Options, error) {
	t := &cfg.AS4.Trust
	opts := Options{Environment: t.Environment, CRLs: t.CRLs, Directories: t.Directories, AllowHTTP: cfg.AS4.TLS.PlainAnywhere}
	for _, p := range cfg.Own {
		opts.Own = append(opts.Own, string(p.MPID))
	}
	var err error
	if opts.Roots, err = readCertificates("as4: trust: roots", t.Roots); err != nil {
		return opts, err
	}
	opts.CAs, err = readCertificates("as4: trust: cas", t.CAs)
	return opts, err
}

// readCertificates reads the files that a key of the configuration names.
func readCertificates(key string, files []string) (list []*x509.Certificate, err error) {
	for _, file := range files {
		data, err := readFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		certificates, err := smpki.ParseCertificates(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", key, file, err)
		}
		list = append(list, certificates...)
	}
	return list, nil
}
