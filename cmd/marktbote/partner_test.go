package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPartner lets the two halves of the command talk to each other.
func TestPartner(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	dir, file := filepath.Join(folder, "pki"), filepath.Join(folder, "file.edi")
	if err := os.WriteFile(file, []byte("UNA:+.? 'UNB+..."), 0o644); err != nil {
		t.Fatal(err)
	}
	server := start(t, "partner", "--dir", dir, "--listen", "127.0.0.1:0", "--behave", "good,drop-after-body,duplicate,error-EBMS:0303,wrong-mpid,good")
	url := server.await(`Partner 9800000000002: (http://\S+/as4)`)[1]

	for _, test := range []struct{ args, want string }{
		{"", "^[-0-9a-f]{36}@nasty.invalid: delivered\n$"},
		{"", "retry EBMS:0005 .*EOF"},
		{"--test", "stop EBMS:4001 Duplicate"},
		{"", "stop EBMS:0303 DecompressionFailure refused on purpose"},
		{"", "retry EBMS:0302 .*signed by 9977777777777"},
		{"--behave unencrypted", "stop EBMS:0103"},
		{"--behave duplicate", "delivered\n.*delivered"},
	} {
		args := append([]string{"partner", "send", url, file, "--dir", dir, "--mp-id", "9900000000001", "--to", "9800000000002"}, strings.Fields(test.args)...)
		client := start(t, args...)
		client.await(test.want)
		if code := <-client.code; code != exitOK && strings.HasSuffix(test.want, "delivered") || code == exitOK && !strings.Contains(test.want, "delivered") {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
	client := start(t, "partner", "send", url, "--dir", dir, "--mp-id", "9900000000001", "--to", "9800000000002")
	client.await("delivered")
	server.await(`from 9900000000001, MP, 16 bytes: good`)
	server.await(`MP, 0 bytes: refused, EBMS:0103`)
	server.await(`pathSwitch, 0 bytes: good`)

	for _, args := range [][]string{
		{"partner", "--behave", "nonsense"},
		{"partner", "--dir", dir, "--listen", "0.0.0.0:0"},
		{"partner", "send", url, file, "--behave", "no-receipt"},
	} {
		p := start(t, args...)
		if code := <-p.code; code != exitFailed {
			t.Errorf("%v: exit code %d: %s", args, code, p.out.String())
		}
	}
}
