package partner

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
)

// TestLists fetches over HTTP and LDAP and judges by what came.
func TestLists(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	leaf := r.triple(t, netz).Signature
	if _, err := r.Trust().Verify(leaf.Certificate, nil, smpki.Signature, r.clock()); reasonOf(err) != smpki.RevocationUnknown {
		t.Fatalf("before anything was fetched: %v", err)
	}
	r.learn(t, leaf) // its certificate says where the list of the Sub-CA is
	if err := r.Revocation().Refresh(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Trust().Verify(leaf.Certificate, nil, smpki.Signature, r.clock()); err != nil {
		t.Fatal(err)
	}
	first, err := r.Revocation().CRL(r.pki.SubCA)
	if err != nil {
		t.Fatal(err)
	}
	// A second look soon after asks nobody, a forced one does; the same list stays the same pointer.
	before := r.http.count("/sub.crl")
	for _, force := range []bool{false, true} {
		if err := r.Revocation().Refresh(t.Context(), force); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.http.count("/sub.crl") - before; n != 1 {
		t.Errorf("asked %d times, want 1", n)
	}
	if again, _ := r.Revocation().CRL(r.pki.SubCA); again != first {
		t.Error("another pointer for the same list")
	}
	// What is revoked is noticed with the next list, and another process knows it too.
	r.pki.Revoke(leaf.Certificate)
	r.publish(t, 0)
	if err := r.Revocation().Refresh(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	other, err := Open(t.Context(), r.opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []*Directory{r.Directory, other} {
		if _, err := d.Trust().Verify(leaf.Certificate, nil, smpki.Signature, r.clock()); reasonOf(err) != smpki.Revoked {
			t.Errorf("after the revocation: %v", err)
		}
	}
	// An older list does not bring it back.
	r.publish(t, 2*time.Hour)
	if err := r.Revocation().Refresh(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Trust().Verify(leaf.Certificate, nil, smpki.Signature, r.clock()); reasonOf(err) != smpki.Revoked {
		t.Errorf("after an older list: %v", err)
	}
}

func reasonOf(err error) smpki.Reason {
	if invalid, ok := errors.AsType[*smpki.Invalid](err); ok {
		return invalid.Reason
	}
	return ""
}

// TestTolerance follows a list that is not renewed over the three days.
func TestTolerance(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	leaf := r.triple(t, netz).Signature
	r.learn(t, leaf)
	if err := r.Revocation().Refresh(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	state := func() (s smpki.CRLState, warned []WarningKind) {
		t.Helper()
		warnings, err := r.Radar(t.Context(), r.clock())
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range warnings {
			if w.CA != "" {
				warned = append(warned, w.Kind)
			}
		}
		for _, l := range r.Revocation().States(r.clock()) {
			if l.Issuer.Equal(r.pki.SubCA) {
				s = l.State
			}
		}
		return s, warned
	}
	valid := func() bool {
		_, err := r.Verify(t.Context(), leaf.Certificate, nil, smpki.Signature, r.clock())
		return err == nil
	}
	if s, w := state(); s != smpki.CRLFresh || len(w) > 0 || !valid() {
		t.Fatalf("%v, %v", s, w)
	}
	r.pass(7 * 24 * time.Hour) // made an hour ago: overdue now
	if err := r.Revocation().Refresh(t.Context(), false); err == nil || !strings.Contains(err.Error(), "overdue itself") {
		t.Errorf("refresh with an overdue list: %v", err)
	}
	if s, w := state(); s != smpki.CRLStale || len(w) != 2 || w[0] != ListStale || !valid() {
		t.Fatalf("%v, %v", s, w)
	}
	r.pass(3 * 24 * time.Hour)
	if s, w := state(); s != smpki.CRLDistrusted || len(w) != 2 || w[0] != ListDistrusted || valid() {
		t.Fatalf("%v, %v", s, w)
	}
	// The list is there again: the next message that needs it fetches it.
	r.publish(t, 0)
	r.pass(2 * time.Minute)
	if _, err := r.Verify(t.Context(), leaf.Certificate, nil, smpki.Signature, r.clock()); err != nil {
		t.Errorf("list on demand: %v", err)
	}
}

// TestListErrors: what servers do wrong changes nothing that is kept, and the error names the place and what helps.
func TestListErrors(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(r *rig, o *Options) {
		o.HTTP = newHTTPClient()
		o.HTTP.Timeout = 500 * time.Millisecond
	})
	leaf := r.triple(t, netz).Signature
	r.learn(t, leaf)
	if err := r.Revocation().Refresh(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.opts.HTTP.CloseIdleConnections)
	foreign := newRig(t)
	stuck := make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	for name, c := range map[string]struct {
		want   string
		handle http.HandlerFunc
	}{
		"status":  {"503 Service Unavailable", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }},
		"html":    {"no revocation list", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }},
		"foreign": {"cannot be used", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(foreign.http.files["/sub.crl"]) }},
		"damaged": {"cannot be used", func(w http.ResponseWriter, _ *http.Request) {
			data := bytes.Clone(r.http.files["/sub.crl"])
			data[len(data)-1] ^= 1
			_, _ = w.Write(data)
		}},
		"large": {"more than 16777216 bytes", func(w http.ResponseWriter, _ *http.Request) {
			for range maxFetchBytes>>20 + 1 {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		}},
		"slow": {"Client.Timeout", func(w http.ResponseWriter, req *http.Request) {
			select {
			case <-stuck:
			case <-req.Context().Done():
			}
		}},
		"loop": {"redirects", func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, "/sub.crl", http.StatusFound) }},
	} {
		r.http.mu.Lock()
		r.http.handle = c.handle
		r.http.mu.Unlock()
		if name == "large" { // a busy machine needs more than the others
			r.opts.HTTP.Timeout = time.Minute
		} else {
			r.opts.HTTP.Timeout = 500 * time.Millisecond
		}
		err := r.Revocation().Refresh(t.Context(), true)
		for _, want := range []string{c.want, r.http.url + "/sub.crl", "as4.trust.crls", "Example.CA"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
		if _, err := r.Trust().Verify(leaf.Certificate, nil, smpki.Signature, r.clock()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// LDAP: an answer that promises too much, none, an unknown entry, a dead port.
	r.http.mu.Lock()
	r.http.handle = nil
	r.http.mu.Unlock()
	for name, c := range map[string]struct {
		garbage     []byte
		place, want string
	}{
		"promise": {[]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}, "ldap://" + r.ldap.address + "/cn=x?a", "greater than maximum"},
		"silence": {[]byte{}, "ldap://" + r.ldap.address + "/cn=x?a", "no answer in time"},
		"unknown": {nil, "ldap://" + r.ldap.address + "/cn=nobody?a", `does not know the entry "cn=nobody"`},
		"dead":    {nil, "ldap://127.0.0.1:1/cn=x?a", "refused"},
		"no host": {nil, "ldap:///cn=x", "without a host"},
	} {
		r.ldap.mu.Lock()
		r.ldap.garbage = c.garbage
		r.ldap.mu.Unlock()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := r.fetch(ctx, c.place)
		cancel()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// TestListFile: a list in a file is found out to be whose it is.
func TestListFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sub.crl")
	r := newRig(t, func(_ *rig, o *Options) { o.CRLs = []config.CRLSource{{File: file}} })
	err := r.Revocation().Refresh(t.Context(), false)
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("without the file: %v", err)
	}
	if err := os.WriteFile(file, r.http.files["/sub.crl"], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Revocation().Refresh(t.Context(), false); err != nil {
		t.Error(err)
	}
	if _, err := r.Trust().Verify(r.triple(t, netz).TLS.Certificate, nil, smpki.TLS, r.clock()); err != nil {
		t.Error(err)
	}
}

// TestOnDemand: the first message of a CA fetches its lists, and many at once fetch them once.
func TestOnDemand(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(r *rig, o *Options) { o.CAs = []*x509.Certificate{r.pki.CRLSigner} }) // the Sub-CA comes with the message
	leaf := r.triple(t, netz).Signature
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := r.Verify(t.Context(), leaf.Certificate, leaf.Path[:1], smpki.Signature, r.clock()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := r.http.count("/sub.crl"); n != 1 {
		t.Errorf("asked %d times", n)
	}
	// Another CA of the same name in the message changes nothing, and leaves nothing behind.
	namesake := newRig(t).pki.SubCA
	if _, err := r.Verify(t.Context(), leaf.Certificate, []*x509.Certificate{namesake, r.pki.SubCA}, smpki.Signature, r.clock()); err != nil {
		t.Error(err)
	}
	if rows, err := view(t.Context(), r.store, store.Tx.CRLs); err != nil || len(rows) != 2 {
		t.Errorf("%d lists, %v", len(rows), err)
	}
	// Another process that was there before knows the lists and the Sub-CA as soon as it needs them, and asks nobody.
	opts := r.opts
	opts.HTTP = &http.Client{Transport: http.NewFileTransport(http.Dir(t.TempDir()))}
	second, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Learn(t.Context(), []*x509.Certificate{r.pki.SubCA}, "message"); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Verify(t.Context(), leaf.Certificate, nil, smpki.Signature, r.clock()); err != nil {
		t.Errorf("the second process: %v", err)
	}
	// A stranger cannot send us anywhere.
	stranger := newRig(t)
	other := stranger.triple(t, netz).Signature
	if _, err := r.Verify(t.Context(), other.Certificate, []*x509.Certificate{stranger.pki.SubCA, stranger.pki.Root}, smpki.Signature, r.clock()); err == nil {
		t.Error("a certificate of another root is valid")
	}
	if n := stranger.http.count("/sub.crl"); n != 0 {
		t.Errorf("asked the server of a stranger %d times", n)
	}
}

func TestParsePlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]place{
		"ldap://ldap.example/serialNumber=1,cn=Beispiel.CA,o=SM-PKI-DE,c=DE,dc=a,dc=b?certificateRevocationList": {
			scheme: "ldap", address: "ldap.example:389", host: "ldap.example", dn: "serialNumber=1,cn=Beispiel.CA,o=SM-PKI-DE,c=DE,dc=a,dc=b",
			attributes: []string{"certificateRevocationList"}, filter: "(objectClass=*)",
		},
		"LDAPS://ldap.example:1636/cn=A%20B?a,b?sub?(x=1)": {
			scheme: "ldaps", address: "ldap.example:1636", host: "ldap.example", dn: "cn=A B", attributes: []string{"a", "b"}, scope: 2, filter: "(x=1)",
		},
		"ldap://[::1]":         {scheme: "ldap", address: "[::1]:389", host: "::1", filter: "(objectClass=*)"},
		"ldap://h/cn=100% A?x": {scheme: "ldap", address: "h:389", host: "h", dn: "cn=100% A", attributes: []string{"x"}, filter: "(objectClass=*)"},
	} {
		got, err := parsePlace(text)
		if err != nil || got.dn != want.dn || got.address != want.address || got.host != want.host || got.scheme != want.scheme ||
			got.scope != want.scope || got.filter != want.filter || strings.Join(got.attributes, " ") != strings.Join(want.attributes, " ") {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "http://x/", "ldap://", "ldap://a:b@h/", "ldap://h/x?a?all", "ldap:/h"} {
		if p, err := parsePlace(text); err == nil {
			t.Errorf("%s: %+v", text, p)
		}
	}
}
