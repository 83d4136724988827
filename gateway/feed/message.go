package feed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/marktbote/marktbote/gateway"
	"github.com/marktbote/marktbote/store"
)

// Message is an event on its way to a receiver.
type Message struct {
	Seq          int64
	ID           string
	Type         string
	PartitionKey string
	JSON         []byte // the CloudEvent in structured mode
}

// attribute is a context attribute of a CloudEvent in its canonical text form.
type attribute struct {
	name, value string
}

// eventPath is where an event can be had.
func eventPath(id string) string { return "/v1/events/" + url.PathEscape(id) }

// toMessage is an event as it is delivered. What is larger than limit bytes, if that is not 0, goes without data and with
// a link to them below base.
//
// Spec: CloudEvents 1.0.2 dataref extension
func toMessage(e store.Event, limit int, base string) (Message, error) {
	m := Message{Seq: e.Seq, ID: e.ID, Type: e.Type, PartitionKey: e.PartitionKey, JSON: eventJSON(e)}
	if limit == 0 || len(m.JSON) <= limit || len(e.Data) == 0 {
		return m, nil
	}
	var b bytes.Buffer
	err := members(m.JSON, func(name string, value json.RawMessage) {
		if name != "data" {
			b.WriteByte(',')
			writeMember(&b, name, value)
		}
	})
	if err != nil {
		return m, fmt.Errorf("feed: stored event %s: %w", e.ID, err)
	}
	ref, err := json.Marshal(strings.TrimSuffix(base, "/") + eventPath(e.ID) + "/data")
	if err != nil {
		return m, err
	}
	b.WriteByte(',')
	writeMember(&b, "dataref", ref)
	m.JSON = append([]byte{'{'}, append(b.Bytes()[1:], '}')...)
	return m, nil
}

// eventJSON is a CloudEvent as JSON. One whose data retention has destroyed has a tombstone in its place: what the outbox
// still knows about it, no data, and the attribute tombstone. Its source is not known any more.
func eventJSON(e store.Event) []byte {
	if len(e.Data) > 0 {
		return gateway.EventJSON(e)
	}
	data, err := json.Marshal(struct {
		Sequence     string    `json:"sequence"`
		SpecVersion  string    `json:"specversion"`
		ID           string    `json:"id"`
		Source       string    `json:"source"`
		Type         string    `json:"type"`
		Subject      string    `json:"subject,omitempty"`
		PartitionKey string    `json:"partitionkey,omitempty"`
		RecordedTime time.Time `json:"recordedtime,omitzero"`
		Tombstone    bool      `json:"tombstone"`
	}{fmt.Sprintf("%020d", e.Seq), "1.0", e.ID, tombstoneSource, e.Type, e.Subject, e.PartitionKey, e.RecordedAt, true})
	if err != nil {
		panic(err) // texts and an instant within the years of JSON
	}
	return data
}

// tombstoneSource is the source of events whose source was destroyed.
const tombstoneSource = "urn:marktbote:tombstone"

func writeMember(b *bytes.Buffer, name string, value json.RawMessage) {
	key, err := json.Marshal(name)
	if err != nil {
		panic(err) // a text
	}
	b.Write(key)
	b.WriteByte(':')
	b.Write(value)
}

var errNoObject = errors.New("no JSON object")

// members calls do for each member of a JSON object.
func members(object []byte, do func(name string, value json.RawMessage)) error {
	dec := json.NewDecoder(bytes.NewReader(object))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errNoObject
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		name, ok := t.(string)
		if !ok {
			return errNoObject
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
		do(name, value)
	}
	_, err := dec.Token()
	return err
}

// binary splits a CloudEvent for the binary mode: attributes for headers but for datacontenttype, which is the content
// type, and the data.
func (m *Message) binary() (attributes []attribute, contentType string, data []byte, err error) {
	err = members(m.JSON, func(name string, value json.RawMessage) {
		switch {
		case name == "data":
			data = value
		case string(value) == "null":
		default:
			text := string(value)
			if value[0] == '"' {
				if unquoted := ""; json.Unmarshal(value, &unquoted) == nil {
					text = unquoted
				}
			}
			if name == "datacontenttype" {
				contentType = text
			} else {
				attributes = append(attributes, attribute{name, text})
			}
		}
	})
	if err != nil {
		return nil, "", nil, fmt.Errorf("feed: stored event %s: %w", m.ID, err)
	}
	return attributes, contentType, data, nil
}

// Content types of CloudEvents in JSON.
const (
	typeEvent  = "application/cloudevents+json; charset=UTF-8"
	typeStream = "text/event-stream"
	typeJSON   = "application/json"
)
