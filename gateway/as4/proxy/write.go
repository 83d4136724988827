package proxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// ConfFile returns the path of the configuration in a directory.
func ConfFile(dir string) string { return filepath.Join(dir, "nginx.conf") }

// files returns the content of every file by its path below Dir. Names of keys and certificates tell their content, so that
// the configuration changes when they do, and an nginx that has not read it yet still finds what it knows.
func (c *Config) files() (map[string][]byte, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	files := map[string][]byte{}
	var sites []site
	for _, id := range c.Identities {
		var chain bytes.Buffer
		for _, cert := range slices.Backward(id.Path) { // nginx wants the leaf first
			writePEM(&chain, cert.Raw)
		}
		base := filepath.Join("keys", id.MPID+"-"+digest(chain.Bytes(), id.KeyPEM))
		files[base+".crt"], files[base+".key"] = chain.Bytes(), id.KeyPEM
		sites = append(sites, site{
			MPID: id.MPID, ServerNames: id.ServerNames,
			Certificate: filepath.Join(c.Dir, base+".crt"), Key: filepath.Join(c.Dir, base+".key"),
		})
	}
	var trusted bytes.Buffer
	for _, cert := range c.Roots {
		writePEM(&trusted, cert.Raw)
	}
	for _, cert := range c.CAs {
		if cert.IsCA { // not the signer of a revocation list
			writePEM(&trusted, cert.Raw)
		}
	}
	name := filepath.Join("keys", "trusted-"+digest(trusted.Bytes())+".pem")
	files[name] = trusted.Bytes()
	if c.User == "" {
		c.User, c.Group = owner(c.Dir)
	}
	text, err := c.text(sites, filepath.Join(c.Dir, name), haveIPv6())
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	files[filepath.Base(ConfFile(c.Dir))] = []byte(text)
	return files, nil
}

// InSync returns which files in Dir are not as Write would leave them: missing, different, or readable for others.
func (c Config) InSync() (wrong []string, err error) {
	files, err := c.files()
	if err != nil {
		return nil, err
	}
	for _, name := range names(files) {
		path := filepath.Join(c.Dir, name)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			wrong = append(wrong, path+" is missing")
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("proxy: %w", err)
		}
		have, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("proxy: %w", err)
		}
		if !bytes.Equal(have, files[name]) {
			wrong = append(wrong, path+" is not what the certificates and the configuration ask for")
		}
		if info.Mode().Perm()&0o077 != 0 {
			wrong = append(wrong, path+" is open to other users")
		}
	}
	return wrong, nil
}

// Write makes Dir (0700) and the files in it (0600) what the configuration asks for. nginx tests the new configuration
// first; if it refuses, everything stays as it is and the error has its words. changed tells whether a running nginx has
// something to read; [Reload] makes it. Only one may write at a time.
func (c Config) Write(ctx context.Context, nginx string) (changed bool, err error) {
	for _, dir := range []string{c.Dir, filepath.Join(c.Dir, "keys"), filepath.Join(c.Dir, "tmp")} {
		if err := makeDir(dir); err != nil {
			return false, err
		}
	}
	files, err := c.files()
	if err != nil {
		return false, err
	}
	conf := ConfFile(c.Dir)
	for _, name := range names(files) {
		if path := filepath.Join(c.Dir, name); path != conf {
			if err := writeFile(path, files[name]); err != nil {
				return false, err
			}
		}
	}
	text := files[filepath.Base(conf)]
	if have, err := os.ReadFile(conf); err == nil && bytes.Equal(have, text) {
		return false, os.Chmod(conf, 0o600)
	}
	next := conf + ".new"
	if err := writeFile(next, text); err != nil {
		return false, err
	}
	if err := test(ctx, nginx, c.Dir, next); err != nil {
		return false, errors.Join(err, os.Remove(next))
	}
	if err := os.Rename(next, conf); err != nil {
		return false, fmt.Errorf("proxy: %w", err)
	}
	return true, syncDir(c.Dir)
}

// Clean removes keys and certificates that the configuration does not name any more. Call it when nginx has read the
// configuration: a worker of before has them in memory.
func (c Config) Clean() error {
	files, err := c.files()
	if err != nil {
		return err
	}
	have, err := os.ReadDir(filepath.Join(c.Dir, "keys"))
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	for _, entry := range have {
		name := filepath.Join("keys", entry.Name())
		if _, wanted := files[name]; !wanted {
			err = errors.Join(err, os.Remove(filepath.Join(c.Dir, name)))
		}
	}
	return err
}

// makeDir makes a directory that only its owner may enter, or refuses one that others may.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("proxy: %s is open to other users (%#o): it is for keys and for sockets that trust whoever opens them; chmod 700 %[1]s", dir, mode)
	}
	return nil
}

// writeFile writes a file of mode 0600 as a whole or not at all.
func writeFile(path string, data []byte) error {
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, data) {
		return os.Chmod(path, 0o600)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("proxy: %w", errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

func writePEM(b *bytes.Buffer, der []byte) {
	_ = pem.Encode(b, &pem.Block{Type: "CERTIFICATE", Bytes: der}) // a Buffer takes everything
}

// digest returns the beginning of the SHA-256 of the parts. A key goes into it only together with its certificate.
func digest(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func names(files map[string][]byte) []string {
	var list []string
	for name := range files {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// owner returns user and group of a directory by name, empty if they have none.
func owner(dir string) (userName, group string) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", ""
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", ""
	}
	u, err := user.LookupId(strconv.Itoa(int(stat.Uid)))
	if err != nil {
		return "", ""
	}
	g, err := user.LookupGroupId(strconv.Itoa(int(stat.Gid)))
	if err != nil {
		return "", ""
	}
	if !userForm.MatchString(u.Username) || !userForm.MatchString(g.Name) {
		return "", ""
	}
	return u.Username, g.Name
}

// haveIPv6 reports whether the machine can listen on IPv6.
func haveIPv6() bool {
	l, err := net.Listen("tcp6", "[::1]:0") //nolint:noctx // closed at once
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// oneLine returns a text of nginx on one line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// Text returns the configuration of nginx.
func (c Config) Text() (string, error) {
	files, err := c.files()
	return string(files[filepath.Base(ConfFile(c.Dir))]), err
}
