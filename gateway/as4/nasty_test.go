package as4

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/nasty"
	"github.com/marktbote/marktbote/store"
)

// rogue is the MP-ID of the partner who misbehaves.
const rogue = "9900000000004"

// newRogue makes him in the PKI of the town.
func newRogue(t *testing.T, w *town) nasty.Identity {
	t.Helper()
	id, err := nasty.NewIdentity(w.pki, rogue, rogue+".example")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestNastyReceiver: how sending ends when the partner misbehaves once and keeps the rules afterwards.
func TestNastyReceiver(t *testing.T) {
	t.Parallel()
	tests := []struct {
		script string
		first  string // part of the error of the first attempt; empty: delivered
		final  bool
		state  store.TransmissionState // after a second attempt
	}{
		{"good", "", false, store.TransmissionDelivered},
		{"receipt-without-body", "", false, store.TransmissionDelivered},
		{"receipt-multipart", "", false, store.TransmissionDelivered},
		{"no-receipt", "EBMS:0301", false, store.TransmissionDelivered},
		{"late-receipt", "EBMS:0005", false, store.TransmissionDelivered},
		{"slow", "EBMS:0005", false, store.TransmissionDelivered},
		{"reset", "EBMS:0005", false, store.TransmissionDelivered},
		{"drop-after-body", "EBMS:0005", false, store.TransmissionDelivered},
		{"drop-after-body,duplicate", "EBMS:0005", false, store.TransmissionProbable},
		{"garbage-receipt", "EBMS:030", false, store.TransmissionDelivered},
		{"wrong-digest-receipt", "EBMS:0302", false, store.TransmissionDelivered},
		{"unsigned", "EBMS:0302", false, store.TransmissionDelivered},
		{"expired-cert", "EBMS:0302", false, store.TransmissionDelivered},
		{"wrong-mpid", "EBMS:0302", false, store.TransmissionDelivered},
		{"503", "503", false, store.TransmissionDelivered},
		{"text-400", "400", false, store.TransmissionDelivered},
		{"error-EBMS:0004", "EBMS:0004", false, store.TransmissionDelivered},
		{"error-EBMS:0103", "EBMS:0103", true, store.TransmissionRefused},
		{"error-EBMS:0101", "EBMS:0101", true, store.TransmissionRefused},
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			t.Parallel()
			list := tt.script
			if !strings.Contains(list, ",") {
				list += ",good"
			}
			script, err := nasty.ForServer(list)
			if err != nil {
				t.Fatal(err)
			}
			w := newTown(t, func(_ string, o *Options) { o.Limits.Patience = 500 * time.Millisecond })
			id := newRogue(t, w)
			partner := &nasty.Server{Identity: id, Script: script, Trust: w.pki.Trust(), Delay: 2 * time.Second}
			server := httptest.NewServer(partner)
			t.Cleanup(server.Close)
			from := w.houses[lieferant]
			from.introduce(rogue, server.URL, id.Encryption.Certificate)
			_, err = from.send(rogue, "ref1", text)
			failure, failed := errors.AsType[*SendError](err)
			if failed != (tt.first != "") || failed && (failure.Final != tt.final || !strings.Contains(err.Error(), tt.first)) {
				t.Fatalf("first attempt: %v, want %q (final %t)", err, tt.first, tt.final)
			}
			_, err = from.send(rogue, "ref1", text)
			if row := from.transmission(store.Out, "ref1"); row.State != tt.state {
				t.Errorf("second attempt: %v; %s %q", err, row.State, row.Fault)
			}
		})
	}
}

// TestNastySender: what a partner who misbehaves is answered.
func TestNastySender(t *testing.T) {
	t.Parallel()
	tests := []struct {
		behaviour nasty.Behaviour
		code      ebms.Code
		files     int
	}{
		{nasty.Good, "", 1},
		{nasty.Duplicate, "", 1},
		{nasty.WrongMPID, ebms.FailedAuthentication, 0},
		{nasty.ExpiredCert, ebms.FailedAuthentication, 0},
		{nasty.Unsigned, ebms.FailedAuthentication, 0},
		{nasty.Unencrypted, ebms.PolicyNoncompliance, 0},
		{nasty.Tampered, ebms.FailedAuthentication, 0},
		{nasty.WrongKey, ebms.FailedDecryption, 0},
		{nasty.NotGzip, ebms.DecompressionFailure, 0},
		{nasty.NotXML, ebms.InvalidHeader, 0},
	}
	for _, tt := range tests {
		t.Run(string(tt.behaviour), func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			to := w.houses[netz]
			partner := &nasty.Client{Identity: newRogue(t, w), URL: to.url, Trust: w.pki.Trust(), Delay: 100 * time.Millisecond}
			answers, err := partner.Send(t.Context(), nasty.Message{
				To: ebms.Party{ID: netz}, Certificate: to.triple.Encryption.Certificate, Payload: []byte(text),
			}, tt.behaviour)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range answers {
				o := a.Outcome()
				if tt.code == "" && o.Reaction != ebms.Delivered || tt.code != "" && o.Code != tt.code {
					t.Errorf("answered with %v, want %q", o, tt.code)
				}
			}
			if len(to.got()) != tt.files {
				t.Errorf("%d files, want %d", len(to.got()), tt.files)
			}
		})
	}
}

// TestNastyConnection: who breaks off or dawdles leaves nothing behind, and can send afterwards.
func TestNastyConnection(t *testing.T) {
	t.Parallel()
	for _, behaviour := range []nasty.Behaviour{nasty.Reset, nasty.DropAfterBody, nasty.Slow} {
		t.Run(string(behaviour), func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			to := w.houses[netz]
			partner := &nasty.Client{Identity: newRogue(t, w), URL: to.url, Trust: w.pki.Trust(), Delay: 200 * time.Millisecond}
			m := nasty.Message{
				MessageID: "one@rogue.example", To: ebms.Party{ID: netz}, Certificate: to.triple.Encryption.Certificate, Payload: []byte(text),
			}
			if _, err := partner.Send(t.Context(), m, behaviour); err != nil {
				t.Fatal(err)
			}
			m.MessageID = "two@rogue.example"
			answers, err := partner.Send(t.Context(), m, nasty.Good)
			if err != nil || len(answers) != 1 || answers[0].Outcome().Reaction != ebms.Delivered {
				t.Errorf("afterwards: %+v, %v", answers, err)
			}
		})
	}
}
