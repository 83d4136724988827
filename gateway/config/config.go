// Package config reads the configuration of a gateway: one YAML file with a default for every field. A key that is
// not known is an error, so that a typing mistake cannot switch anything off.
//
//	data_dir: /var/lib/marktbote
//	listen: 127.0.0.1:8470
//	own:
//	  - {mp_id: "9999100000013", rolle: LF, name: Stadtwerke Musterstadt}
//	partners:
//	  - {mp_id: "9999200000026", rolle: NB, name: Netz Musterstadt}
//	pickup:
//	  - {dir: /srv/ausgang, number: true}
//	destinations:
//	  - {name: crm, url: "https://crm.example/marktbote", token_file: /etc/marktbote/crm.token}
//	  - {name: archive, directory: /srv/archiv}
//	routes:
//	  - {rolle: [LF], pid: ["55002", "5501*"], to: [crm, archive]}
//	  - {to: [archive]}
//	subscriptions:
//	  - {name: billing, webhook: {url: "https://billing.example/events", secret_file: /etc/marktbote/billing.secret}}
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

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/gateway/route"
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
	// MasterKeyFile has the key that everything kept is encrypted with: 64 hexadecimal digits, made when the store is
	// empty. It belongs neither on the disk of the store nor into its backup. Default: beside the embedded store with
	// .key added; master.key in DataDir for PostgreSQL, where all gateways need the same file.
	MasterKeyFile string `yaml:"master_key_file"`
	// RetentionYears says how many full calendar years the bytes of a data class are kept: unsorted, billing, process,
	// meter, evidence. Default: 3 for meter, 10 for all others.
	RetentionYears map[string]int `yaml:"retention_years"`
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
	// AssignmentFile adds to the table of what the assignment check of APERAK may reject: lines from the
	// Anwendungsübersicht der Prüfidentifikatoren, see docs/operations.md. Default: none.
	AssignmentFile string `yaml:"assignment_file"`
	// Own lists the own Marktpartner. If empty, every recipient is taken for an own one.
	Own []Party `yaml:"own"`
	// Partners lists the known Marktpartner. If empty, every sender is taken for a known one.
	Partners []Party `yaml:"partners"`
	// Pickup lists directories in which interchanges are left that are to be sent.
	Pickup []Pickup `yaml:"pickup"`
	// Destinations lists the systems that received interchanges are delivered to.
	Destinations []Destination `yaml:"destinations"`
	// Routes says which of them a received transaction goes to: the first rule that fits decides. Without rules nothing is
	// delivered; with rules, what none of them fits is set aside for a person. Package route tells the form.
	Routes []route.Rule `yaml:"routes"`
	// ObjectRoutesFile names a file with objects (MaLo, MeLo ...) that go elsewhere than the rules say, such as those that have
	// moved to another system already: on each line an identifier and its destinations. It is read at the start.
	ObjectRoutesFile string `yaml:"object_routes"`
	// ObjectRoutes is the content of that file.
	ObjectRoutes map[string][]string `yaml:"-"`
	// Subscriptions lists the systems that get the events.
	Subscriptions []Subscription `yaml:"subscriptions"`
	// PublicURL is how systems of the company reach Listen, such as https://marktbote.example/; events that are too large for
	// a subscription link to it. Default: none, the links have no host.
	PublicURL string `yaml:"public_url"`
	// AS4 is the AS4 channel of the BDEW profile.
	AS4 AS4 `yaml:"as4"`
}

// Party is a Marktpartner: one MP-ID with the role it stands for.
type Party struct {
	MPID  ident.MarktpartnerID `yaml:"mp_id"` // 13 digits
	Rolle string               `yaml:"rolle"` // LF, NB, MSB ...
	Name  string               `yaml:"name"`  // for people
	// CompleteSince is the day (2026-10-01, German time) since which everything that an own MP-ID sends goes through this
	// gateway. A year later an answer to what was never sent can be told from one to what is too old to be known.
	// Default: none, so nothing is rejected for that reason.
	CompleteSince string `yaml:"complete_since"`
}

// rollen are the short forms of the roles in the market.
var rollen = []string{"LF", "NB", "MSB", "UENB", "BKV", "BIKO", "MGV", "ESA", "BTR", "EIV", "HKNR", "KN", "TK"}

// IsRolle reports whether s is the short form of a role in the market.
func IsRolle(s string) bool { return slices.Contains(rollen, s) }

// Default returns the configuration that is used without a file.
func Default() Config {
	return Config{
		DataDir: "marktbote-data", Listen: "127.0.0.1:8470",
		MaxInterchangeBytes: 2 << 30, MaxMessageBytes: 64 << 20,
		AS4: AS4{Trust: Trust{Environment: "SM-PKI-DE"}},
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
	if c.MasterKeyFile != "" && !filepath.IsAbs(c.MasterKeyFile) {
		c.MasterKeyFile = filepath.Join(filepath.Dir(path), c.MasterKeyFile)
	}
	if c.AssignmentFile != "" && !filepath.IsAbs(c.AssignmentFile) {
		c.AssignmentFile = filepath.Join(filepath.Dir(path), c.AssignmentFile)
	}
	if file, isFile := c.StoreFile(); isFile && c.Store != "" && !filepath.IsAbs(file) {
		c.Store = filepath.Join(filepath.Dir(path), file)
	}
	c.loadAS4(filepath.Dir(path))
	c.loadSubscriptions(filepath.Dir(path))
	if err := c.loadSystems(filepath.Dir(path)); err != nil {
		return Config{}, fmt.Errorf("config: %s: %w", path, err)
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
	for i := range c.Subscriptions {
		c.Subscriptions[i].setDefaults()
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
	if err := c.validateRetention(); err != nil {
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
	for i, list := range [][]Party{c.Own, c.Partners} {
		for _, p := range list {
			if _, err := p.completeSince(); p.CompleteSince != "" && (err != nil || i > 0) {
				errs = append(errs, fmt.Errorf("complete_since %q of %s: a day such as 2026-10-01, of an own MP-ID", p.CompleteSince, p.MPID))
			}
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
	errs = append(errs, c.validateSystems(), c.validateSubscriptions(), c.validateAS4())
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

// KeyFile returns the file of the master key.
func (c *Config) KeyFile() string {
	if c.MasterKeyFile != "" {
		return c.MasterKeyFile
	}
	if path, isFile := c.StoreFile(); isFile {
		return path + ".key"
	}
	return filepath.Join(c.DataDir, "master.key")
}

// keepYears are the full calendar years for which each data class is kept; a class that is not here counts as
// unsorted. Who needs less, because the law of the day asks for less, says so in RetentionYears.
var keepYears = map[string]int{
	// Anything may be in it, so it is kept as long as the longest.
	"unsorted": 10,
	// Invoices and remittances are Buchungsbelege: § 147 (1) no. 4, (3) AO and § 257 (1) no. 4, (4) HGB ask for eight
	// years since 2025, ten before.
	"billing": 10,
	// A control reference must not come again within ten years (EDI@Energy, general rules on DE 0020), so a dispute
	// about one can be answered for as long. § 257 (1) no. 2, 3 HGB: six years for letters of business.
	"process": 10,
	// Meter values are personal data: § 60 MsbG wants them deleted when they are not needed any more. Values that an
	// invoice rests on are in the invoice's evidence; three years is the ordinary limitation, § 195, § 199 (1) BGB.
	"meter": 3,
	// Transport receipts and signatures prove the receipt of all of the above.
	"evidence": 10,
}

// KeepYears returns how many full calendar years a data class is kept.
func (c *Config) KeepYears(class string) int {
	if n, ok := c.RetentionYears[class]; ok {
		return n
	}
	if n, ok := keepYears[class]; ok {
		return n
	}
	if n, ok := c.RetentionYears["unsorted"]; ok {
		return n
	}
	return keepYears["unsorted"]
}

// validateRetention refuses classes nobody uses, which would be typing mistakes, and numbers that destroy at once.
func (c *Config) validateRetention() (err error) {
	for class, years := range c.RetentionYears {
		if _, known := keepYears[class]; !known {
			err = errors.Join(err, fmt.Errorf("retention_years: there is no data class %q", class))
		}
		if years < 1 || years > 100 {
			err = errors.Join(err, fmt.Errorf("retention_years: %s must be 1 to 100", class))
		}
	}
	return err
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

// CompleteSince returns the instant from which everything that an own MP-ID sends has gone through the gateway; false if
// that is not known.
func (c *Config) CompleteSince(mpID string) (time.Time, bool) {
	p := find(c.Own, mpID)
	if p == nil || p.CompleteSince == "" {
		return time.Time{}, false
	}
	since, err := p.completeSince()
	return since, err == nil
}

func (p *Party) completeSince() (time.Time, error) {
	return time.ParseInLocation(time.DateOnly, p.CompleteSince, formats.Berlin)
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
