package edifact_test

import (
	"strings"
	"testing"

	"github.com/marktbote/marktbote/edifact"
)

func TestPartOf(t *testing.T) {
	tests := []struct {
		unh     string // behind the message identifier
		part    edifact.Part
		is      bool
		place   string // element:component of the fault
		missing bool
	}{
		{"", edifact.Part{}, false, "", false},
		{"+", edifact.Part{}, false, "", false},
		{"+SERIES+1:C", edifact.Part{Series: "SERIES", Number: 1, First: true}, true, "", false},
		{"+SERIES+2", edifact.Part{Series: "SERIES", Number: 2}, true, "", false},
		{"+SERIES+03:F", edifact.Part{Series: "SERIES", Number: 3, Last: true}, true, "", false},
		{"++2", edifact.Part{Number: 2}, true, "4:0", true},
		{"+SERIES", edifact.Part{Series: "SERIES"}, true, "5:1", true},
		{"+SERIES+:C", edifact.Part{Series: "SERIES", First: true}, true, "5:1", true},
		{"+SERIES+X:F", edifact.Part{Series: "SERIES", Last: true}, true, "5:1", false},
		{"+SERIES+100", edifact.Part{Series: "SERIES", Number: 100}, true, "5:1", false},
		{"+SERIES+2:C", edifact.Part{Series: "SERIES", Number: 2, First: true}, true, "5:1", false},
		{"+SERIES+1", edifact.Part{Series: "SERIES", Number: 1}, true, "5:1", false},
		{"+SERIES+2:L", edifact.Part{Series: "SERIES", Number: 2}, true, "5:2", false},
	}
	for _, tt := range tests {
		r := edifact.NewReader(strings.NewReader(unb+"UNH+1+UTILMD:D:11A:UN:S2.2"+tt.unh+"'"+unt+unz), edifact.Options{})
		var m edifact.Message
		if err := r.NextMessage(&m); err != nil {
			t.Fatal(err)
		}
		s := m.Segment(1)
		part, is := edifact.PartOf(&s)
		if part != tt.part || is != tt.is {
			t.Errorf("%q: %+v, %v", tt.unh, part, is)
		}
		if !is {
			continue
		}
		place := ""
		pos, missing, bad := part.Fault(&s)
		if bad {
			place = string(rune('0'+pos.Element)) + ":" + string(rune('0'+pos.Component))
		}
		if place != tt.place || missing != tt.missing {
			t.Errorf("%q: fault at %q, missing %v, want %q, %v", tt.unh, place, missing, tt.place, tt.missing)
		}
	}
}
