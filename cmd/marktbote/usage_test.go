package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlite"
)

// recordEvents puts the events of messages into the outbox of a store, as the gateway of a supplier does.
func recordEvents(t *testing.T, file string, test bool, names ...string) {
	t.Helper()
	st, err := sqlite.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for _, name := range names {
		data, err := fixtures.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		env := event.Envelope{Direction: event.In, RecipientRole: "LF", Sparte: formats.Strom, Test: test}
		if strings.Contains(name, "55001") || strings.Contains(name, "55004") {
			env = event.Envelope{Direction: event.Out, SenderRole: "LF", Sparte: formats.Strom, Test: test}
		}
		r := edifact.NewReader(bytes.NewReader(data), edifact.Options{})
		var m edifact.Message
		if err := r.NextMessage(&m); err != nil {
			t.Fatal(err)
		}
		list, err := event.FromMessage(env, r.UNB(), &m)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p, err := st.PutPayload(t.Context(), bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		err = st.Update(t.Context(), func(tx store.Tx) error {
			id, err := tx.InsertInterchange(store.Interchange{
				Direction: store.In, Sender: "9999200000020", PayloadDigest: p.Digest, PayloadSize: p.Size, ReceivedAt: time.Now(), State: store.StatePublished,
			})
			if err != nil {
				return err
			}
			for _, e := range list {
				text, err := json.Marshal(e)
				if err != nil {
					return err
				}
				if _, err := tx.InsertEvents(store.Event{
					ID: e.ID, Type: e.Type, Subject: e.Subject, PartitionKey: e.PartitionKey, InterchangeID: id, RecordedAt: time.Now(), Data: text,
				}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// usageOf counts a month with the command.
func usageOf(t *testing.T, month string, args ...string) usageReport {
	t.Helper()
	var out, fault bytes.Buffer
	args = append([]string{"usage", "--format", "json", "--month", month}, args...)
	if code := run(env{t.Context(), strings.NewReader(""), &out, &fault}, args); code != exitOK {
		t.Fatalf("exit code %d: %s", code, fault.String())
	}
	var r usageReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestUsage: a contract counts from its confirmation on, in every month in which it is effective.
func TestUsage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, cfg := filepath.Join(dir, "store.db"), filepath.Join(dir, "marktbote.yml")
	if err := os.WriteFile(cfg, []byte("store: "+file+"\nown:\n  - {mp_id: \"9999100000013\", rolle: LF, name: Lichtbogen}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	row := func(n int) usageReport {
		return usageReport{Mandators: []usageRow{{MPID: "9999100000013", Name: "Lichtbogen", Sparte: formats.Strom, Contracts: n}}}
	}
	expect := func(when, month string, n int) {
		t.Helper()
		want := row(n)
		want.Month = month
		if diff := cmp.Diff(want, usageOf(t, month, "--config", cfg)); diff != "" {
			t.Errorf("%s, %s (-want +got):\n%s", when, month, diff)
		}
	}
	recordEvents(t, file, false, "valid/utilmd-55001.edi", "valid/mscons-13025.edi")
	expect("asked for", "2026-11", 0)
	recordEvents(t, file, true, "valid/utilmd-55002.edi")
	expect("confirmed in a test", "2026-11", 0)
	recordEvents(t, file, false, "valid/utilmd-55002.edi") // from 5 November 2026 on
	expect("confirmed", "2026-10", 0)
	expect("confirmed", "2026-11", 1)
	expect("confirmed", "2030-01", 1)

	var out, fault bytes.Buffer
	if code := run(env{t.Context(), strings.NewReader(""), &out, &fault}, []string{"usage", "--month", "2026-11", "--store", file}); code != exitOK {
		t.Fatalf("exit code %d: %s", code, fault.String())
	}
	if !strings.Contains(out.String(), "9999100000013  strom   1") {
		t.Errorf("as text: %s", out.String())
	}
	if code := run(env{t.Context(), strings.NewReader(""), &out, &fault}, []string{"usage", "--month", "November", "--store", file}); code != exitFailed {
		t.Errorf("November: exit code %d", code)
	}
}
