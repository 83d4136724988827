package edifact_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/marktbote/marktbote/edifact"
)

func ExampleReader() {
	r := edifact.NewReader(strings.NewReader("UNB+UNOC:3+9900123400007:500+9900987600009:500+261103:0715+REF1'"+
		"UNH+1+UTILMD:D:11A:UN:S2.2'DTM+137:202611030715?+00:303'UNT+4+1'UNZ+1+REF1'"), edifact.Options{})
	for {
		seg, err := r.Next() // io.EOF at the end of the input
		if err != nil {
			break
		}
		fmt.Printf("%s %q %q\n", seg.Tag(), seg.Text(2, 1), seg.Text(2, 2))
	}
	for _, fault := range r.Faults() {
		fmt.Println(fault.Pos, "code", fault.Code())
	}
	// Output:
	// UNB "UNOC" "3"
	// UNH "1" ""
	// DTM "137" "202611030715+00"
	// UNT "4" ""
	// UNZ "1" ""
	// byte 124, message 1, segment 3 (UNT), element 2 code 29
}

func ExampleWriter() {
	w := edifact.NewWriter(os.Stdout, edifact.DefaultService)
	_ = w.Segment("UNB", edifact.C("UNOC", "3"), edifact.C("9900123400007", "500"), edifact.C("9900987600009", "500"),
		edifact.C("261103", "0715"), edifact.C("REF1"))
	_ = w.BeginMessage("1", edifact.C("UTILMD", "D", "11A", "UN", "S2.2"))
	_ = w.Segment("DTM", edifact.C("137", "202611030715+00", "303"))
	_ = w.EndMessage()
	_ = w.EndInterchange()
	if err := w.Flush(); err != nil { // reports the first error of all calls
		fmt.Println(err)
	}
	// Output: UNB+UNOC:3+9900123400007:500+9900987600009:500+261103:0715+REF1'UNH+1+UTILMD:D:11A:UN:S2.2'DTM+137:202611030715?+00:303'UNT+3+1'UNZ+1+REF1'
}
