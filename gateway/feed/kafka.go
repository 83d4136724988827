package feed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/marktbote/marktbote/gateway/config"
)

// kafkaWait is how long a record may take until all in-sync replicas have it.
const kafkaWait = 30 * time.Second

// kafkaSink produces records whose key is the partition key, idempotently, and waits for all in-sync replicas.
//
// Spec: CloudEvents 1.0.2 Kafka binding 3
type kafkaSink struct {
	config config.Kafka
	client *kgo.Client
}

func openKafka(name string, c config.Kafka) (*kafkaSink, error) {
	options := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...), kgo.DefaultProduceTopic(c.Topic), kgo.ClientID("marktbote-" + name),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.RecordDeliveryTimeout(kafkaWait), kgo.DialTimeout(dialWait),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), // as the clients of Java do, so that others find the partition of a key
		kgo.ProducerBatchCompression(kgo.SnappyCompression(), kgo.NoCompression()), kgo.ProducerLinger(0),
	}
	if !c.Plaintext {
		trust, err := tlsConfig(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("feed: ca_file: %w", err)
		}
		options = append(options, kgo.DialTLSConfig(trust))
	}
	if c.SASL != "" {
		password, err := readSecret(c.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("feed: password_file: %w", err)
		}
		options = append(options, kgo.SASL(mechanism(c.SASL, c.User, password)))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("feed: %w", err)
	}
	return &kafkaSink{config: c, client: client}, nil
}

func mechanism(name, user, password string) sasl.Mechanism {
	switch name {
	case "plain":
		return plain.Auth{User: user, Pass: password}.AsMechanism()
	case "scram-sha-256":
		return scram.Auth{User: user, Pass: password}.AsSha256Mechanism()
	default:
		return scram.Auth{User: user, Pass: password}.AsSha512Mechanism()
	}
}

// Close implements Sink.
func (s *kafkaSink) Close() { s.client.Close() }

// Deliver implements Sink.
func (s *kafkaSink) Deliver(ctx context.Context, events []Message) (int, error) {
	for i := range events {
		r, err := s.record(&events[i])
		if err != nil {
			return i, &refusal{err}
		}
		err = s.client.ProduceSync(ctx, r).FirstErr()
		if errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.InvalidRecord) || errors.Is(err, kerr.RecordListTooLarge) {
			err = &refusal{err}
		}
		if err != nil {
			return i, err
		}
	}
	return len(events), nil
}

func (s *kafkaSink) record(m *Message) (*kgo.Record, error) {
	r := &kgo.Record{Value: m.JSON}
	if m.PartitionKey != "" {
		r.Key = []byte(m.PartitionKey)
	}
	if s.config.Mode != config.ModeBinary {
		r.Headers = []kgo.RecordHeader{{Key: "content-type", Value: []byte(typeEvent)}}
		return r, nil
	}
	attributes, contentType, data, err := m.binary()
	if err != nil {
		return nil, err
	}
	r.Value = data
	if contentType != "" {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "content-type", Value: []byte(contentType)})
	}
	for _, a := range attributes {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "ce_" + a.name, Value: []byte(a.value)})
	}
	return r, nil
}
