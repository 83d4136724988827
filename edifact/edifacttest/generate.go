// Package edifacttest generates EDIFACT input for tests and benchmarks of any package: load profiles, master data
// messages and readers that deliver their bytes in awkward pieces. Everything is deterministic.
package edifacttest

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"
)

// The parties and the place of the generated messages.
const (
	Sender    = "9900123400007"
	Recipient = "9900987600009"
	MaLo      = "51238696781"
)

// Segments collects segments in canonical form and counts those of the current message.
type Segments struct {
	Bytes   []byte
	inMsg   int
	msgs    int
	control string
}

// Add appends a segment that is already escaped, without its terminator.
func (s *Segments) Add(format string, args ...any) {
	s.Bytes = fmt.Appendf(s.Bytes, format, args...)
	s.Bytes = append(s.Bytes, '\'')
	s.inMsg++
}

// Begin appends UNA and UNB.
func (s *Segments) Begin(control, application string) {
	s.Bytes = append(s.Bytes, "UNA:+.? '"...)
	s.Add("UNB+UNOC:3+%s:500+%s:500+261103:0715+%s++%s", Sender, Recipient, control, application)
	s.control, s.msgs = control, 0
	if application == "" {
		s.Bytes = append(s.Bytes[:len(s.Bytes)-3], '\'')
	}
}

// BeginMessage appends UNH.
func (s *Segments) BeginMessage(identifier string) {
	s.msgs++
	s.inMsg = 0
	s.Add("UNH+%d+%s", s.msgs, identifier)
}

// EndMessage appends UNT.
func (s *Segments) EndMessage() { s.Add("UNT+%d+%d", s.inMsg+1, s.msgs) }

// End appends UNZ.
func (s *Segments) End() { s.Add("UNZ+%d+%s", s.msgs, s.control) }

// LoadProfile appends a message MSCONS 13025 with one value for each quarter hour from start on.
func (s *Segments) LoadProfile(start time.Time, values int, rnd *rand.Rand) {
	const stamp = "200601021504"
	end := start.Add(time.Duration(values) * 15 * time.Minute)
	s.BeginMessage("MSCONS:D:04B:UN:2.5")
	s.Add("BGM+Z48+LG%s%06d+9", start.Format("060102"), s.msgs)
	s.Add("DTM+137:202611030715?+00:303")
	s.Add("RFF+Z13:13025")
	s.Add("NAD+MS+%s::293", Sender)
	s.Add("NAD+MR+%s::293", Recipient)
	s.Add("UNS+D")
	s.Add("NAD+DP")
	s.Add("LOC+172+%s", MaLo)
	s.Add("DTM+163:%s?+00:303", start.Format(stamp))
	s.Add("DTM+164:%s?+00:303", end.Format(stamp))
	s.Add("LIN+1")
	s.Add("PIA+5+1-1?:1.29.0:SRW")
	for i := range values {
		from := start.Add(time.Duration(i) * 15 * time.Minute)
		s.Bytes = append(s.Bytes, "QTY+220:"...)
		s.Bytes = strconv.AppendInt(s.Bytes, int64(rnd.IntN(90)+10), 10)
		s.Bytes = append(append(s.Bytes, '.'), byte('0'+rnd.IntN(10)), '\'')
		for k, t := range [2]time.Time{from, from.Add(15 * time.Minute)} {
			s.Bytes = append(append(s.Bytes, "DTM+16"...), byte('3'+k), ':')
			s.Bytes = append(t.AppendFormat(s.Bytes, stamp), "?+00:303'"...)
		}
		s.inMsg += 3
	}
	s.EndMessage()
}

// MasterData appends a message UTILMD of about 3 kB in the shape of a confirmed supply start.
func (s *Segments) MasterData(number int, rnd *rand.Rand) {
	s.BeginMessage("UTILMD:D:11A:UN:S2.2")
	s.Add("BGM+E01+DOC%09d", number)
	s.Add("DTM+137:202611030715?+00:303")
	s.Add("NAD+MS+%s::293", Sender)
	s.Add("NAD+MR+%s::293", Recipient)
	s.Add("IDE+24+VG%010d", number)
	s.Add("DTM+92:202611302300?+00:303")
	s.Add("STS+7++E01+ZW7")
	s.Add("STS+E01++A01:E_0623")
	s.Add("LOC+Z16+%s", MaLo)
	s.Add("RFF+Z13:55002")
	s.Add("RFF+TN:AN%010d", number)
	s.Add("RFF+Z60:1")
	for i := range 24 + rnd.IntN(8) {
		s.Add("SEQ+Z98+%d", i+1)
		s.Add("RFF+Z18:%s", MaLo)
		s.Add("CCI+++ZB3")
		s.Add("CAV+Z91:%s::Z39", Sender)
		s.Add("CCI+Z19++11XTESTKREIS-%03d", rnd.IntN(1000))
		s.Add("QTY+31:%d:KWH", rnd.IntN(9000)+1000)
	}
	s.Add("NAD+Z09+++Muster?'s Erben:Erika::::Z01++Hauptstra?+e:%d:a+Neustadt++12345+DE", rnd.IntN(200)+1)
	s.EndMessage()
}

// MSCONS returns one interchange of about size bytes, made of load profiles with the given number of values.
func MSCONS(size, values int) []byte {
	var s Segments
	rnd := rand.New(rand.NewPCG(1, 2))
	s.Begin("MS0000000001", "TL")
	for {
		s.LoadProfile(time.Date(2026, 9, 30, 22, 0, 0, 0, time.UTC), values, rnd)
		if len(s.Bytes) >= size {
			break
		}
	}
	s.End()
	return s.Bytes
}

// UTILMD returns interchanges of one message of about 3 kB each, together about size bytes.
func UTILMD(size int) []byte {
	var s Segments
	rnd := rand.New(rand.NewPCG(3, 4))
	for n := 1; len(s.Bytes) < size; n++ {
		s.Begin(fmt.Sprintf("UT%010d", n), "")
		s.MasterData(n, rnd)
		s.End()
	}
	return s.Bytes
}

// Stream returns a reader of one interchange with the given number of load profiles, made while it is read, so
// that inputs of any size cost no memory.
func Stream(messages, values int) io.Reader {
	pr, pw := io.Pipe()
	go func() {
		var s Segments
		rnd := rand.New(rand.NewPCG(5, 6))
		s.Begin("ST0000000001", "TL")
		for range messages {
			s.LoadProfile(time.Date(2026, 9, 30, 22, 0, 0, 0, time.UTC), values, rnd)
			if _, err := pw.Write(s.Bytes); err != nil {
				return // the reading side gave up
			}
			s.Bytes = s.Bytes[:0]
		}
		s.End()
		_, err := pw.Write(s.Bytes)
		pw.CloseWithError(err)
	}()
	return pr
}
