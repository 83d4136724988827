package main

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/marktbote/marktbote/fixtures"
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
)

// utilmdVorgaenge makes a UTILMD 55001 of about 3 kB.
const utilmdVorgaenge = 6

func newBenchMaker(message string) (*benchMaker, error) {
	m := &benchMaker{}
	file := "valid/mscons-13025.edi"
	m.name, m.own, m.partners = "MSCONS 13025", demoSupplier, demoGrid
	if message == "utilmd" {
		file = "valid/utilmd-55001.edi"
		m.name, m.own, m.partners = "UTILMD 55001", demoGrid, demoSupplier
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
	if message == "utilmd" {
		body = bytes.ReplaceAll(body, []byte("LF-2026-000101"), []byte("LF"+benchNumber))
		vorgang := bytes.Index(body, []byte("IDE+24+"))
		one := body[vorgang:]
		body = bytes.Clone(body[:vorgang])
		for i := range utilmdVorgaenge {
			body = append(body, bytes.Replace(one, []byte("LFVG0000101"), fmt.Appendf(nil, "V%s%d", benchNumber, i), 1)...)
		}
	} else {
		body = bytes.ReplaceAll(body, []byte("MSB-2026-000430"), []byte("MSB"+benchNumber))
	}
	m.message = fmt.Appendf(body, "UNT+%d+%s'", bytes.Count(body, []byte("'"))+1, benchIndex)
	return m, nil
}

// bytes is the length of an interchange with one message.
func (m *benchMaker) bytes() int { return len(m.interchange(1)) }

// interchange makes one with so many messages.
func (m *benchMaker) interchange(messages int) []byte {
	first := m.next.Add(uint64(messages)) //nolint:gosec // small and positive
	ref := fmt.Sprintf("%08d", first%100_000_000)
	out := make([]byte, 0, len(m.head)+messages*len(m.message)+64)
	out = append(out, bytes.ReplaceAll(m.head, []byte(benchNumber), []byte(ref))...)
	for i := range messages {
		number := fmt.Appendf(nil, "%08d", (first-uint64(i))%100_000_000) //nolint:gosec // small and positive
		at := len(out)
		out = append(out, m.message...)
		fill(out[at:], benchNumber, number)
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
