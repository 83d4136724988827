package check_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
)

// received is when the fixtures are checked: shortly after the last of them was written.
var received = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func TestFixtures(t *testing.T) {
	for _, name := range fixtures.List() {
		if !strings.HasSuffix(name, ".edi") {
			continue
		}
		data, err := fixtures.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		res, err := check.File(bytes.NewReader(data), check.Options{At: received, Lang: formats.English})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(name, res.Verdict, res.FormatVersion, res.Sparte)
		all := res.Findings
		for _, m := range res.Messages {
			all = append(all, m.Findings...)
			for _, tr := range m.Transactions {
				all = append(all, tr.Findings...)
			}
		}
		for _, x := range all {
			fmt.Printf("    %s %v %s s%d %d:%d @%d+%d [%s] %s\n", x.Code, x.Wire, x.Path, x.SegmentNumber, x.Element, x.Component, x.Offset, x.Length, x.Rule, x.Text)
		}
	}
}
