// Package config reads the configuration of a gateway: one YAML file with a default for every field. A key that is
// not known is an error, so that a typing mistake cannot switch anything off.
//
//	data_dir: /var/lib/marktbote
//	listen: 127.0.0.1:8470
//	own:
//	  - {mp_id: "9999100000013", rolle: LF, name: Stadtwerke Musterstadt}
//	partners:
//	  - {mp_id: "9999200000026", rolle: NB, name: Netz Musterstadt}
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/marktbote/marktbote/formats/ident"
)

// maxFile bounds the size of a configuration file in bytes.
const maxFile = 1 << 20

// Config is the configuration of one gateway.
type Config struct {
	// DataDir holds the embedded store. Default: marktbote-data in the working directory.
	DataDir string `yaml:"data_dir"`
	// Store says where everything is kept: a path or sqlite:PATH for the embedded store, or the URL of a PostgreSQL
	// database (postgres://user@host/database) for several gateways together. A password is best left to a file, named
	// by ?passfile=FILE or PGPASSFILE. Default: marktbote.db in DataDir.
	Store string `yaml:"store"`
	// Listen is the address of the message log and of the entry for interchanges. Default: 127.0.0.1:8470.
	Listen string `yaml:"listen"`
	// ListenAnywhere allows Listen to be an address that other machines reach. There is no login yet, so whoever
	// reaches the address may read and send.
	ListenAnywhere bool `yaml:"listen_anywhere"`
	// AcceptTests makes the gateway process interchanges with the test indicator (UNB 0035).
	AcceptTests bool `yaml:"accept_tests"`
	// MaxInterchangeBytes bounds a received interchange. Default: 2 GiB.
	MaxInterchangeBytes int64 `yaml:"max_interchange_bytes"`
	// MaxMessageBytes bounds one message, UNH to UNT. Default: 64 MiB.
	MaxMessageBytes int64 `yaml:"max_message_bytes"`
	// Own lists the own Marktpartner. If empty, every recipient is taken for an own one.
	Own []Party `yaml:"own"`
	// Partners lists the known Marktpartner. If empty, every sender is taken for a known one.
	Partners []Party `yaml:"partners"`
}

// Party is a Marktpartner: one MP-ID with the role it stands for.
type Party struct {
	MPID  ident.MarktpartnerID `yaml:"mp_id"` // 13 digits
	Rolle string               `yaml:"rolle"` // LF, NB, MSB ...
	Name  string               `yaml:"name"`  // for people
}

// rollen are the short forms of the roles in the market.
var rollen = []string{"LF", "NB", "MSB", "UENB", "BKV", "BIKO", "MGV", "ESA", "BTR", "EIV", "HKNR", "KN", "TK"}

// Default returns the configuration that is used without a file.
func Default() Config {
	return Config{
		DataDir: "marktbote-data", Listen: "127.0.0.1:8470",
		MaxInterchangeBytes: 2 << 30, MaxMessageBytes: 64 << 20,
	}
}

// Load reads a configuration file. Errors name the file and, where the file is to blame, the line.
func Load(path string) (Config, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return Config{}, fmt.Errorf("config: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return Config{}, fmt.Errorf("config: %s: %w", path, err)
	}
	if len(data) > maxFile {
		return Config{}, fmt.Errorf("config: %s: larger than %d bytes", path, maxFile)
	}
	c, err := Parse(data)
	if err != nil {
		return Config{}, fmt.Errorf("config: %s: %w", path, err)
	}
	if !filepath.IsAbs(c.DataDir) {
		c.DataDir = filepath.Join(filepath.Dir(path), c.DataDir)
	}
	if file, isFile := c.StoreFile(); isFile && c.Store != "" && !filepath.IsAbs(file) {
		c.Store = filepath.Join(filepath.Dir(path), file)
	}
	return c, nil
}

// Parse reads a configuration and fills in the defaults.
func Parse(data []byte) (Config, error) {
	c := Default()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, err
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Config{}, errors.New("more than one document in the file, separated by ---")
	}
	return c, c.Validate()
}

// Validate reports everything that is wrong with the values.
func (c *Config) Validate() error {
	var errs []error
	if c.DataDir == "" {
		errs = append(errs, errors.New("data_dir is empty"))
	}
	if err := c.validateStore(); err != nil {
		errs = append(errs, err)
	}
	if c.MaxInterchangeBytes < 1 || c.MaxMessageBytes < 1 {
		errs = append(errs, errors.New("max_interchange_bytes and max_message_bytes must be at least 1"))
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		errs = append(errs, fmt.Errorf("listen: %w", err))
	} else if ip := net.ParseIP(host); host != "localhost" && !c.ListenAnywhere && (ip == nil || !ip.IsLoopback()) {
		errs = append(errs, fmt.Errorf("listen: %s can be reached from other machines; set listen_anywhere: true if something in front of it decides who may", c.Listen))
	}
	seen := map[ident.MarktpartnerID]bool{}
	for _, list := range [][]Party{c.Own, c.Partners} {
		for _, p := range list {
			if _, err := ident.ParseMarktpartnerID(string(p.MPID)); err != nil {
				errs = append(errs, err)
			}
			if p.Rolle != "" && !slices.Contains(rollen, p.Rolle) {
				errs = append(errs, fmt.Errorf("rolle %q of %s is none of %s", p.Rolle, p.MPID, strings.Join(rollen, ", ")))
			}
			if seen[p.MPID] {
				errs = append(errs, fmt.Errorf("mp_id %s occurs twice", p.MPID))
			}
			seen[p.MPID] = true
		}
	}
	return errors.Join(errs...)
}

// StoreFile returns the path of the embedded store, false if Store names a database on a server.
func (c *Config) StoreFile() (path string, isFile bool) {
	switch {
	case c.Store == "":
		return filepath.Join(c.DataDir, "marktbote.db"), true
	case IsPostgres(c.Store):
		return "", false
	default:
		return strings.TrimPrefix(c.Store, "sqlite:"), true
	}
}

// IsPostgres reports whether the place of a store is a PostgreSQL URL.
func IsPostgres(store string) bool {
	return strings.HasPrefix(store, "postgres://") || strings.HasPrefix(store, "postgresql://")
}

// validateStore must not quote the value: there may be a password in it.
func (c *Config) validateStore() error {
	if path, isFile := c.StoreFile(); isFile && (path == "" || strings.Contains(path, "://")) {
		return errors.New("store: neither a path, sqlite:PATH nor postgres://USER@HOST/DATABASE")
	}
	return nil
}

// IsOwn reports whether the MP-ID is one of the own ones; true for all if none is configured.
func (c *Config) IsOwn(mpID string) bool { return len(c.Own) == 0 || find(c.Own, mpID) != nil }

// IsPartner reports whether the MP-ID is known; true for all if no partner is configured.
func (c *Config) IsPartner(mpID string) bool {
	return len(c.Partners) == 0 || find(c.Partners, mpID) != nil || find(c.Own, mpID) != nil
}

// Rolle returns the role of an own or known MP-ID, "" if it is not known.
func (c *Config) Rolle(mpID string) string {
	for _, list := range [][]Party{c.Own, c.Partners} {
		if p := find(list, mpID); p != nil {
			return p.Rolle
		}
	}
	return ""
}

func find(list []Party, mpID string) *Party {
	for i := range list {
		if string(list[i].MPID) == mpID {
			return &list[i]
		}
	}
	return nil
}

// ShutdownTimeout is how long a stopping gateway waits for requests and work in progress.
const ShutdownTimeout = 10 * time.Second
