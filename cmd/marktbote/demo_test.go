package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

func TestDemoOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if code := run(env{t.Context(), strings.NewReader(""), &out, &out}, []string{"demo", "--once"}); code != exitOK {
		t.Fatalf("exit code %d: %s", code, out.String())
	}
	rest := out.String()
	for _, want := range []string{ // in this order
		"Two gateways are running",
		"1. The supplier registers", "sent:     UTILMD LB261102000101", "kept and checked before it left: accepted",
		"received: interchange 1", "checked by FV2610: accepted", "answered: APERAK M2611020000011",
		"event for the supplier", "malo/90000000019", "event for the grid operator", "malo/90000000019",
		"2. The grid operator confirms", "event for the grid operator", "event for the supplier",
		"3. The metering point operator", "sent:     MSCONS", "event for the grid operator", "event for the supplier",
		"4. Another program", "rejected-syntax", "finding:", "(CONTRL ", "segment 13", "answered: CONTRL M",
		"5. A billing system", "Marktlokation 90000000019 (Strom), 01.11.2026 bis 30.11.2026", "Lieferant 9999100000013",
		"Belieferung 05.11.2026 bis 30.11.2026", "bestätigt mit NBVG0000201 (9999200000020)", "Mengen", "Lastgang", "1-0:1.29.0", "96 wahre",
		"Hinweise", "Werten fehlen", "Summe", "Bezug: ", "kWh abrechenbar",
	} {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("no %q in its place; output:\n%s", want, out.String())
		}
		rest = after
	}
	if strings.Contains(rest, "event for") {
		t.Errorf("an event of what was rejected: %s", rest)
	}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	p := start(t, "demo", "--listen", "127.0.0.1:0")
	base := p.await(`(http://127\.0\.0\.1:\d+)/netzbetreiber/`)[1]
	c := client(t)
	for _, path := range []string{"/lieferant/", "/netzbetreiber/"} {
		if page := get(t, c, base+path); !strings.Contains(page, "LB261102000101") || !strings.Contains(page, `href="`+path+`interchanges/1"`) {
			t.Errorf("%s: %s", path, page)
		}
		if page := get(t, c, base+path+"interchanges/1"); !strings.Contains(page, "55001") {
			t.Errorf("%s: %s", path, page)
		}
		if style := get(t, c, base+path+"style.css"); style == "" {
			t.Errorf("%s: no style sheet", path)
		}
	}
	if page := get(t, c, base+"/"); !strings.Contains(page, "Lichtbogen Energievertrieb") {
		t.Errorf("/ does not lead to the supplier: %s", page)
	}
	c.CloseIdleConnections()
	p.stop()
	if r, err := http.Get(base); err == nil {
		_ = r.Body.Close()
		t.Error("somebody still listens")
	}
}

// TestDemoInterrupted: Ctrl-C in the middle of the story is no failure.
func TestDemoInterrupted(t *testing.T) {
	t.Parallel()
	p := start(t, "demo", "--once")
	p.await(`1\. The supplier`)
	p.stop()
}
