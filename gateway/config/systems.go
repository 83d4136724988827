package config

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/marktbote/marktbote/gateway/route"
)

// Pickup is a directory in which a system of the company leaves interchanges that are to be sent.
type Pickup struct {
	Dir    string `yaml:"dir"`    // must exist; relative to the folder of the configuration
	Number bool   `yaml:"number"` // give UNB and UNZ 0020 the sender's next number
}

// Destination is a system of the company that received interchanges are delivered to. It has either a directory or a URL.
type Destination struct {
	Name      string `yaml:"name"`       // lower-case letters, digits, - and _
	Directory string `yaml:"directory"`  // must exist; relative to the folder of the configuration
	URL       string `yaml:"url"`        // https, or http on this machine; interchanges are POSTed to it
	TokenFile string `yaml:"token_file"` // its content is sent as bearer token; read for each delivery
}

var destinationName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)

// Table returns the rules by which received interchanges are routed.
func (c *Config) Table() route.Table {
	return route.Table{Objects: c.ObjectRoutes, Rules: c.Routes}
}

// loadSystems makes paths absolute and reads the list of objects.
func (c *Config) loadSystems(folder string) error {
	abs := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(folder, *p)
		}
	}
	for i := range c.Pickup {
		abs(&c.Pickup[i].Dir)
	}
	for i := range c.Destinations {
		abs(&c.Destinations[i].Directory)
		abs(&c.Destinations[i].TokenFile)
	}
	abs(&c.ObjectRoutesFile)
	if c.ObjectRoutesFile == "" {
		return nil
	}
	file, err := os.Open(c.ObjectRoutesFile)
	if err != nil {
		return fmt.Errorf("object_routes: %w", err)
	}
	defer file.Close()
	if c.ObjectRoutes, err = route.ReadObjects(file); err != nil {
		return fmt.Errorf("object_routes: %s: %w", c.ObjectRoutesFile, err)
	}
	return c.validateRoutes()
}

func (c *Config) validateSystems() error {
	var errs []error
	dirs := map[string]string{} // key by directory
	claim := func(dir, key string) {
		dir = filepath.Clean(dir)
		if other, ok := dirs[dir]; ok {
			errs = append(errs, fmt.Errorf("%s: %s is the directory of %s already", key, dir, other))
		}
		dirs[dir] = key
	}
	for i, p := range c.Pickup {
		key := fmt.Sprintf("pickup: entry %d: dir", i+1)
		if p.Dir == "" {
			errs = append(errs, fmt.Errorf("%s is empty", key))
			continue
		}
		claim(p.Dir, key)
	}
	names := map[string]bool{}
	for i, d := range c.Destinations {
		key := fmt.Sprintf("destinations: entry %d", i+1)
		if !destinationName.MatchString(d.Name) {
			errs = append(errs, fmt.Errorf("%s: name: %q is not made of lower-case letters, digits, - and _", key, d.Name))
		} else if names[d.Name] {
			errs = append(errs, fmt.Errorf("%s: name: %q occurs twice", key, d.Name))
		}
		names[d.Name] = true
		if d.Directory != "" {
			claim(d.Directory, key+": directory")
		}
		errs = append(errs, d.validate(key))
	}
	errs = append(errs, c.validateRoutes())
	return errors.Join(errs...)
}

// validate must not quote the URL: a query may hold a secret.
func (d *Destination) validate(key string) error {
	if (d.Directory == "") == (d.URL == "") {
		return fmt.Errorf("%s: must have either directory or url", key)
	}
	if d.URL == "" {
		if d.TokenFile != "" {
			return fmt.Errorf("%s: token_file: a directory needs no token", key)
		}
		return nil
	}
	if err := validateURL(d.URL); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// validateURL checks where something is POSTed to.
func validateURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("url: not of the form https://HOST/PATH")
	case u.User != nil:
		return errors.New("url: must not contain a user or a password; use token_file")
	case u.Scheme == "http" && !isLocal(u.Hostname()):
		return errors.New("url: http only to this machine; interchanges hold personal data, use https")
	}
	return nil
}

// validateRoutes checks the rules and that the own roles and MP-IDs in them are there.
func (c *Config) validateRoutes() error {
	var names []string
	for _, d := range c.Destinations {
		names = append(names, d.Name)
	}
	table := c.Table()
	errs := []error{table.Validate(names)}
	for i, r := range c.Routes {
		own := func(p Party) bool {
			f := route.Rule{Receiver: r.Receiver, Rolle: r.Rolle}
			return f.Fits(route.Facts{Receiver: string(p.MPID), Rolle: p.Rolle})
		}
		if len(c.Own) > 0 && !slices.ContainsFunc(c.Own, own) {
			errs = append(errs, fmt.Errorf("routes: rule %d: never decides: no own mp_id fits its receiver and rolle", i+1))
		}
	}
	return errors.Join(errs...)
}
