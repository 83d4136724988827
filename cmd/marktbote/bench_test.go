package main

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/store/storetest/pgtest"
)

// TestBenchPipeline looks at the table, not at the timing: every line is there, the gateway did what is measured (the
// command fails otherwise), and both sides got something done.
func TestBenchPipeline(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"sqlite", "postgres"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			args := []string{"bench", "pipeline", "--driver", driver, "--batch", "1,3", "--senders", "2", "--seconds", "0.05", "--rounds", "1", "--dir", t.TempDir()}
			if driver == "postgres" {
				args = append(args, "--postgres", pgtest.DSN(t))
			}
			var out, errs bytes.Buffer
			if code := run(env{t.Context(), nil, &out, &errs}, args); code != exitOK {
				t.Fatalf("exit code %d: %s", code, errs.String())
			}
			head, table, _ := strings.Cut(out.String(), "\n\n")
			if !strings.Contains(head, "every commit waits for the disk") {
				t.Errorf("the settings are missing: %s", head)
			}
			lines := strings.Split(strings.TrimRight(table, "\n"), "\n")
			want := []string{
				`^ +store +message +bytes +batch +bare loop/s +gateway/s +share +rows a message$`,
				driver + ` +UTILMD 55001 +3\d\d\d +1 +[1-9]\d* +[1-9]\d* +\d+ % +\d+$`,
				driver + ` +UTILMD 55001 +3\d\d\d +3 +[1-9]\d* +[1-9]\d* +\d+ % +\d+$`,
				driver + ` +MSCONS 13025 +7\d\d\d +1 +[1-9]\d* +[1-9]\d* +\d+ % +\d+$`,
				driver + ` +MSCONS 13025 +7\d\d\d +3 +[1-9]\d* +[1-9]\d* +\d+ % +\d+$`,
			}
			if len(lines) != len(want) {
				t.Fatalf("%d lines:\n%s", len(lines), table)
			}
			for i := range want {
				if !regexp.MustCompile(want[i]).MatchString(strings.TrimRight(lines[i], " ")) {
					t.Errorf("line %d: %q does not match %s", i, lines[i], want[i])
				}
			}
		})
	}
}

// TestBenchMessages: what is measured is valid, and no number comes twice.
func TestBenchMessages(t *testing.T) {
	t.Parallel()
	number := regexp.MustCompile(`IDE\+24\+\w+|BGM\+\w+\+[^+']+|UNB\+[^']*`)
	for _, name := range []string{"utilmd", "bundle", "mscons"} {
		maker, err := newBenchMaker(name)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, messages := range []int{1, 1, 7} {
			data := maker.interchange(messages)
			result, err := check.File(bytes.NewReader(data), check.Options{At: maker.sent})
			if err != nil || result.Verdict != check.Accepted || result.FindingCount > 0 || len(result.Messages) != messages {
				t.Errorf("%s, %d messages: %s, %d findings, %d messages, %v", name, messages, result.Verdict, result.FindingCount, len(result.Messages), err)
			}
			for _, n := range number.FindAllString(string(data), -1) {
				if seen[n] {
					t.Errorf("%s: %s twice", name, n)
				}
				seen[n] = true
			}
		}
	}
}

func TestBenchUsage(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"--driver postgres", "--batch 0", "--batch 1001", "--senders 0", "--seconds 0", "--rounds 0"} {
		var out, errs bytes.Buffer
		if code := run(env{context.Background(), nil, &out, &errs}, append([]string{"bench", "pipeline"}, strings.Fields(args)...)); code != exitFailed {
			t.Errorf("%s: exit code %d, %s", args, code, out.String())
		}
	}
}
