package event

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/marktbote/marktbote/edifact"
)

// compiled returns the schemas of all types.
var compiled = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	list := map[string]*jsonschema.Schema{}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, name := range Types() {
		text, _ := Schema(name)
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		id := schemaBase + name + ".json"
		if err := c.AddResource(id, doc); err != nil {
			return nil, err
		}
		s, err := c.Compile(id)
		if err != nil {
			return nil, err
		}
		list[typePrefix+name] = s
	}
	return list, nil
})

// validate checks an event against the schema of its type.
func validate(t *testing.T, e Event) {
	t.Helper()
	schemas, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(e)
	if err != nil {
		t.Error(err)
		return
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Error(err)
		return
	}
	s := schemas[e.Type]
	if s == nil {
		t.Errorf("no schema for %s", e.Type)
		return
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%s: %v\n%s", e.Pruefidentifikator, err, b)
	}
}

// TestSchema checks the events of every Pruefidentifikator against the schemas that the binary publishes.
func TestSchema(t *testing.T) {
	t.Parallel()
	generated(t, func(t *testing.T, _ string, env Envelope, unb *edifact.Segment, m *edifact.Message) {
		list, _ := FromMessage(env, unb, m)
		for _, e := range list {
			validate(t, e)
		}
	})
	for _, g := range golden {
		for _, e := range events(t, "valid/"+g.fixture+".edi", received.with(g.sender, g.recipient)) {
			validate(t, e)
		}
	}
}

// TestSchemaRejects checks that a schema says what is wrong.
func TestSchemaRejects(t *testing.T) {
	t.Parallel()
	schemas, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	e := events(t, "valid/mscons-13025.edi", received)[0]
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		`"resolution":`: `"aufloesung":`, `"count":96`: `"count":"96"`, `"message":`: `"nachricht":`, `"id":`: `"ID":`,
	} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(string(b), from, to, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if schemas[e.Type].Validate(doc) == nil {
			t.Errorf("%s instead of %s is valid", to, from)
		}
	}
}

// TestSchemaKnowsNames checks what Schema takes.
func TestSchemaKnowsNames(t *testing.T) {
	t.Parallel()
	long, ok := Schema("de.marktbote.contract.supply-start.requested.v1")
	short, ok2 := Schema("contract.supply-start.requested")
	if !ok || !ok2 || !bytes.Equal(long, short) {
		t.Errorf("%v, %v", ok, ok2)
	}
	if _, ok := Schema("contract.unknown.v1"); ok {
		t.Error("want no schema")
	}
}
