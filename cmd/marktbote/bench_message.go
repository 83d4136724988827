package main

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/gateway/config"
)

// maxBenchBatch bounds the messages of an interchange.
const maxBenchBatch = 1000

// benchMaker makes valid interchanges of a fixture, each with numbers of its own. It is safe for concurrent use.
type benchMaker struct {
	name     string
	sent     time.Time
	own      []config.Party
	partners []config.Party
	head     []byte // UNB; the places of numbers are benchNumber
	message  []byte // UNH to UNT
	next     atomic.Uint64
}

// benchNumber stands for 8 digits in a template: of the interchange in UNB and UNZ, of the message elsewhere, and
// benchIndex for the place of the message.
const (
	benchNumber = "########"
	benchIndex  = "@@@@"
	// benchPartner stands for the last digits of the sender.
	benchPartner = "%%"
)

// benchPartners is how many partners send, in turn.
const benchPartners = 32

// A UTILMD 55001 has about 3 kB if it asks for five Produktpakete, which is as many as it may, of seven parts each; or if
// it has six Vorgänge that ask for one of two parts.
const (
	utilmdPackages  = 5
	utilmdParts     = 7
	bundleVorgaenge = 6
)

func newBenchMaker(message string) (*benchMaker, error) {
	m := &benchMaker{}
	file := "valid/mscons-13025.edi"
	sender, rolle := "9999300000037", "MSB"
	m.name, m.own = "MSCONS 13025", demoSupplier
	if message != "mscons" {
		file = "valid/utilmd-55001.edi"
		sender, rolle = "9999100000013", "LF"
		m.name, m.own = "UTILMD 55001", demoGrid
	}
	if message == "bundle" {
		m.name = "UTILMD 55001, 6 Vorgänge"
	}
	data, err := fixtures.Read(file)
	if err != nil {
		return nil, err
	}
	if m.sent, err = createdAt(data); err != nil {
		return nil, err
	}
	ref, err := controlRef(data)
	if err != nil {
		return nil, err
	}
	start, end := bytes.Index(data, []byte("UNH+")), bytes.Index(data, []byte("UNT+"))
	m.head = bytes.ReplaceAll(data[:start], []byte(ref), []byte("MB"+benchNumber))
	body := bytes.Replace(data[start:end], []byte("UNH+1+"), []byte("UNH+"+benchIndex+"+"), 1)
	switch message {
	case "utilmd":
		body = bytes.ReplaceAll(body, []byte("LF-2026-000101"), []byte("LF"+benchNumber))
		body = withPackages(bytes.Replace(body, []byte("LFVG0000101"), []byte("V"+benchNumber), 1))
	case "bundle":
		body = bytes.ReplaceAll(body, []byte("LF-2026-000101"), []byte("LF"+benchNumber))
		vorgang := bytes.Index(body, []byte("IDE+24+"))
		one := body[vorgang:]
		body = bytes.Clone(body[:vorgang])
		for i := range bundleVorgaenge {
			body = append(body, bytes.Replace(one, []byte("LFVG0000101"), fmt.Appendf(nil, "V%s%d", benchNumber, i), 1)...)
		}
	default:
		body = bytes.ReplaceAll(body, []byte("MSB-2026-000430"), []byte("MSB"+benchNumber))
	}
	for i := range benchPartners {
		m.partners = append(m.partners, config.Party{MPID: ident.MarktpartnerID(fmt.Sprintf("%s%02d", sender[:11], i)), Rolle: rolle, Name: "Partner"})
	}
	m.head = bytes.ReplaceAll(m.head, []byte(sender), []byte(sender[:11]+benchPartner))
	body = bytes.ReplaceAll(body, []byte(sender), []byte(sender[:11]+benchPartner))
	m.message = fmt.Appendf(body, "UNT+%d+%s'", bytes.Count(body, []byte("'"))+1, benchIndex)
	return m, nil
}

// withPackages makes of the Produktpaket in a Vorgang as many as there may be, each with more of its parts.
func withPackages(message []byte) []byte {
	const part, priority, behind = "SEQ+Z79+1'", "SEQ+ZH0+1'CCI+Z65+++Z01'", "SEQ+Z01'"
	first, second, _ := bytes.Cut(message, []byte(part))
	parts := bytes.Split(second[:bytes.Index(second, []byte(priority))], []byte(part))
	rest := second[bytes.Index(second, []byte(behind)):]
	out := bytes.Clone(first)
	for p := range utilmdPackages {
		for i := range utilmdParts {
			out = fmt.Appendf(out, "SEQ+Z79+%d'%s", p+1, parts[i%len(parts)])
		}
	}
	for p := range utilmdPackages {
		out = fmt.Appendf(out, "SEQ+ZH0+%d'CCI+Z65+++Z01'CAV+Z7%d'", p+1, 5+p)
	}
	return append(out, rest...)
}

// bytes is the length of an interchange with one message.
func (m *benchMaker) bytes() int { return len(m.interchange(1)) }

// interchange makes one with so many messages.
func (m *benchMaker) interchange(messages int) []byte {
	first := m.next.Add(uint64(messages)) //nolint:gosec // small and positive
	ref := fmt.Sprintf("%08d", first%100_000_000)
	out := make([]byte, 0, len(m.head)+messages*len(m.message)+64)
	partner := fmt.Appendf(nil, "%02d", first%benchPartners)
	out = append(out, m.head...)
	fill(out, benchNumber, []byte(ref))
	fill(out, benchPartner, partner)
	for i := range messages {
		number := fmt.Appendf(nil, "%08d", (first-uint64(i))%100_000_000) //nolint:gosec // small and positive
		at := len(out)
		out = append(out, m.message...)
		fill(out[at:], benchNumber, number)
		fill(out[at:], benchPartner, partner)
		fill(out[at:], benchIndex, fmt.Appendf(nil, "%04d", i+1))
	}
	return fmt.Appendf(out, "UNZ+%d+MB%s'", messages, ref)
}

// fill puts value in every place of b.
func fill(b []byte, place string, value []byte) {
	for i := bytes.Index(b, []byte(place)); i >= 0; i = bytes.Index(b, []byte(place)) {
		copy(b[i:], value)
		b = b[i+len(value):]
	}
}
