package mig_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/mig"
	"github.com/marktbote/marktbote/formats/rules"
)

// read returns a file of testdata in ISO 8859-1, as it is sent.
func read(tb testing.TB, name string) []byte {
	tb.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	data, err := edifact.AppendLatin1(nil, string(bytes.ReplaceAll(text, []byte("\n"), nil)))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// messages reads all messages of an interchange.
func messages(tb testing.TB, data []byte) []*edifact.Message {
	tb.Helper()
	var list []*edifact.Message
	r := edifact.NewReader(bytes.NewReader(data), edifact.Options{})
	for {
		m := new(edifact.Message)
		if err := r.NextMessage(m); err == io.EOF {
			return list
		} else if err != nil {
			tb.Fatal(err)
		}
		list = append(list, m)
	}
}

// packFor finds the pack for a message by its UNH.
func packFor(tb testing.TB, m *edifact.Message) *rules.Pack {
	tb.Helper()
	unh := m.Segment(1)
	p, err := rules.Find(unh.Text(3, 1), unh.Text(3, 5), "FV2610")
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// check returns the findings of all messages of an interchange.
func check(tb testing.TB, data []byte) (list []formats.Finding) {
	tb.Helper()
	var c mig.Checker
	for _, m := range messages(tb, data) {
		c.Check(packFor(tb, m), m, 100, func(f formats.Finding) { list = append(list, f) })
	}
	return list
}

func TestCorrectMessages(t *testing.T) {
	t.Parallel()
	for _, name := range faultFiles {
		r := edifact.NewReader(bytes.NewReader(read(t, name)), edifact.Options{})
		for _, err := r.Next(); err == nil; _, err = r.Next() {
		}
		for _, f := range r.Faults() {
			t.Errorf("%s: %v", name, &f)
		}
		for _, f := range check(t, read(t, name)) {
			t.Errorf("%s: %s %s %s (segment %d %s, %d:%d)", name, f.Code, f.Path, f.Text, f.SegmentNumber, f.Segment, f.Element, f.Component)
		}
	}
}

// packText returns the text of a pack.
func packText(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile("../rules/packs/FV2610/" + name + ".pack")
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func TestPlacement(t *testing.T) {
	t.Parallel()
	m := messages(t, read(t, "FV2610/55001_einzug.edi"))[0]
	p := packFor(t, m)
	var c mig.Checker
	pl := c.Check(p, m, 10, func(f formats.Finding) { t.Error(f.Text) })
	for _, want := range []struct {
		segment  int
		nr, path string
	}{
		{1, "00003", "UNH[1]"},
		{5, "00011", "SG2[2]/NAD[1]"},
		{8, "00036", "SG4[1]/STS[1]"},
		{14, "00085", "SG4[1]/SG8[1]/SG10[1]/CAV[1]"},
		{19, "00145", "SG4[1]/SG8[3]/SG10[1]/CCI[1]"},
		{26, "X901", "SG4[1]/SG12[2]/SG13[1]/COM[2]"},
		{27, "00020", "SG4[2]/IDE[1]"},
		{39, "00495", "SG4[2]/SG12[1]/NAD[1]"},
		{40, "00527", "UNT[1]"},
	} {
		if got := p.Nodes[pl.Nodes[want.segment-1]].Nr; got != want.nr || pl.Path(want.segment) != want.path {
			t.Errorf("segment %d: %s %s, want %s %s", want.segment, got, pl.Path(want.segment), want.nr, want.path)
		}
	}
	var transactions [][2]int32
	for _, in := range pl.Instances {
		if p.Nodes[in.Node].Group == "SG4" {
			transactions = append(transactions, [2]int32{in.First, in.End})
		}
	}
	if len(transactions) != 2 || transactions[0] != [2]int32{6, 27} || transactions[1] != [2]int32{27, 40} {
		t.Errorf("transactions are %v", transactions)
	}
	if !pl.Complete {
		t.Error("placement is not complete")
	}
}

// The decimal mark is the one of UNA.
func TestDecimalMarkOfUNA(t *testing.T) {
	t.Parallel()
	data := read(t, "FV2610/13025_lastgang.edi")
	comma := bytes.Replace(data, []byte("UNA:+.? "), []byte("UNA:+,? "), 1)
	for _, s := range []string{"17.25", "16.5", "16.75", "0.125"} {
		comma = bytes.Replace(comma, []byte(s), bytes.ReplaceAll([]byte(s), []byte("."), []byte(",")), 1)
	}
	if got := check(t, comma); len(got) != 0 {
		t.Errorf("%d findings, first %s", len(got), got[0].Text)
	}
	got := check(t, bytes.Replace(data, []byte("UNA:+.? "), []byte("UNA:+,? "), 1))
	if len(got) != 4 || got[0].Code != "E2015" || got[0].Wire.Code != "19" {
		t.Errorf("%d findings, want 4 times E2015", len(got))
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	data := bytes.ReplaceAll(read(t, "FV2610/13025_lastgang.edi"), []byte("DTM+163"), []byte("DTM+999"))
	m := messages(t, data)[0]
	var c mig.Checker
	for _, limit := range []int{1, 3, 100} {
		n := 0
		pl := c.Check(packFor(t, m), m, limit, func(formats.Finding) { n++ })
		if want := min(limit, 6); n != want || pl.Complete != (limit > 6) || len(pl.Nodes) != m.Len() {
			t.Errorf("limit %d: %d findings, complete %v, %d nodes", limit, n, pl.Complete, len(pl.Nodes))
		}
	}
}

func TestEnglish(t *testing.T) {
	t.Parallel()
	m := messages(t, bytes.Replace(read(t, "FV2610/13025_lastgang.edi"), []byte("UNS+D'"), nil, 1))[0]
	c := mig.Checker{Lang: formats.English}
	c.Check(packFor(t, m), m, 10, func(f formats.Finding) {
		if want := "The mandatory segment UNS (Abschnitts-Kontrollsegment) is missing here."; f.Text != want {
			t.Errorf("text is %q, want %q", f.Text, want)
		}
	})
}

// A segment without a readable tag has been reported by the syntax check and is not reported again.
func TestNoTag(t *testing.T) {
	t.Parallel()
	data := bytes.Replace(read(t, "FV2610/13025_lastgang.edi"), []byte("UNS+D'"), []byte("uns+D'"), 1)
	if got := check(t, data); len(got) != 0 {
		t.Errorf("%d findings, first %s", len(got), got[0].Text)
	}
}

// A segment that stands far behind its place is reported there only, not as missing as well.
func TestMovedFar(t *testing.T) {
	t.Parallel()
	const date = "DTM+137:202611030830?+00:303'"
	data := bytes.Replace(read(t, "FV2610/13025_lastgang.edi"), []byte(date), nil, 1)
	data = bytes.Replace(data, []byte("UNT+"), []byte(date+"UNT+"), 1)
	got := check(t, data)
	if len(got) != 1 || got[0].Code != "E2002" || got[0].SegmentNumber != 32 || got[0].Segment != "DTM" {
		t.Errorf("got %+v", got)
	}
}

// TestEndsEarly: a message that ends too soon lacks things, and all of them are missing in front of UNT.
func TestEndsEarly(t *testing.T) {
	t.Parallel()
	for key, file := range faultFiles {
		segments := bytes.Split(read(t, file), []byte("'"))
		end := slices.IndexFunc(segments, func(s []byte) bool { return bytes.HasPrefix(s, []byte("UNT")) })
		begin := slices.IndexFunc(segments, func(s []byte) bool { return bytes.HasPrefix(s, []byte("UNH")) })
		for last := begin; last < end-1; last++ {
			data := bytes.Join(slices.Concat(segments[:last+1], segments[end:]), []byte("'"))
			for _, f := range check(t, data) {
				if f.Wire.Code != "13" || f.SegmentNumber != last-begin+1 {
					t.Errorf("%s ends behind %s: %s at segment %d: %s", key, segments[last], f.Code, f.SegmentNumber, f.Text)
				}
			}
		}
	}
}

// TestOtherVersion: what every instance of a group lacks in the same way is reported for each; none of them is taken
// for a segment that does not belong there. The message has the form of APERAK 2.2.
func TestOtherVersion(t *testing.T) {
	t.Parallel()
	const lacks = "RFF+TN:LFVG0000199'FTX+Z02+++Beginn zum'"
	got := check(t, []byte("UNB+UNOC:3+9999200000020:500+9999100000013:500+260802:0826+NM1'UNH+1+APERAK:D:07B:UN:2.1i'"+
		"BGM+313+NB-AP-1'DTM+137:202608020826?+00:303'RFF+ACE:LB1'DTM+171:202608020812?+00:303'RFF+AGO:LF-1'"+
		"NAD+MS+9999200000020::293'NAD+MR+9999100000013::293'ERC+Z35'"+lacks+"ERC+Z29'"+lacks+"ERC+Z39'"+lacks+"UNT+18+1'UNZ+1+NM1'"))
	at := ""
	for _, f := range got {
		at += fmt.Sprint(f.Code, " ", f.SegmentNumber, " ")
	}
	if want := "E2004 11 E2004 11 E2004 14 E2004 14 E2004 17 E2004 17 "; at != want {
		t.Errorf("got %s, want %s", at, want)
	}
}
