package config

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestSubscriptions: defaults, and paths that count from the folder of the file.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	c, err := Load(filepath.Join("testdata", "subscriptions.good.yml"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Subscription{
		{
			Name: "billing", Filter: `type.startsWith("de.marktbote.contract.")`, Start: "2026-10-01T00:00:00+02:00", MaxAttempts: 5, MaxEventBytes: 65536,
			Webhook: &Webhook{
				URL: "https://billing.example/events", SecretFile: filepath.Join("testdata", "secrets", "billing"), PreviousSecretFile: "/run/billing.old",
				Mode: ModeBinary, Timeout: 10 * time.Second, Parallel: 16,
			},
		},
		{
			Name: "bus", Start: StartNow, MaxAttempts: 20, MaxEventBytes: 256 << 10,
			NATS: &NATS{URL: "tls://nats.example:4222", Subject: "market.{type}", CredentialsFile: filepath.Join("testdata", "nats.creds"), Mode: ModeStructured},
		},
		{
			Name: "local-bus", Start: StartBeginning, MaxAttempts: 20, MaxEventBytes: 256 << 10,
			NATS: &NATS{URL: "nats://127.0.0.1:4222", Subject: "{type}", Mode: ModeStructured},
		},
		{
			Name: "lake", Start: "4711", MaxAttempts: 20, MaxEventBytes: 256 << 10,
			Kafka: &Kafka{
				Brokers: []string{"kafka.example:9093"}, Topic: "market-events", Mode: ModeStructured, SASL: "scram-sha-512", User: "marktbote",
				PasswordFile: filepath.Join("testdata", "kafka.password"),
			},
		},
		{
			Name: "archive", Start: StartBeginning, MaxAttempts: 20,
			Files: &EventFiles{Directory: filepath.Join("testdata", "events"), MaxBytes: 1 << 30},
		},
	}
	if diff := cmp.Diff(want, c.Subscriptions); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestParsePosition(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]Position{
		"beginning": {}, "0": {}, "now": {Now: true}, "17": {Seq: 17},
		"2026-10-01T00:00:00+02:00": {At: time.Date(2026, 9, 30, 22, 0, 0, 0, time.UTC)},
	} {
		if got, err := ParsePosition(s); err != nil || got.Now != want.Now || got.Seq != want.Seq || !got.At.Equal(want.At) {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "-1", "2026-10-01", "end", "1e3"} {
		if got, err := ParsePosition(s); err == nil {
			t.Errorf("%q: %+v", s, got)
		}
	}
}
