package partner

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
)

func TestPartner(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if _, err := r.Partner(t.Context(), netz); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown partner: %v", err)
	}
	want := Partner{
		MPID: netz, Name: "Netz Musterstadt", CodeList: GLN, Endpoint: "https://as4.example:8443/x", Email: "as4@netz.example", Phone: "+49 30 1",
		PathSwitches:      []PathSwitch{{State: SwitchConfirmed, Own: lieferant, RequestedAt: r.clock().UTC(), ByPartner: true, ConfirmedAt: r.clock().UTC()}},
		AcceptUnencrypted: true, AnyTLSIdentity: true, AcceptX509v3: false, AnyService: true, MaxConnections: 5, Notes: "Rückruf\nmorgens",
	}
	if err := r.Put(t.Context(), want, "Jördis", "Erstkontakt"); err != nil {
		t.Fatal(err)
	}
	got, err := r.Partner(t.Context(), netz)
	want.UpdatedAt = r.clock().UTC()
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if err := r.Change(t.Context(), lieferant, "", "", func(p *Partner) error { p.Name = "L"; return nil }); err != nil {
		t.Fatal(err)
	}
	list, err := r.Partners(t.Context())
	if err != nil || len(list) != 2 || list[0].MPID != lieferant || list[0].CodeList != BDEW || !list[0].AcceptX509v3 || list[0].Connections() != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	stop := errors.New("stop")
	if err := r.Change(t.Context(), netz, "", "", func(p *Partner) error { p.Name = "x"; return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	if got, _ := r.Partner(t.Context(), netz); got.Name != want.Name {
		t.Error("a change that failed was kept")
	}
	// What a newer program keeps is not guessed at.
	data, _ := json.Marshal(map[string]any{"v": 2})
	if err := r.store.Update(t.Context(), func(tx store.Tx) error { return tx.SetPartner(store.Partner{MPID: netz, Data: data}) }); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Partner(t.Context(), netz); err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Partner)
		want   string // empty: it is fine
	}{
		"new":             {func(*Partner) {}, ""},
		"loopback":        {func(p *Partner) { p.Endpoint = "http://127.0.0.1:9000/as4" }, ""},
		"localhost":       {func(p *Partner) { p.Endpoint = "http://localhost/" }, ""},
		"MP-ID":           {func(p *Partner) { p.MPID = "123" }, "13 digits"},
		"code list":       {func(p *Partner) { p.CodeList = "EIC" }, "EIC"},
		"http":            {func(p *Partner) { p.Endpoint = "http://as4.example/" }, "this machine only"},
		"scheme":          {func(p *Partner) { p.Endpoint = "mailto:a@b" }, "no URL"},
		"user":            {func(p *Partner) { p.Endpoint = "https://a:b@as4.example/" }, "neither user"},
		"blank":           {func(p *Partner) { p.Endpoint = "https://as4.example/a b" }, "no URL"},
		"e-mail":          {func(p *Partner) { p.Email = "netz" }, "no @"},
		"connections":     {func(p *Partner) { p.MaxConnections = 33 }, "1 to 32"},
		"no connections":  {func(p *Partner) { p.MaxConnections = -1 }, "1 to 32"},
		"switch":          {func(p *Partner) { p.SetSwitch(PathSwitch{State: "maybe"}) }, "none, requested, confirmed"},
		"line break":      {func(p *Partner) { p.Name = "a\nb" }, "name"},
		"long":            {func(p *Partner) { p.Phone = strings.Repeat("1", 501) }, "phone"},
		"many notes":      {func(p *Partner) { p.Notes = strings.Repeat("1", 4001) }, "notes"},
		"not text at all": {func(p *Partner) { p.Name = "\xff" }, "name"},
	} {
		p := New(netz)
		c.change(&p)
		err := p.Validate(false)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	p := New(netz)
	p.Endpoint = "http://as4.example/"
	if err := p.Validate(true); err != nil {
		t.Error(err)
	}
}

// TestEncryptionCertificate: of those that are valid the newest, and a reason for each if there is none.
func TestEncryptionCertificate(t *testing.T) {
	t.Parallel()
	r := fetched(t)
	now := r.clock()
	best := func() (*x509.Certificate, error) { return r.EncryptionCertificate(t.Context(), netz, r.clock()) }
	var none *NoCertificate
	if _, err := best(); !errors.As(err, &none) || !strings.Contains(err.Error(), "partners import") {
		t.Errorf("nothing known: %v", err)
	}
	first := r.triple(t, netz, testpki.Valid(now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0)))
	second := r.triple(t, netz, testpki.Valid(now.AddDate(0, 0, -1), now.AddDate(0, 6, 0))) // newer, though it ends earlier
	later := r.triple(t, netz, testpki.Valid(now.AddDate(0, 0, 3), now.AddDate(2, 0, 0)))
	r.learn(t, first.Signature, first.Encryption, first.TLS, second.Encryption, later.Encryption)
	r.learn(t, r.triple(t, lieferant).Encryption)
	got := func(want testpki.Pair, what string) {
		t.Helper()
		if c, err := best(); err != nil || !c.Equal(want.Certificate) {
			t.Errorf("%s: %v, %v", what, smpki.Describe(c), err)
		}
	}
	got(second.Encryption, "newest")
	r.pki.Revoke(second.Encryption.Certificate)
	r.publish(t, 0)
	if err := r.Revocation().Refresh(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	got(first.Encryption, "newest revoked")
	r.pass(4 * 24 * time.Hour)
	got(later.Encryption, "successor valid")
	// Everything else about the wrong certificates is in words.
	if err := r.store.Update(t.Context(), func(tx store.Tx) error {
		for _, p := range []testpki.Pair{first.Encryption, later.Encryption} {
			row, err := tx.Certificate(smpki.Fingerprint(p.Certificate))
			if err != nil {
				return err
			}
			row.RetiredAt = r.clock()
			if err := tx.SetCertificate(row); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	_, err := best()
	if !errors.As(err, &none) || len(none.Reasons) != 3 || reasonOf(err) != smpki.Revoked || strings.Count(err.Error(), "retired") != 2 {
		t.Errorf("none left: %v", err)
	}
}

// TestLearn: what came with a message is kept, but for roots; our own certificates stay our own.
func TestLearn(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(r *rig, o *Options) { o.CAs = []*x509.Certificate{r.pki.CRLSigner} })
	leaf := r.triple(t, netz).Signature
	path, err := r.Verify(t.Context(), leaf.Certificate, leaf.Path, smpki.Signature, r.clock())
	if err != nil {
		t.Fatal(err)
	}
	own := store.Certificate{Fingerprint: smpki.Fingerprint(leaf.Certificate), MPID: netz, Own: true, Usage: store.UsageSignature, DER: leaf.Certificate.Raw}
	if err := r.store.Update(t.Context(), func(tx store.Tx) error { return tx.SetCertificate(own) }); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Learn(t.Context(), path, "message"); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := r.rows(t.Context(), store.CertificateQuery{})
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d certificates, %v", len(rows), err)
	}
	for _, row := range rows {
		if row.Fingerprint == own.Fingerprint && !row.Own || row.Usage == store.UsageRoot {
			t.Errorf("%+v", row)
		}
	}
	if !containsCertificate(r.Trust().CAs, r.pki.SubCA) {
		t.Error("the Sub-CA is not used")
	}
	if len(r.Trust().Roots) != 1 || !r.Trust().Roots[0].Equal(r.pki.Root) {
		t.Error("other roots")
	}
	stranger := newRig(t)
	if err := r.Learn(t.Context(), []*x509.Certificate{stranger.pki.Root}, "message"); err != nil {
		t.Fatal(err)
	}
	if rows, _ := r.rows(t.Context(), store.CertificateQuery{}); len(rows) != 2 {
		t.Error("a root of a message was kept")
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	opts := r.opts
	opts.Environment = smpki.Production
	if _, err := Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "never trusts two environments") {
		t.Error(err)
	}
}

func pemOf(certificates ...*x509.Certificate) (out []byte) {
	for _, c := range certificates {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

// TestImport: each certificate of a file is judged.
func TestImport(t *testing.T) {
	t.Parallel()
	r := fetched(t)
	now := r.clock()
	good := r.triple(t, netz)
	later := r.triple(t, netz, testpki.Valid(now.AddDate(0, 1, 0), now.AddDate(2, 0, 0)))
	expired := r.triple(t, netz, testpki.Valid(now.AddDate(-2, 0, 0), now.AddDate(0, 0, -1)))
	stranger := newRig(t)
	for name, c := range map[string]struct {
		file []byte
		want []string // What, and if it is not kept the reason
	}{
		"PEM":     {append([]byte("Bag Attributes\n"), pemOf(good.Encryption.Certificate, good.TLS.Certificate)...), []string{"encryption", "tls"}},
		"again":   {pemOf(good.Encryption.Certificate), []string{"encryption"}},
		"DER":     {good.Signature.Certificate.Raw, []string{"signature"}},
		"later":   {pemOf(later.Encryption.Certificate), []string{"encryption"}},
		"expired": {pemOf(expired.Encryption.Certificate), []string{"encryption expired"}},
		"foreign": {pemOf(stranger.triple(t, netz).Encryption.Certificate, stranger.pki.Root), []string{"root roots are not imported", "encryption"}},
		"CA":      {pemOf(r.pki.Root, stranger.pki.SubCA), []string{"root", "ca"}},
		"list":    {r.http.files["/sub.crl"], []string{"revocation list"}},
		"LDIF":    {ldif(good.Encryption.Certificate), []string{"encryption"}},
	} {
		got, err := r.Import(t.Context(), c.file, name)
		if err != nil || len(got) != len(c.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		for i, x := range got {
			what, reason, _ := strings.Cut(c.want[i], " ")
			if what == "revocation" {
				what, reason = c.want[i], ""
			}
			if x.What != what || (name == "foreign" || reason != "") != (x.Problem != nil) || x.Problem != nil && !strings.Contains(x.Problem.Error(), reason) {
				t.Errorf("%s: %d: %+v, want %s", name, i, x, c.want[i])
			}
		}
	}
	list, err := r.Certificates(t.Context(), netz)
	if err != nil || len(list) != 4 || list[0].Usage != smpki.Signature || !list[1].Equal(later.Encryption.Certificate) {
		t.Errorf("%d certificates, %v", len(list), err)
	}
	for name, file := range map[string]string{
		"empty": "", "text": "hello", "damaged": string(good.TLS.Certificate.Raw[:100]), "LDIF": "dn: cn=x\nuserCertificate:< file:///etc/passwd\n",
		"LDIF text": "dn: cn=x\nuserCertificate: abc\n", "LDIF base64": "dn: cn=x\nuserCertificate:: !!\n",
	} {
		if got, err := r.Import(t.Context(), []byte(file), "file.pem"); err == nil || !strings.HasPrefix(err.Error(), "file.pem: ") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// ldif writes a directory with one certificate, folded as directories do it.
func ldif(c *x509.Certificate) []byte {
	var b strings.Builder
	b.WriteString("# export\nversion: 1\n\ndn: cn=MP,o=SM-Test-PKI-DE\nobjectClass: person\nuserCertificate;binary::")
	for i, s := range slices.Collect(slices.Chunk([]byte(" "+base64.StdEncoding.EncodeToString(c.Raw)), 60)) {
		if i > 0 {
			b.WriteString("\r\n ")
		}
		b.Write(s)
	}
	b.WriteString("\n\ndn: cn=other\ncn: x\n")
	return []byte(b.String())
}

// FuzzReadFileContent: no file panics, and what is read can be written.
func FuzzReadFileContent(f *testing.F) {
	p, err := testpki.New()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(pemOf(p.Root, p.SubCA))
	f.Add(ldif(p.SubCA))
	f.Add(p.Root.Raw)
	f.Add([]byte("dn: x\nuserCertificate::\n "))
	f.Fuzz(func(t *testing.T, data []byte) {
		certificates, lists, err := readFileContent(data)
		if (err == nil) != (len(certificates)+len(lists) > 0) {
			t.Errorf("%d, %d, %v", len(certificates), len(lists), err)
		}
	})
}

func FuzzParsePlace(f *testing.F) {
	f.Add("ldap://ldap.example/cn=a?b?sub?(c=d)")
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := parsePlace(text); err == nil && (p.host == "" || p.address == "" || p.filter == "") {
			t.Errorf("%q: %+v", text, p)
		}
	})
}

// TestLookup: certificates in the directory of a CA.
func TestLookup(t *testing.T) {
	t.Parallel()
	r := fetched(t, func(r *rig, o *Options) {
		o.Directories = []config.LDAPDirectory{{URL: "ldap://127.0.0.1:1", Base: "x"}, {URL: "ldap://" + r.ldap.address, Base: "o=SM-Test-PKI-DE"}}
	})
	good, other := r.triple(t, netz), r.triple(t, lieferant)
	stranger := newRig(t)
	r.ldap.set("cn=a,ou="+netz+",o=SM-Test-PKI-DE", map[string][][]byte{
		"userCertificate;binary": {good.Encryption.Certificate.Raw, other.Encryption.Certificate.Raw, stranger.triple(t, netz).TLS.Certificate.Raw, {1, 2}},
		"cn":                     {[]byte("a")},
	})
	got, err := r.Lookup(t.Context(), netz)
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") || !strings.Contains(err.Error(), "malformed certificate") {
		t.Errorf("the dead directory and the damaged certificate: %v", err)
	}
	if len(got) != 3 || got[0].Problem != nil || !got[0].New || got[1].Problem == nil || got[2].Problem == nil {
		t.Errorf("%+v", got)
	}
	if c, err := r.EncryptionCertificate(t.Context(), netz, r.clock()); err != nil || !c.Equal(good.Encryption.Certificate) {
		t.Error(err)
	}
	if _, err := r.Lookup(t.Context(), "*)(ou=*"); err == nil {
		t.Error("a damaged MP-ID")
	}
	if last := r.ldap.filters[len(r.ldap.filters)-1]; strings.Contains(last, "*") && !strings.Contains(last, "*)(ou=*") {
		t.Errorf("filter %s", last)
	}
}

// TestRound: what Run does, and when it comes again.
func TestRound(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(r *rig, o *Options) {
		o.Directories = []config.LDAPDirectory{{URL: "ldap://" + r.ldap.address, Base: "o=SM-Test-PKI-DE", Filter: "(description={mp_id})"}}
	})
	p := New(netz)
	p.Endpoint = "https://as4.example/"
	if err := r.Put(t.Context(), p, "", ""); err != nil {
		t.Fatal(err)
	}
	var lookedUp time.Time
	if wait := r.round(t.Context(), &lookedUp); wait != retryEvery { // nobody has said yet where the list of the Sub-CA is
		t.Errorf("wait %s", wait)
	}
	if !slices.Contains(r.ldap.filters, "description="+netz) {
		t.Errorf("filters %v", r.ldap.filters)
	}
	r.learn(t, r.triple(t, netz).TLS)
	asked := len(r.ldap.filters)
	if wait := r.round(t.Context(), &lookedUp); wait < 4*time.Hour || wait > 6*time.Hour || !lookedUp.Equal(r.clock()) {
		t.Errorf("wait %s", wait)
	}
	if len(r.ldap.filters) != asked {
		t.Error("looked up twice a day")
	}
	r.pass(7*24*time.Hour - 2*time.Hour) // the lists end in an hour
	if wait := r.round(t.Context(), &lookedUp); wait > time.Hour+time.Minute {
		t.Errorf("wait %s with a list that ends in an hour", wait)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	cancel()
	<-done
}

func TestImportList(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	n, err := r.ImportList(t.Context(), []byte("\xEF\xBB\xBFMP-ID;Endpunkt;Codeliste;Name;E-Mail\r\n"+netz+";https://a.example/;gln;Netz;a@b\r\n"+lieferant+";;;;\r\n"), "Jördis", "Liste")
	if err != nil || n != 2 {
		t.Fatal(n, err)
	}
	p, err := r.Partner(t.Context(), netz)
	if err != nil || p.Endpoint != "https://a.example/" || p.CodeList != GLN || p.Name != "Netz" || p.Email != "a@b" {
		t.Errorf("%+v, %v", p, err)
	}
	if n, err := r.ImportList(t.Context(), []byte("MP-ID,Telefon\n"+netz+",1\n"), "", ""); n != 1 || err != nil {
		t.Error(n, err)
	}
	if p, _ := r.Partner(t.Context(), netz); p.Phone != "1" || p.Name != "Netz" {
		t.Errorf("%+v", p)
	}
	for text, want := range map[string]string{
		"": "line 1", "Name\nx\n": "no column MP-ID", "MP-ID;Farbe\n": `"Farbe"`, "MP-ID;MP-ID\n": "twice", "MP-ID\n12\n": "line 2",
		"MP-ID;Endpunkt\n" + netz + ";http://x.example/\n":       "line 2: endpoint",
		"MP-ID\n" + netz + "\n" + lieferant + "\n" + netz + "\n": "line 4: " + netz + " is in line 2 already",
	} {
		if _, err := r.ImportList(t.Context(), []byte(text), "", ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if IsList([]byte("-----BEGIN CERTIFICATE-----\n")) || !IsList([]byte("Name;MP-ID\r\n")) {
		t.Error("IsList")
	}
}
