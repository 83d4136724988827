// Package edifact reads and writes EDIFACT interchanges of ISO 9735 syntax version 3: characters, segments, the
// frame of service segments (UNA, UNB, UNH, UNT, UNZ) and their counters and references. It knows nothing of the
// German market, of message types or of acknowledgements beyond the numbers of the error codes.
//
// A Reader walks over an input of any size with one segment in memory:
//
//	r := edifact.NewReader(file, edifact.Options{})
//	for {
//		seg, err := r.Next() // io.EOF at the end of the input
//		if err != nil {
//			break
//		}
//		if seg.Tag() == edifact.UNH {
//			fmt.Println(seg.Text(3, 1)) // element 3, component 1: the message type
//		}
//	}
//	for _, fault := range r.Faults() {
//		fmt.Println(fault.Pos, fault.Code()) // place and CONTRL code of every syntax error
//	}
//
// Elements are counted as CONTRL counts them: the tag is element 1. A Message keeps UNH to UNT together; a Writer
// produces interchanges, with the same bytes again for what was read in canonical form.
//
// Followed: ISO 9735:1988 with amendment 1 (syntax version 3), character set UNOC (ISO 8859-1); EDI@Energy
// Allgemeine Festlegungen 6.1 chapters 2 to 5; CONTRL MIG 2.0b for codes and positions.
package edifact
