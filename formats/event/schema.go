package event

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// schema is a part of a JSON Schema.
type schema = map[string]any

var (
	typeText    = schema{"type": "string"}
	typeInteger = schema{"type": "integer"}
	typeBool    = schema{"type": "boolean"}
)

// refTo refers to a definition that all schemas share.
func refTo(name string) schema { return schema{"$ref": "#/$defs/" + name} }

func listOf(items schema) schema { return schema{"type": "array", "minItems": 1, "items": items} }

// objectOf is an object with some fields and no others. A name with a question mark need not be there.
func objectOf(fields schema) schema {
	properties, required := schema{}, []string{}
	for name, s := range fields {
		short, optional := strings.CutSuffix(name, "?")
		properties[short] = s
		if !optional {
			required = append(required, short)
		}
	}
	slices.Sort(required)
	o := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// definitions are what the schemas share. A schema has those that it needs.
var definitions = map[string]schema{
	"instant": {"type": "string", "format": "date-time", "pattern": "Z$", "description": "instant, RFC 3339 in UTC"},
	"day":     {"type": "string", "format": "date", "description": "day of the Sparte: Strom from midnight, Gas from 06:00 legal German time"},
	"decimal": {"type": "string", "pattern": `^-?[0-9]+(\.[0-9]+)?$`, "description": "decimal number with the digits of the sender"},
	"time": {"description": "instant, day or month; or a value with its format, DE 2379", "anyOf": []any{
		typeText, objectOf(schema{"value": typeText, "format": typeText})}},
	"code":     objectOf(schema{"code": typeText, "name?": typeText}),
	"quantity": objectOf(schema{"value": refTo("decimal"), "unit?": typeText}),
	"answer":   objectOf(schema{"code": typeText, "table": typeText, "text?": typeText}),
	"party":    objectOf(schema{"id": typeText, "codeList": typeText}),
	"name":     objectOf(schema{"parts": listOf(typeText), "structure?": refTo("code")}),
	"address": objectOf(schema{"name?": refTo("name"), "details?": listOf(typeText), "street?": listOf(typeText),
		"city?": typeText, "postalCode?": typeText, "country?": typeText}),
	"contact":     objectOf(schema{"type": typeText, "value": typeText}),
	"product":     objectOf(schema{"code?": typeText, "list?": typeText, "details?": listOf(refTo("code"))}),
	"status":      objectOf(schema{"category": typeText, "status?": typeText, "table?": typeText, "reasons?": listOf(refTo("answer"))}),
	"note":        objectOf(schema{"qualifier": typeText, "code?": typeText, "text?": typeText}),
	"description": objectOf(schema{"type?": typeText, "property?": typeText, "code?": typeText, "text?": listOf(typeText)}),
	"productPackage": objectOf(schema{"id": typeText, "priority?": typeInteger, "coverage?": refTo("code"),
		"products": schema{"type": []any{"array", "null"}, "items": objectOf(schema{"code": typeText, "properties?": listOf(typeText), "values?": listOf(typeText)})}}),
	"assignedMsb": objectOf(schema{"location?": typeText, "locationKind": typeText, "id": typeText, "role?": refTo("code"),
		"basis?": refTo("code"), "gmsb?": typeText}),
	"levyPrivilege": objectOf(schema{"basis": schema{"anyOf": []any{refTo("code"), schema{"type": "null"}}}, "reasons?": listOf(typeText)}),
	"segment": describe(objectOf(schema{"segment": typeInteger, "group?": typeText, "tag": typeText,
		"elements": schema{"type": []any{"array", "null"}, "items": schema{"type": "array", "items": typeText}}}),
		"a segment as sent: elements behind the tag, each a list of components"),
	"message": objectOf(schema{
		"interchange": typeText, "reference": typeText, "type": typeText, "version": typeText, "document": typeText,
		"documentCode": typeText, "documentFunction?": typeText, "documentTime": refTo("instant"), "receivedTime?": refTo("instant"),
		"transaction?": typeText, "pruefidentifikator": typeText, "sender": refTo("party"), "recipient": refTo("party"),
		"references?":  listOf(objectOf(schema{"qualifier": typeText, "value": typeText, "meaning?": typeText})),
		"firstSegment": typeInteger, "lastSegment": typeInteger, "original?": typeText,
		"list?": objectOf(schema{"reference": typeText, "number": typeInteger, "last": typeBool}),
	}),
	"interval":    objectOf(schema{"from": refTo("instant"), "to": refTo("instant"), "firstDay": refTo("day"), "lastDay": refTo("day")}),
	"valueStatus": objectOf(schema{"category": typeText, "name?": typeText, "code": typeText}),
	"value": objectOf(schema{
		"line": typeInteger, "obis": typeText, "obisList": typeText, "value": refTo("decimal"), "unit?": typeText,
		"quality": refTo("code"), "usageTime?": refTo("instant"), "usageDay?": refTo("day"), "readingDate?": typeText,
		"executionTime?": refTo("instant"), "interval?": refTo("interval"), "powerPeriod?": typeText,
		"statusInfo?": listOf(refTo("valueStatus")),
	}),
	"series": describe(objectOf(schema{
		"line": typeInteger, "obis": typeText, "obisList": typeText, "unit?": typeText, "start": refTo("instant"), "end": refTo("instant"),
		"resolution": typeText, "firstDay": refTo("day"), "lastDay": refTo("day"), "count": typeInteger, "expectedCount": typeInteger,
		"values":      schema{"type": "array", "items": refTo("decimal")},
		"quality":     listOf(objectOf(schema{"code": typeText, "name?": typeText, "count": typeInteger})),
		"statusInfo?": listOf(objectOf(schema{"from": typeInteger, "count": typeInteger, "status": listOf(refTo("valueStatus"))})),
	}), "values of equal length without gap: value i holds from start + i × resolution on"),
}

func describe(s schema, text string) schema {
	s["description"] = text
	return s
}

// Types returns the types of all events that messages give, sorted, without prefix: contract.supply-start.requested.v1.
func Types() []string {
	var list []string
	for name := range mappings().byName {
		list = append(list, name+typeSuffix)
	}
	slices.Sort(list)
	return list
}

// Schema returns the JSON Schema (draft 2020-12) of the events of a type, with or without prefix. The id of a schema is
// the dataschema of the events. ok is false if messages give no such events.
func Schema(eventType string) (text []byte, ok bool) {
	name := strings.TrimSuffix(strings.TrimPrefix(eventType, typePrefix), typeSuffix)
	rows := mappings().byName[name]
	if len(rows) == 0 {
		return nil, false
	}
	s := schema{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"$id":         schemaBase + name + typeSuffix + ".json",
		"title":       name,
		"description": fmt.Sprintf("CloudEvent of the Pruefidentifikatoren %s", strings.Join(pidsOf(rows), ", ")),
	}
	maps.Copy(s, objectOf(schema{
		"specversion": schema{"const": "1.0"}, "id": typeText, "source": typeText,
		"type": schema{"const": typePrefix + name + typeSuffix}, "subject?": typeText, "time": refTo("instant"),
		"datacontenttype": schema{"const": "application/json"}, "dataschema": schema{"const": schemaBase + name + typeSuffix + ".json"},
		"partitionkey?": typeText, "sequence?": schema{"type": "string", "pattern": "^[0-9]{20}$"}, "recordedtime?": refTo("instant"),
		"correlationid?": typeText, "causationid?": typeText, "sparte?": schema{"enum": []any{"strom", "gas"}},
		"direction?": schema{"enum": []any{"in", "out"}}, "pid?": typeText, "formatversion?": typeText, "sender?": typeText,
		"senderrole?": typeText, "recipient?": typeText, "recipientrole?": typeText, "testindicator": typeBool,
		"data": dataSchema(rows),
	}))
	defs := schema{}
	needed(s, defs)
	s["$defs"] = defs
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("event: a schema cannot be written: " + err.Error()) // it is made of maps, lists and texts
	}
	return text, true
}

func pidsOf(rows []*mapping) (list []string) {
	for _, m := range rows {
		list = append(list, m.pid.String())
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// dataSchema is the schema of the data of events that come from one or more mapping files.
func dataSchema(rows []*mapping) schema {
	var records, meters []*table
	for _, m := range rows {
		list := &records
		if m.family != 0 {
			list = &meters
		}
		if !slices.Contains(*list, m.table) {
			*list = append(*list, m.table)
		}
	}
	switch {
	case len(meters) == 0:
		return shapeSchema(records, false)
	case len(records) == 0:
		return shapeSchema(meters, true)
	}
	return schema{"anyOf": []any{shapeSchema(records, false), shapeSchema(meters, true)}}
}

// shapeSchema is the schema of Record or Meter with the fields of some mapping files.
func shapeSchema(tables []*table, meter bool) schema {
	fields, personal := schema{}, schema{"more?": listOf(refTo("segment"))}
	for _, t := range tables {
		fieldSchemas(t.object, fields, personal)
	}
	if meter {
		details := fields
		fields = meterSchema()
		fields["details?"] = objectOf(details)
	}
	fields["message"], fields["more?"], fields["personal?"] = refTo("message"), listOf(refTo("segment")), objectOf(personal)
	return objectOf(fields)
}

// meterSchema is the schema of Meter without what the mapping file says.
func meterSchema() schema {
	return schema{
		"object": typeText, "objectKind": typeText, "deviceNumber?": typeText, "version": refTo("instant"), "orderRef?": typeText,
		"baseMessageRef?": typeText, "cancels?": typeText, "voids?": listOf(typeText), "period?": refTo("interval"),
		"registers?": listOf(refTo("value")), "energies?": listOf(refTo("value")), "series?": listOf(refTo("series")),
	}
}

// fieldSchemas adds the schemas of the fields of an object.
func fieldSchemas(o *object, into, personal schema) {
	for _, x := range o.fields {
		to := into
		if x.personal {
			to = personal
		}
		var s schema
		if x.object != nil {
			inner := schema{}
			fieldSchemas(x.object, inner, inner)
			s = objectOf(inner)
		} else {
			s = kinds[x.kind].schema
			if extra := kinds[x.kind].extraSchema; extra != nil {
				to[x.arg+"?"] = extra
			}
		}
		if x.list {
			s = listOf(s)
		}
		if known, ok := to[x.name+"?"].(schema); ok {
			s = merged(known, s)
		}
		to[x.name+"?"] = s
	}
}

// merged joins the schemas that two mapping files have for fields of the same name: objects have the fields of both.
func merged(a, b schema) schema {
	if reflect.DeepEqual(a, b) {
		return a
	}
	if items, ok := a["items"].(schema); ok {
		if others, ok := b["items"].(schema); ok {
			return listOf(merged(items, others))
		}
	}
	p, ok := a["properties"].(schema)
	q, ok2 := b["properties"].(schema)
	if !ok || !ok2 {
		return schema{"anyOf": []any{a, b}}
	}
	fields := schema{}
	for name, s := range p {
		fields[name+"?"] = s
	}
	for name, s := range q {
		fields[name+"?"] = s
		if known, both := p[name]; both {
			fields[name+"?"] = merged(known.(schema), s.(schema))
		}
	}
	return objectOf(fields)
}

// needed collects the definitions that a schema refers to.
func needed(v any, defs schema) {
	switch x := v.(type) {
	case schema:
		if ref, ok := x["$ref"].(string); ok {
			name := strings.TrimPrefix(ref, "#/$defs/")
			if defs[name] == nil {
				defs[name] = definitions[name]
				needed(definitions[name], defs)
			}
		}
		for _, y := range x {
			needed(y, defs)
		}
	case []any:
		for _, y := range x {
			needed(y, defs)
		}
	}
}
