package event

// schema is a part of a JSON Schema.
type schema = map[string]any

var (
	typeText    = schema{"type": "string"}
	typeInteger = schema{"type": "integer"}
)

// refTo refers to a definition that all schemas share.
func refTo(name string) schema { return schema{"$ref": "#/$defs/" + name} }

func listOf(items schema) schema { return schema{"type": "array", "minItems": 1, "items": items} }
