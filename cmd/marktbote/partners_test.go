package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPartnersTest goes the whole way of an operator: keys, a partner, a test message, a path switch.
func TestPartnersTest(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	dir := filepath.Join(folder, "pki")
	server := start(t, "partner", "--dir", dir, "--listen", "127.0.0.1:0", "--behave", "good,error-EBMS:0004,error-EBMS:0103,good")
	url := server.await(`Partner 9800000000002: (http://\S+/as4)`)[1]
	file := filepath.Join(folder, "marktbote.yml")
	text := fmt.Sprintf(`store: %s/store.db
own: [{mp_id: "9900000000001", rolle: LF}]
as4:
  trust:
    environment: SM-Test-PKI-DE
    roots: [pki/root.pem]
    cas: [pki/subca.pem, pki/crlsigner.pem]
    crls: [{file: pki/root.crl.pem}, {file: pki/subca.crl.pem}]
`, folder)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "9900000000001")
	for _, step := range []struct {
		args string
		code int
		want string
	}{
		{"migrate", exitOK, ""},
		{"partners test 9800000000002", exitRejected, "not delivered: .*9800000000002"},
		{"partners add 9800000000002 --endpoint " + url, exitOK, "added"},
		{"partners import " + filepath.Join(dir, "9800000000002", "encryption.pem"), exitOK, "new: "},
		{"partners test 9800000000002", exitRejected, "no signature certificate of our own 9900000000001 is here"},
		{"keys import " + strings.Join([]string{own + "/signature.pem", own + "/signature.key", own + "/encryption.pem", own + "/encryption.key"}, " "), exitOK, "imported: "},
		{"partners test 9800000000002", exitOK, "has acknowledged the test message at 20"},
		{"partners test 9800000000002", exitRejected, "not delivered: .*EBMS:0004.*it may work later"},
		{"partners test 9800000000002", exitRejected, "not delivered: .*EBMS:0103.*in vain"},
		{"partners test 9800000000002 --from 9900000000099", exitFailed, "not one of our own"},
		{"partners switch 9800000000002 --request --state none", exitFailed, "not both"},
		{"partners switch 9800000000002 --request", exitOK, "has acknowledged the request"},
		{"partners switch 9800000000002", exitOK, "9800000000002: requested, requested on 20"},
		{"partners certificates 9800000000002", exitOK, "signature +.* valid"}, // learnt from the receipt
	} {
		var out bytes.Buffer
		code := run(env{t.Context(), strings.NewReader(""), &out, &out}, append(strings.Fields(step.args), "--config", file))
		if code != step.code || !regexp.MustCompile(step.want).Match(out.Bytes()) {
			t.Errorf("%s: exit code %d, want %d and %q: %s", step.args, code, step.code, step.want, out.String())
		}
	}
}
