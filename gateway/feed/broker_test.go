package feed

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/marktbote/marktbote/gateway/config"
)

// natsServer runs JetStream on a port, 0 for any.
func natsServer(t testing.TB, dir string, port int) *server.Server {
	t.Helper()
	if port == 0 {
		port = server.RANDOM_PORT
	}
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true, MaxPayload: 8 << 20, DisableJetStreamBanner: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not start")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

// eventStream makes a stream for the subjects of tests.
func eventStream(t testing.TB, url string) jetstream.Stream {
	t.Helper()
	conn, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.CreateOrUpdateStream(context.Background(), jetstream.StreamConfig{
		Name: "events", Subjects: []string{"market.>"}, MaxMsgSize: 64 << 10, Storage: jetstream.FileStorage,
	})
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func natsTo(url string) config.Subscription {
	return config.Subscription{
		Name: "bus", Start: config.StartBeginning, MaxAttempts: 2,
		NATS: &config.NATS{URL: url, Subject: "market.{type}.{sparte}", Mode: config.ModeStructured},
	}
}

// streamed returns the messages of a stream in their order.
func streamed(t testing.TB, stream jetstream.Stream) (list []*jetstream.RawStreamMsg) {
	t.Helper()
	info, err := stream.Info(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq && seq > 0; seq++ {
		m, err := stream.GetMsg(context.Background(), seq)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

// idOf reads the id of an event in structured mode.
func idOf(t testing.TB, event []byte) string {
	t.Helper()
	var e struct{ ID string }
	if err := json.Unmarshal(event, &e); err != nil || e.ID == "" {
		t.Fatalf("%s: %v", event, err)
	}
	return e.ID
}

// TestNATS: a stream gets everything in order, also over a restart of the server, and refuses what is too large.
func TestNATS(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	dir := t.TempDir()
	s := natsServer(t, dir, 0)
	stream := eventStream(t, s.ClientURL())
	port := s.Addr().String()[strings.LastIndexByte(s.Addr().String(), ':')+1:]
	publish(t, st, series("a", 300, 11)...)
	publish(t, st, cloudEvent("large", "de.marktbote.test.v1", "large", strings.Repeat("x", 70<<10)))
	start(t, st, natsTo(s.ClientURL()))
	eventually(t, "only the large one is held", func() bool {
		held := heldOf(t, st, "bus")
		return rowOf(t, st, "bus").Position >= 301 && len(held) == 1 && held[0].EventID == "large" && held[0].State == "dead"
	})
	s.Shutdown()
	s.WaitForShutdown()
	publish(t, st, series("b", 100, 11)...)
	eventually(t, "the fault is noted", func() bool { return rowOf(t, st, "bus").Fault != "" })
	n := 0
	for _, c := range port {
		n = n*10 + int(c-'0')
	}
	natsServer(t, dir, n)
	eventually(t, "everything is delivered", func() bool { return rowOf(t, st, "bus").Position >= 401 && len(heldOf(t, st, "bus")) == 1 })
	var ids []string
	for _, m := range streamed(t, stream) {
		if m.Subject != "market.de.marktbote.test.v1.strom" || m.Header.Get("Nats-Msg-Id") != idOf(t, m.Data) || m.Header.Get("Content-Type") != typeEvent {
			t.Fatalf("%s %v %s", m.Subject, m.Header, m.Data)
		}
		ids = append(ids, idOf(t, m.Data))
	}
	inOrder(t, slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id[0] != 'a' }), 300, 11)
	inOrder(t, slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id[0] != 'b' }), 100, 11)
}

// TestNATSWithoutStream: a subject no stream listens to is a fault of the receiver, not of the event.
func TestNATSWithoutStream(t *testing.T) {
	t.Parallel()
	s := natsServer(t, t.TempDir(), 0)
	sink, err := openNATS("bus", *natsTo(s.ClientURL()).NATS)
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	m, err := toMessage(cloudEvent("1", "t", "p", nil), 0, "")
	if err != nil {
		t.Fatal(err)
	}
	var no *refusal
	if n, err := sink.Deliver(t.Context(), []Message{m}); n != 0 || err == nil || errors.As(err, &no) {
		t.Errorf("%d, %v", n, err)
	}
}

func TestNATSBinary(t *testing.T) {
	t.Parallel()
	s := natsServer(t, t.TempDir(), 0)
	stream := eventStream(t, s.ClientURL())
	c := *natsTo(s.ClientURL()).NATS
	c.Mode = config.ModeBinary
	sink, err := openNATS("bus", c)
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	m, err := toMessage(cloudEvent("1", "t", "ä", map[string]any{"n": 1}), 0, "")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := sink.Deliver(t.Context(), []Message{m, m}); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	list := streamed(t, stream)
	if len(list) != 1 { // the stream knows the second by its id
		t.Fatalf("%d messages", len(list))
	}
	h := list[0].Header
	if string(list[0].Data) != `{"n":1}` || h.Get("ce-id") != "1" || h.Get("ce-type") != "t" || h.Get("ce-partitionkey") != "%C3%A4" || h.Get("Content-Type") != typeJSON {
		t.Errorf("%s %v", list[0].Data, h)
	}
}

func TestNATSSubject(t *testing.T) {
	t.Parallel()
	attributes := []attribute{{"type", "de.x.v1"}, {"subject", "malo/1 *>ü."}, {"empty", ""}}
	for template, want := range map[string]string{
		"{type}": "de.x.v1", "a.{type}.b": "a.de.x.v1.b", "{subject}": "malo/1____", "{empty}.{unknown}": "_._", "plain": "plain", "a{": "a", "{type}{type}": "de.x.v1de.x.v1",
	} {
		if got := natsSubject(template, attributes); got != want {
			t.Errorf("%s: %s, want %s", template, got, want)
		}
	}
}

// kafkaCluster runs brokers with one topic, events, of three partitions.
func kafkaCluster(t testing.TB) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(3, "events"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func kafkaTo(brokers []string) config.Subscription {
	return config.Subscription{
		Name: "lake", Start: config.StartBeginning, MaxAttempts: 2,
		Kafka: &config.Kafka{Brokers: brokers, Topic: "events", Mode: config.ModeStructured, Plaintext: true},
	}
}

// consumed reads the records of the topic from its beginning until there are n different ones.
func consumed(t testing.TB, brokers []string, n int) (list []*kgo.Record) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics("events"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	different := map[string]bool{}
	for len(different) < n {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("%d of %d records: %v", len(different), n, err)
		}
		for _, r := range fetches.Records() {
			list = append(list, r)
			different[string(r.Value)] = true
		}
	}
	return list
}

// TestKafka: the records of a key are in order, over faults of the brokers too.
func TestKafka(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	c := kafkaCluster(t)
	faults := 0
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if faults++; faults%5 == 0 {
			return nil, errors.New("connection cut"), true
		}
		return nil, nil, false
	})
	publish(t, st, series("a", 300, 11)...)
	start(t, st, kafkaTo(c.ListenAddrs()))
	settled(t, st, "lake")
	ids := map[int32][]string{}
	var all []string
	for _, r := range consumed(t, c.ListenAddrs(), 300) {
		id := idOf(t, r.Value)
		if !strings.Contains(string(r.Value), `"partitionkey":"`+string(r.Key)+`"`) || len(r.Headers) != 1 || string(r.Headers[0].Value) != typeEvent {
			t.Fatalf("%s %s %v", r.Key, r.Value, r.Headers)
		}
		ids[r.Partition] = append(ids[r.Partition], id)
		all = append(all, id)
	}
	inOrder(t, all, 300, 11)
	if len(ids) < 2 {
		t.Errorf("%d partitions are used", len(ids))
	}
}

func TestKafkaBinaryAndTooLarge(t *testing.T) {
	t.Parallel()
	c := kafkaCluster(t)
	sub := kafkaTo(c.ListenAddrs())
	sub.Kafka.Mode = config.ModeBinary
	sink, err := openKafka("lake", *sub.Kafka)
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	small, err := toMessage(cloudEvent("1", "t", "ä", map[string]any{"n": 1}), 0, "")
	large, err2 := toMessage(cloudEvent("2", "t", "p", strings.Repeat("x", 2<<20)), 0, "")
	if err = errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	n, err := sink.Deliver(t.Context(), []Message{small, large})
	var no *refusal
	if n != 1 || !errors.As(err, &no) || !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("%d, %v", n, err)
	}
	r := consumed(t, c.ListenAddrs(), 1)[0]
	got := map[string]string{}
	for _, h := range r.Headers {
		got[h.Key] = string(h.Value)
	}
	if string(r.Value) != `{"n":1}` || string(r.Key) != "ä" || got["ce_id"] != "1" || got["ce_subject"] != "malo/ä" || got["content-type"] != typeJSON {
		t.Errorf("%s %s %v", r.Key, r.Value, got)
	}
}
