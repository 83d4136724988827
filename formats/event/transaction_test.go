package event

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/marktbote/marktbote/formats/ident"
)

// message wraps segments into an interchange with one message of a type.
func message(kind string, segments ...string) []byte {
	return []byte("UNB+UNOC:3+9999300000037:500+9999100000013:500+261120:0630+REF'UNH+1+" + kind + ":D:11A:UN:1.0'" +
		strings.Join(segments, "'") + "'UNT+0+1'UNZ+1+REF'")
}

// TestTransactions checks for every shape of message where transactions begin and end and where the
// Pruefidentifikator stands.
func TestTransactions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		in   []byte
		want []Transaction
	}{
		{"UTILMD", message("UTILMD", "BGM+E02+D1", "IDE+24+V1", "LOC+Z17+DE00099999999MUSTERBACH0000000001", "LOC+Z16+90000000019",
			"RFF+Z13:55004", "IDE+24+V2", "RFF+Z13:55005", "RFF+TN:V0"),
			[]Transaction{
				{Number: "V1", Pruefidentifikator: "55004", Object: "90000000019", ObjectKind: ident.KindMaLo, First: 3, Last: 6},
				{Number: "V2", Pruefidentifikator: "55005", First: 7, Last: 9},
			}},
		{"UTILMD Gas", message("UTILMD", "BGM+E01+D1", "IDE+24+V1", "LOC+172+DE00099999999MUSTERBACH0000000001", "RFF+Z13:44001"),
			[]Transaction{{Number: "V1", Pruefidentifikator: "44001", Object: "DE00099999999MUSTERBACH0000000001",
				ObjectKind: ident.KindMeLo, First: 3, Last: 5}}},
		{"list", message("UTILMD", "BGM+Z08+D1", "IDE+Z01+L1", "RFF+Z13:55065", "IDE+24+R1", "LOC+Z15+DE1", "IDE+24+R2", "LOC+Z15+DE2"),
			[]Transaction{{Number: "L1", List: true, Pruefidentifikator: "55065", First: 3, Last: 8}}},
		{"UTILTS", message("UTILTS", "BGM+Z36+D1", "IDE+24+V1", "LOC+Z09+ABC", "RFF+Z13:25005"),
			[]Transaction{{Number: "V1", Pruefidentifikator: "25005", Object: "ABC", ObjectKind: KindDefinition, First: 3, Last: 5}}},
		{"IFTSTA", message("IFTSTA", "BGM+Z03+D1", "CNI+1", "LOC+172+90000000019", "STS+Z37+Z14", "RFF+Z13:21039", "STS+Z38+Z14",
			"RFF+Z13:21039", "CNI+2", "STS+Z39+Z17", "RFF+Z13:21040"),
			[]Transaction{
				{Number: "1", Status: 1, Pruefidentifikator: "21039", Object: "90000000019", ObjectKind: ident.KindMaLo, First: 3, Last: 6},
				{Number: "1", Status: 2, Pruefidentifikator: "21039", Object: "90000000019", ObjectKind: ident.KindMaLo, First: 7, Last: 8},
				{Number: "2", Status: 1, Pruefidentifikator: "21040", First: 9, Last: 11},
			}},
		{"IFTSTA MaBiS", message("IFTSTA", "BGM+Z06+D1", "EQD+Z01+1", "RFF+Z13:21000", "RFF+AUU:X", "STS+Z01+Z08", "EQD+Z01+2", "RFF+Z13:21000"),
			[]Transaction{
				{Number: "1", Pruefidentifikator: "21000", First: 3, Last: 6},
				{Number: "2", Pruefidentifikator: "21000", First: 7, Last: 8},
			}},
		{"INSRPT", message("INSRPT", "BGM+4+D1", "DOC+21+M1", "RFF+Z13:23001", "LIN+1", "NAD+DP", "LOC+172+90000000019", "DOC+21+M2", "RFF+Z13:23001"),
			[]Transaction{
				{Number: "M1", Pruefidentifikator: "23001", Object: "90000000019", ObjectKind: ident.KindMaLo, First: 3, Last: 7},
				{Number: "M2", Pruefidentifikator: "23001", First: 8, Last: 9},
			}},
		{"MSCONS", message("MSCONS", "BGM+7+D1", "RFF+Z13:13017", "UNS+D", "NAD+DP", "LOC+172", "RFF+AGK:KONF"),
			[]Transaction{{Pruefidentifikator: "13017", Object: "KONF", ObjectKind: KindConfiguration, First: 1, Last: 8}}},
		{"REMADV", message("REMADV", "BGM+239+D1", "DTM+137:202611200630?+00:303", "RFF+Z13:33002"),
			[]Transaction{{Pruefidentifikator: "33002", First: 1, Last: 5}}},
		{"COMDIS", message("COMDIS", "BGM+456+D1", "RFF+Z13:29001"),
			[]Transaction{{Pruefidentifikator: "29001", First: 1, Last: 4}}},
		{"CONTRL", message("CONTRL", "UCI+X"), []Transaction{{First: 1, Last: 3}}},
	} {
		_, messages := parse(t, tt.in)
		got := Transactions(messages[0])
		if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreUnexported(Transaction{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	_, messages := read(t, "valid/utilmd-55004.edi")
	if code, number := DocumentCode(messages[0]), DocumentNumber(messages[0]); code != "E02" || number != "LF-2026-000110" {
		t.Errorf("got %q, %q", code, number)
	}
	if got := pids(Transactions(messages[0])); len(got) != 2 || got[1] != "55004" {
		t.Errorf("got %v", got)
	}
	_, messages = read(t, "valid/contrl-syntaxfehler-datei.edi")
	if code := DocumentCode(messages[0]); code != "" {
		t.Errorf("CONTRL has document code %q", code)
	}
}
