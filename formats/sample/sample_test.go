package sample_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/sample"
)

// TestEveryPruefidentifikator generates messages of all use cases and lets the checker judge them.
func TestEveryPruefidentifikator(t *testing.T) {
	t.Parallel()
	for _, info := range rules.List() {
		if info.FormatVersion == "FV2510" {
			continue
		}
		t.Run(string(info.FormatVersion)+"/"+info.Name, func(t *testing.T) {
			t.Parallel()
			pack, err := rules.Load(info.FormatVersion, info.Name)
			if err != nil {
				t.Fatal(err)
			}
			for _, use := range pack.UseCases() {
				for _, v := range variants() {
					if fault := judge(pack, use.Pruefidentifikator, v); fault != "" {
						t.Errorf("%s %s %d: %s", use.Pruefidentifikator, v.Variant, v.Seed, fault)
					}
				}
			}
		})
	}
}

func variants() []sample.Options {
	list := []sample.Options{{Variant: sample.Minimal}, {Variant: sample.Full}}
	for seed := range uint64(20) {
		list = append(list, sample.Options{Variant: sample.Random, Seed: seed})
	}
	return list
}

// judge returns what the checker says against a generated message, empty if nothing.
func judge(pack *rules.Pack, pid string, o sample.Options) string {
	var buf bytes.Buffer
	if err := sample.Generate(&buf, pack, pid, o); err != nil {
		return err.Error()
	}
	r, err := check.File(bytes.NewReader(buf.Bytes()), check.Options{At: sentAt(pack), FormatVersion: pack.FormatVersion})
	if err != nil {
		return err.Error()
	}
	var out strings.Builder
	say := func(list []formats.Finding) {
		for _, f := range list {
			fmt.Fprintf(&out, "\n    %s %s %s exp=%q found=%q %v\n      %s", f.Code, f.Path, f.Rule, f.Expected, f.Found, f.Conditions, f.Text)
		}
	}
	say(r.Findings)
	for _, m := range r.Messages {
		say(m.Findings)
		for _, tx := range m.Transactions {
			say(tx.Findings)
		}
	}
	if r.Verdict != check.Accepted && out.Len() == 0 {
		return string(r.Verdict)
	}
	return out.String()
}

func sentAt(pack *rules.Pack) time.Time {
	for _, v := range formats.Versions() {
		if v.Version == pack.FormatVersion {
			return v.From.AddDate(0, 0, 33)
		}
	}
	return time.Time{}
}
