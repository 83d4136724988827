package storetest

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/marktbote/marktbote/store"
)

func transportTests() []test {
	return []test{
		{"transmission/every field comes back", testTransmissionFields},
		{"transmission/lists behave like the model", testTransmissionModel},
		{"transmission/shredding", testTransmissionShredding},
		{"transmission/legal hold", testTransmissionHold},
		{"certificate/every field comes back", testCertificateFields},
		{"private key/every field comes back", testPrivateKeys},
		{"crl/every field comes back", func(t *testing.T, st store.Store) {
			never := store.CRL{Issuer: "b", Error: "no route to host", TriedAt: at(1)}
			want := store.CRL{Issuer: "a", DER: []byte{1}, ThisUpdate: at(1), NextUpdate: at(2), FetchedAt: at(3), Source: "ldap://x", Error: "e", TriedAt: at(4)}
			update(t, st, func(tx store.Tx) error {
				return errors.Join(tx.SetCRL(never), tx.SetCRL(store.CRL{Issuer: "a", DER: []byte{2}}), tx.SetCRL(want))
			})
			equal(t, "all", []store.CRL{want, never}, view(t, st, store.Tx.CRLs))
			equal(t, "one", want, view(t, st, func(tx store.Tx) (store.CRL, error) { return tx.CRL("a") }))
			wantError(t, "unknown", st.View(t.Context(), func(tx store.Tx) error { _, err := tx.CRL("c"); return err }), store.ErrNotFound)
		}},
		{"partner/every field comes back", func(t *testing.T, st store.Store) {
			first := store.Partner{MPID: "1", Data: []byte(`{"v":1}`), UpdatedAt: at(1)}
			second := store.Partner{MPID: "2"}
			update(t, st, func(tx store.Tx) error {
				return errors.Join(tx.SetPartner(second), tx.SetPartner(store.Partner{MPID: "1"}), tx.SetPartner(first))
			})
			list := func(after string, limit int) []store.Partner {
				return view(t, st, func(tx store.Tx) ([]store.Partner, error) { return tx.Partners(after, limit) })
			}
			equal(t, "all", []store.Partner{first, second}, list("", 0))
			equal(t, "after", []store.Partner{second}, list("1", 0))
			equal(t, "limit", []store.Partner{first}, list("", 1))
			equal(t, "one", first, view(t, st, func(tx store.Tx) (store.Partner, error) { return tx.Partner("1") }))
			wantError(t, "unknown", st.View(t.Context(), func(tx store.Tx) error { _, err := tx.Partner("3"); return err }), store.ErrNotFound)
		}},
	}
}

// fullTransmission has a value in every field but ID.
func fullTransmission(t *testing.T, st store.Store) store.Transmission {
	t.Helper()
	x := fullInterchange(t, st)
	x.ReceivedID = ""
	update(t, st, func(tx store.Tx) (err error) {
		x.ID, err = tx.InsertInterchange(x)
		return err
	})
	return store.Transmission{
		Direction: store.In, Key: "9900000000001|id-1@example.org", MessageID: "id-1@example.org", InterchangeID: x.ID,
		Service: "https://www.bdew.de/as4/communication/services/MP", Action: "action", Sender: "9900000000001", Recipient: "9900000000002",
		ContentType: `multipart/related; boundary="ä"`, BodyDigest: x.PayloadDigest, References: []byte("[1]"), Receipt: []byte("<x/>"),
		ReceiptType: "application/soap+xml", ReceiptAt: at(1), Evidence: []byte("{}"), Fault: "EBMS:0004", State: store.TransmissionDelivered,
		CreatedAt: at(2), UpdatedAt: at(3),
	}
}

func testTransmissionFields(t *testing.T, st store.Store) {
	want := fullTransmission(t, st)
	other := store.Transmission{Direction: store.Out, Key: want.Key, State: store.TransmissionPending}
	insert := func(tx store.Tx, x *store.Transmission) (err error) {
		x.ID, err = tx.InsertTransmission(*x)
		return err
	}
	update(t, st, func(tx store.Tx) error { return errors.Join(insert(tx, &want), insert(tx, &other)) })
	get := func(direction store.Direction) store.Transmission {
		return view(t, st, func(tx store.Tx) (store.Transmission, error) { return tx.Transmission(direction, want.Key) })
	}
	equal(t, "in", want, get(store.In))
	equal(t, "out", other, get(store.Out))
	equal(t, "of the interchange", []store.Transmission{want}, view(t, st, func(tx store.Tx) ([]store.Transmission, error) { return tx.TransmissionsOf(want.InterchangeID) }))

	// A second one with this key changes nothing, and the transaction goes on.
	again := store.Transmission{Direction: store.In, Key: want.Key, State: store.TransmissionPending}
	update(t, st, func(tx store.Tx) error {
		id, err := tx.InsertTransmission(again)
		wantError(t, "InsertTransmission", err, store.ErrDuplicate)
		equal(t, "ID", want.ID, id)
		return tx.AddWork(store.Work{})
	})
	equal(t, "after the duplicate", want, get(store.In))

	after := fullTransmission(t, st)
	after.ID, after.MessageID, after.Service, after.Action, after.Sender, after.Recipient = other.ID, "m2", "s2", "a2", "1", "2"
	after.ContentType, after.References, after.Receipt, after.ReceiptType, after.Evidence = "c2", []byte("[2]"), []byte("r2"), "t2", []byte("e2")
	after.Fault, after.State, after.ReceiptAt, after.UpdatedAt = "f2", store.TransmissionProbable, at(8), at(9)
	update(t, st, func(tx store.Tx) error { return tx.UpdateTransmission(after) })
	after.Direction, after.Key, after.CreatedAt = other.Direction, other.Key, other.CreatedAt
	equal(t, "updated", after, get(store.Out))
	equal(t, "the other one", want, get(store.In))

	for name, fn := range map[string]func(tx store.Tx) error{
		"update":      func(tx store.Tx) error { return tx.UpdateTransmission(store.Transmission{ID: 4711, State: "pending"}) },
		"get":         func(tx store.Tx) error { _, err := tx.Transmission(store.In, "x"); return err },
		"interchange": func(tx store.Tx) error { x := want; x.Key, x.InterchangeID = "k", 4711; return insert(tx, &x) },
		"body":        func(tx store.Tx) error { x := want; x.Key, x.BodyDigest = "k", "00"; return insert(tx, &x) },
	} {
		wantError(t, name, st.Update(t.Context(), fn), store.ErrNotFound)
	}
}

// testTransmissionModel compares the lists with a slice.
func testTransmissionModel(t *testing.T, st store.Store) {
	var model []store.Transmission
	keys := 0
	states := []store.TransmissionState{store.TransmissionPending, store.TransmissionDelivered, store.TransmissionRefused, store.TransmissionProbable}
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(0, 4).Draw(rt, "more") {
			keys++
			x := store.Transmission{
				Direction: rapid.SampledFrom([]store.Direction{store.In, store.Out}).Draw(rt, "direction"), Key: string(rune('a' + keys)),
				Sender: rapid.SampledFrom([]string{"1", "2", "3"}).Draw(rt, "sender"), Recipient: rapid.SampledFrom([]string{"1", "2", "3"}).Draw(rt, "recipient"),
				State: rapid.SampledFrom(states).Draw(rt, "state"), Receipt: []byte{byte(keys)},
			}
			update(t, st, func(tx store.Tx) (err error) {
				x.ID, err = tx.InsertTransmission(x)
				return err
			})
			model = append(model, x)
		}
		q := store.TransmissionQuery{
			Before: int64(rapid.IntRange(0, keys+1).Draw(rt, "before")), Limit: rapid.IntRange(1, 9).Draw(rt, "limit"),
			Direction: rapid.SampledFrom([]store.Direction{"", store.In, store.Out}).Draw(rt, "which direction"),
			Partner:   rapid.SampledFrom([]string{"", "1", "2"}).Draw(rt, "partner"),
			State:     rapid.SampledFrom(append(states, "")).Draw(rt, "which state"),
		}
		var want []store.Transmission
		for _, x := range slices.Backward(model) {
			partner := x.Recipient
			if x.Direction == store.In {
				partner = x.Sender
			}
			if (q.Before == 0 || x.ID < q.Before) && (q.Direction == "" || x.Direction == q.Direction) && (q.Partner == "" || partner == q.Partner) &&
				(q.State == "" || x.State == q.State) && len(want) < q.Limit {
				want = append(want, x)
			}
		}
		equal(t, "transmissions", want, view(t, st, func(tx store.Tx) ([]store.Transmission, error) { return tx.Transmissions(q) }))
	})
}

// addTransmission keeps one with secrets in a class.
func addTransmission(t *testing.T, st store.Store, class store.Class, x store.Transmission) store.Transmission {
	t.Helper()
	x.Direction, x.State = store.In, store.TransmissionDelivered
	x.References, x.Receipt, x.Evidence = []byte(secret+"1"), []byte(secret+"2"), []byte(secret+"3")
	update(t, st, func(tx store.Tx) (err error) {
		tx.SetClass(class)
		x.ID, err = tx.InsertTransmission(x)
		return err
	})
	return x
}

func testTransmissionShredding(t *testing.T, st store.Store) {
	gone := addTransmission(t, st, "evidence", store.Transmission{Key: "gone"})
	stays := addTransmission(t, st, "billing", store.Transmission{Key: "stays"})
	head := verify(t, st, store.AuditHead{})
	key := keyOf(t, st, "evidence")
	update(t, st, func(tx store.Tx) error { return tx.DestroyKey(key.ID) })
	verify(t, st, head)
	gone.References, gone.Receipt, gone.Evidence = nil, nil, nil
	for _, want := range []store.Transmission{gone, stays} {
		equal(t, want.Key, want, view(t, st, func(tx store.Tx) (store.Transmission, error) { return tx.Transmission(store.In, want.Key) }))
	}
}

func testTransmissionHold(t *testing.T, st store.Store) {
	interchange := addInterchange(t, st)
	var body store.Payload
	update(t, st, func(tx store.Tx) (err error) {
		tx.SetClass("body")
		body, err = tx.PutPayload([]byte("body"))
		return err
	})
	addTransmission(t, st, "interchange", store.Transmission{Key: "a", InterchangeID: interchange, BodyDigest: body.Digest, Sender: "1", Recipient: "2"})
	addTransmission(t, st, "partner", store.Transmission{Key: "b", Sender: "2", Recipient: "3"})
	addTransmission(t, st, "none", store.Transmission{Key: "c", Sender: "2", Recipient: "4"})
	update(t, st, func(tx store.Tx) error {
		_, err1 := tx.InsertHold(store.LegalHold{InterchangeID: interchange})
		_, err2 := tx.InsertHold(store.LegalHold{MPID: "3"})
		return errors.Join(err1, err2)
	})
	for class, want := range map[store.Class]bool{"interchange": true, "body": true, "partner": true, "none": false} {
		if k := keyOf(t, st, class); k.Held != want {
			t.Errorf("key of %s held: %v, want %v", class, k.Held, want)
		}
	}
}

func testCertificateFields(t *testing.T, st store.Store) {
	certificates := []store.Certificate{
		{Fingerprint: "a", MPID: "1", Usage: store.UsageSignature, Own: true, DER: []byte{1}, NotBefore: at(1), NotAfter: at(2), Source: "import", AddedAt: at(3), RetiredAt: at(4)},
		{Fingerprint: "b", MPID: "2", Usage: store.UsageSignature, AddedAt: at(1)},
		{Fingerprint: "c", MPID: "1", Usage: store.UsageTLS},
		{Fingerprint: "d", Usage: store.UsageRoot},
	}
	update(t, st, func(tx store.Tx) error {
		var errs []error
		for _, c := range slices.Backward(certificates) {
			c.AddedAt = at(3)
			errs = append(errs, tx.SetCertificate(store.Certificate{Fingerprint: c.Fingerprint, AddedAt: c.AddedAt}), tx.SetCertificate(c))
		}
		return errors.Join(errs...)
	})
	for i := range certificates {
		certificates[i].AddedAt = at(3)
	}
	again := certificates[0]
	again.Source, again.AddedAt = "message", at(9) // it is there already
	update(t, st, func(tx store.Tx) error { return tx.SetCertificate(again) })
	for _, x := range []struct {
		q    store.CertificateQuery
		want []store.Certificate
	}{
		{store.CertificateQuery{}, certificates},
		{store.CertificateQuery{After: "b"}, certificates[2:]},
		{store.CertificateQuery{Limit: 2}, certificates[:2]},
		{store.CertificateQuery{MPID: "2"}, certificates[1:2]},
		{store.CertificateQuery{MPID: "1", After: "a"}, certificates[2:3]},
		{store.CertificateQuery{MPID: "1", Usage: store.UsageSignature}, certificates[:1]},
		{store.CertificateQuery{Usage: store.UsageSignature}, certificates[:2]},
		{store.CertificateQuery{Own: true}, certificates[:1]},
		{store.CertificateQuery{Own: true, MPID: "2"}, nil},
	} {
		equal(t, "certificates", x.want, view(t, st, func(tx store.Tx) ([]store.Certificate, error) { return tx.Certificates(x.q) }))
	}
	equal(t, "one", certificates[1], view(t, st, func(tx store.Tx) (store.Certificate, error) { return tx.Certificate("b") }))
	wantError(t, "unknown", st.View(t.Context(), func(tx store.Tx) error { _, err := tx.Certificate("x"); return err }), store.ErrNotFound)
}

func testPrivateKeys(t *testing.T, st store.Store) {
	keys := []store.PrivateKey{
		{Fingerprint: "a", MPID: "1", Usage: store.UsageTLS, PKCS8: []byte(secret), Request: []byte{1}, CreatedAt: at(1)},
		{Fingerprint: "b", MPID: "2", Usage: store.UsageSignature, PKCS8: []byte{0}},
	}
	update(t, st, func(tx store.Tx) error {
		return errors.Join(tx.InsertPrivateKey(keys[1]), tx.InsertPrivateKey(keys[0]))
	})
	wantError(t, "again", st.Update(t.Context(), func(tx store.Tx) error { return tx.InsertPrivateKey(keys[0]) }), store.ErrDuplicate)
	for _, want := range keys {
		equal(t, "key", want, view(t, st, func(tx store.Tx) (store.PrivateKey, error) { return tx.PrivateKey(want.Fingerprint) }))
	}
	wantError(t, "unknown", st.View(t.Context(), func(tx store.Tx) error { _, err := tx.PrivateKey("x"); return err }), store.ErrNotFound)
	for i := range keys {
		keys[i].PKCS8 = nil
	}
	equal(t, "all", keys, view(t, st, func(tx store.Tx) ([]store.PrivateKey, error) { return tx.PrivateKeys("") }))
	equal(t, "of one", keys[:1], view(t, st, func(tx store.Tx) ([]store.PrivateKey, error) { return tx.PrivateKeys("1") }))
}

// testKeysNotInClear looks for secrets in what transports keep, and moves a private key to another name.
func testKeysNotInClear(t *testing.T, in Inside) {
	addTransmission(t, in.Store, "evidence", store.Transmission{Key: "a"})
	key := store.PrivateKey{Fingerprint: "a", PKCS8: []byte(secret)}
	update(t, in.Store, func(tx store.Tx) error { return tx.InsertPrivateKey(key) })
	for _, table := range []string{"transmission", "own_key"} {
		rows, columns := firstRows(t, in.DB, table)
		for i, v := range rows[0] {
			if b, ok := v.([]byte); ok && (bytes.Contains(b, []byte("4711")) || columns[i] != "request" && len(b) == 0) {
				t.Errorf("%s.%s: %q", table, columns[i], b)
			}
		}
	}
	rawExec(t, in.DB, "UPDATE own_key SET fingerprint = 'b'")
	err := in.Store.View(t.Context(), func(tx store.Tx) error { _, err := tx.PrivateKey("b"); return err })
	wantError(t, "key under another name", err, store.ErrCorrupt)
	rawExec(t, in.DB, "UPDATE transmission SET refs = receipt")
	err = in.Store.View(t.Context(), func(tx store.Tx) error { _, err := tx.Transmission(store.In, "a"); return err })
	wantError(t, "bytes of another column", err, store.ErrCorrupt)
}
