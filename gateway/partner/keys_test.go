package partner

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
	"github.com/marktbote/marktbote/store"
)

type ecdsaPublic = *ecdsa.PublicKey

func keyPEM(t *testing.T, key *brainpool.PrivateKey, password []byte) []byte {
	t.Helper()
	text, err := smpki.MarshalKey(key, password)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// files writes a triple as an operator has it: keys and certificates in files of their own.
func files(t *testing.T, tr testpki.Triple, password []byte) (list []File) {
	t.Helper()
	for name, p := range map[string]testpki.Pair{"sign": tr.Signature, "enc": tr.Encryption, "tls": tr.TLS} {
		list = append(list, File{name + ".pem", pemOf(p.Certificate)}, File{name + ".key", keyPEM(t, p.Key, password)})
	}
	return list
}

// importTriple makes a triple our own.
func (r *rig) importTriple(t *testing.T, tr testpki.Triple) {
	t.Helper()
	if _, err := r.Keys().Import(t.Context(), KeyImport{Files: files(t, tr, nil), Who: "test"}); err != nil {
		t.Fatal(err)
	}
}

// TestKeys imports a triple and its successor and uses both.
func TestKeys(t *testing.T) {
	t.Parallel()
	r := fetched(t)
	now := r.clock()
	ctx := t.Context()
	var none *NoCertificate
	if _, err := r.Keys().Signing(ctx, lieferant, now); !errors.As(err, &none) {
		t.Errorf("without keys: %v", err)
	}
	if _, err := r.Keys().Decryption(ctx, lieferant, now); !errors.As(err, &none) {
		t.Errorf("without keys: %v", err)
	}
	old := r.triple(t, lieferant, testpki.Valid(now.AddDate(-1, 0, 0), now.AddDate(0, 0, 20)))
	fresh := r.triple(t, lieferant)
	r.importTriple(t, fresh)
	password := []byte("päss")
	if _, err := r.Keys().Import(ctx, KeyImport{Files: files(t, old, password), Password: password}); err != nil {
		t.Fatal(err)
	}
	id, err := r.Keys().Signing(ctx, lieferant, now)
	if err != nil || !id.Leaf().Equal(fresh.Signature.Certificate) || len(id.Path) != 2 || !id.Path[0].Equal(r.pki.SubCA) {
		t.Fatalf("%v, %v", id.Path, err)
	}
	digest := sha256.Sum256([]byte("x"))
	rs, err := id.Key.SignRaw(digest[:])
	if err != nil || !brainpool.VerifyRaw(fresh.Signature.Certificate.PublicKey.(ecdsaPublic), digest[:], rs) {
		t.Errorf("signature: %v", err)
	}
	tls, err := r.Keys().TLS(ctx, lieferant, now)
	if err != nil || !tls.Leaf().Equal(fresh.TLS.Certificate) {
		t.Error(err)
	}
	keys, err := r.Keys().Decryption(ctx, lieferant, now)
	if err != nil || len(keys) != 2 || !keys[0].Certificate.Equal(fresh.Encryption.Certificate) || !keys[1].Certificate.Equal(old.Encryption.Certificate) {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	other, err := brainpool.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	z1, err1 := keys[1].Key.ECDH(other.Public().(ecdsaPublic))
	z2, err2 := other.ECDH(old.Encryption.Certificate.PublicKey.(ecdsaPublic))
	if err1 != nil || err2 != nil || !bytes.Equal(z1, z2) {
		t.Error("key agreement", err1, err2)
	}
	// Messages in the overlap may be encrypted to the old one after it has ended; signing is over then.
	later := now.AddDate(0, 0, 21)
	if keys, err := r.Keys().Decryption(ctx, lieferant, later); err != nil || len(keys) != 2 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	list, err := r.Keys().List(ctx, "")
	if err != nil || len(list) != 6 || list[0].Usage != "signature" || list[0].CreatedAt.IsZero() {
		t.Errorf("%+v, %v", list, err)
	}
	// The first of two may go, the last one only by force.
	retire := func(c *x509.Certificate, force bool) error {
		_, err := r.Keys().Retire(ctx, strings.ToUpper(smpki.Fingerprint(c))[:16], "Jördis", "ersetzt", force)
		return err
	}
	if err := retire(old.Encryption.Certificate, false); err != nil {
		t.Error(err)
	}
	if err := retire(old.Encryption.Certificate, true); err == nil {
		t.Error("retired twice")
	}
	if err := retire(fresh.Encryption.Certificate, false); !errors.Is(err, ErrLastKey) {
		t.Errorf("the last one: %v", err)
	}
	if keys, err := r.Keys().Decryption(ctx, lieferant, now); err != nil || len(keys) != 1 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	if err := retire(fresh.Encryption.Certificate, true); err != nil {
		t.Error(err)
	}
	if _, err := r.Keys().Import(ctx, KeyImport{Files: files(t, fresh, nil)}); err == nil || !strings.Contains(err.Error(), "retired") {
		t.Errorf("a retired certificate came back: %v", err)
	}
	for _, short := range []string{"", "ab", "00000000"} {
		if _, err := r.Keys().Retire(ctx, short, "", "", true); err == nil {
			t.Errorf("%q was retired", short)
		}
	}
	// Another process has the same keys.
	second, err := Open(ctx, r.opts)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := second.Keys().Signing(ctx, lieferant, now); err != nil || !id.Leaf().Equal(fresh.Signature.Certificate) {
		t.Error(err)
	}
}

// TestKeyImport: what does not belong together is refused, with the reason, and nothing is kept.
func TestKeyImport(t *testing.T) {
	t.Parallel()
	r := fetched(t)
	now := r.clock()
	good, other, again := r.triple(t, lieferant), r.triple(t, netz), r.triple(t, lieferant)
	expired := r.triple(t, lieferant, testpki.Valid(now.AddDate(-2, 0, 0), now.AddDate(0, 0, -1)))
	stranger := newRig(t).triple(t, lieferant)
	file := func(parts ...[]byte) []File { return []File{{"file.pem", bytes.Join(parts, []byte("\n"))}} }
	cert := func(p testpki.Pair) []byte { return pemOf(p.Certificate) }
	key := func(p testpki.Pair) []byte { return keyPEM(t, p.Key, nil) }
	locked := keyPEM(t, good.TLS.Key, []byte("right"))
	for name, c := range map[string]struct {
		in   KeyImport
		want string
	}{
		"no key":           {KeyImport{Files: file(cert(good.Signature))}, "its private key is neither in the files nor was it made here"},
		"wrong key":        {KeyImport{Files: file(cert(good.Signature), key(good.TLS))}, "belongs to none of the certificates"},
		"no certificate":   {KeyImport{Files: file(key(good.TLS))}, "a key alone says nothing"},
		"two MP-IDs":       {KeyImport{Files: append(files(t, good, nil), files(t, other, nil)...)}, "two MP-IDs"},
		"two of a kind":    {KeyImport{Files: file(cert(good.TLS), key(good.TLS), cert(again.TLS), key(again.TLS))}, "two certificates for tls"},
		"expired":          {KeyImport{Files: files(t, expired, nil)}, "has expired"},
		"foreign root":     {KeyImport{Files: files(t, stranger, nil)}, "issuer"},
		"not ours":         {KeyImport{Files: files(t, good, nil), IsOwn: func(id string) bool { return id == netz }}, "not one of our own"},
		"password missing": {KeyImport{Files: file(cert(good.TLS), locked)}, "password"},
		"wrong password":   {KeyImport{Files: file(cert(good.TLS), locked), Password: []byte("wrong")}, "password"},
		"nothing":          {KeyImport{Files: file([]byte("x"))}, "neither certificates nor private keys"},
		"noise":            {KeyImport{Files: []File{{"x.p12", []byte{0x30, 0x03, 0x02, 0x01, 0x03}}}}, "x.p12"},
		"no files":         {KeyImport{}, "no certificate"},
	} {
		got, err := r.Keys().Import(t.Context(), c.in)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v, want %s", name, got, err, c.want)
		}
	}
	if list, err := r.Keys().List(t.Context(), ""); err != nil || len(list) > 0 {
		t.Errorf("kept: %+v, %v", list, err)
	}
	got, err := r.Keys().Import(t.Context(), KeyImport{Files: files(t, good, nil), DryRun: true})
	if err != nil || len(got) != 3 {
		t.Error(got, err)
	}
	if list, _ := r.Keys().List(t.Context(), ""); len(list) > 0 {
		t.Error("a dry run keeps something")
	}
	// A second time is no error and changes nothing.
	for i := range 2 {
		got, err := r.Keys().Import(t.Context(), KeyImport{Files: files(t, good, nil)})
		if err != nil || len(got) != 3 || got[0].New != (i == 0) || got[0].MPID != lieferant {
			t.Errorf("%d: %+v, %v", i, got, err)
		}
	}
}

// TestRequest: keys wait for their certificates.
func TestRequest(t *testing.T) {
	t.Parallel()
	r := fetched(t)
	ctx := t.Context()
	requests, err := r.Keys().Request(ctx, smpki.Request{
		Name: "Lichtbogen", MPID: lieferant, Environment: smpki.Test, Email: "as4@example.com", Endpoint: "https://as4.example/",
	}, "Jördis")
	if err != nil || len(requests) != 3 {
		t.Fatal(requests, err)
	}
	for usage, text := range requests {
		block, _ := pem.Decode(text)
		if block == nil || block.Type != "CERTIFICATE REQUEST" {
			t.Errorf("%s: %s", usage, text)
		}
	}
	list, err := r.Keys().List(ctx, lieferant)
	if err != nil || len(list) != 3 || list[0].Certificate != nil || len(list[0].Request) == 0 {
		t.Fatalf("%+v, %v", list, err)
	}
	if _, err := r.Keys().Request(ctx, smpki.Request{}, ""); err == nil {
		t.Error("a request without a name")
	}
	// The certificate of a key that is in the store is imported alone.
	pair := r.triple(t, lieferant).TLS
	row, err := keyRow(pair.Key, lieferant, smpki.TLS, r.clock())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.store.Update(ctx, func(tx store.Tx) error { return tx.InsertPrivateKey(row) }); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Keys().Import(ctx, KeyImport{Files: []File{{"tls.der", pair.Certificate.Raw}}}); err != nil {
		t.Fatal(err)
	}
	if id, err := r.Keys().TLS(ctx, lieferant, r.clock()); err != nil || !id.Leaf().Equal(pair.Certificate) {
		t.Error(err)
	}
	if list, _ := r.Keys().List(ctx, lieferant); len(list) != 4 || list[0].Certificate == nil {
		t.Errorf("%+v", list)
	}
}

// token is a Token with one key.
type token struct {
	name string
	key  PrivateKey
}

func (k token) Key(_ context.Context, fingerprint string) (PrivateKey, error) {
	if fingerprint != k.name {
		return nil, store.ErrNotFound
	}
	return k.key, nil
}

func TestToken(t *testing.T) {
	t.Parallel()
	r := fetched(t)
	pair := r.triple(t, lieferant).Signature
	opts := r.opts
	opts.Token = token{publicFingerprint(pair.Key), pair.Key}
	d, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Keys().Import(t.Context(), KeyImport{Files: []File{{"sign.pem", pemOf(pair.Certificate)}}}); err != nil {
		t.Fatal(err)
	}
	id, err := d.Keys().Signing(t.Context(), lieferant, r.clock())
	if err != nil || id.Key != PrivateKey(pair.Key) {
		t.Errorf("%v, %v", id.Key, err)
	}
	if rows, err := view(t.Context(), r.store, func(tx store.Tx) ([]store.PrivateKey, error) { return tx.PrivateKeys("") }); err != nil || len(rows) > 0 {
		t.Errorf("a key of the token is in the store: %v", err)
	}
	// Without the token the certificate is there and cannot be used.
	if _, err := r.Keys().Signing(t.Context(), lieferant, r.clock()); err == nil || !strings.Contains(err.Error(), "marktbote keys import") {
		t.Error(err)
	}
}

// TestKeyMissing: a key that is lost does not take the others with it.
func TestKeyMissing(t *testing.T) {
	t.Parallel()
	r := fetched(t)
	lost := r.triple(t, lieferant).Encryption.Certificate
	err := r.store.Update(t.Context(), func(tx store.Tx) error {
		return tx.SetCertificate(store.Certificate{
			Fingerprint: smpki.Fingerprint(lost), MPID: lieferant, Usage: store.UsageEncryption, Own: true, DER: lost.Raw,
			NotBefore: lost.NotBefore, NotAfter: lost.NotAfter, AddedAt: r.clock(),
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Keys().Decryption(t.Context(), lieferant, r.clock()); !errors.Is(err, errNoKey) {
		t.Errorf("without any key: %v", err)
	}
	r.importTriple(t, r.triple(t, lieferant))
	if keys, err := r.Keys().Decryption(t.Context(), lieferant, r.clock()); err != nil || len(keys) != 1 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
}
