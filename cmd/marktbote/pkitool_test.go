package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/testpki"
)

// pkitool is a command for scripts: "pkitool DIR MP-ID..." writes a PKI with triples, as testpki.PKI.WriteDir does, and
// beside it the first triple once more, nearly expired (old/), and one of a stranger (stranger/).
func pkitool() {
	if err := pkitoolRun(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func pkitoolRun(dir string, mpIDs []string) error {
	write := func(dir string, ids []string, opts ...testpki.LeafOption) func(p *testpki.PKI) error {
		return func(p *testpki.PKI) error {
			var triples []testpki.Triple
			for _, id := range ids {
				t, err := p.Triple(id, "as4.example", opts...)
				if err != nil {
					return err
				}
				triples = append(triples, t)
			}
			return p.WriteDir(dir, triples...)
		}
	}
	p, err := testpki.New()
	if err != nil {
		return err
	}
	now := time.Now()
	if err := write(dir, mpIDs)(p); err != nil {
		return err
	}
	if err := write(filepath.Join(dir, "old"), mpIDs[:1], testpki.Valid(now.AddDate(-2, 0, 2), now.AddDate(0, 0, 2)))(p); err != nil {
		return err
	}
	if err := write(filepath.Join(dir, "expired"), mpIDs[:1], testpki.Valid(now.AddDate(-2, 0, -2), now.AddDate(0, 0, -2)))(p); err != nil {
		return err
	}
	stranger, err := testpki.New()
	if err != nil {
		return err
	}
	return write(filepath.Join(dir, "stranger"), mpIDs[:1])(stranger)
}
