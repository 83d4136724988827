package sqlstore

import (
	"errors"
	"fmt"
	"math"

	"github.com/marktbote/marktbote/store"
)

// InsertTransmission implements store.TransportTx.
func (t *tx) InsertTransmission(x store.Transmission) (int64, error) {
	const op = "insert transmission"
	proof, key, err := t.sealTransmission(op, x)
	if err != nil {
		return 0, err
	}
	id, err := t.insert(op, insertTransmission,
		string(x.Direction), x.Key, x.MessageID, reference(x.InterchangeID), x.Service, x.Action, x.Sender, x.Recipient, x.ContentType,
		reference(x.BodyDigest), proof[0], proof[1], x.ReceiptType, micros(x.ReceiptAt), proof[2], x.Fault, string(x.State),
		micros(x.CreatedAt), micros(x.UpdatedAt), key)
	if !errors.Is(err, errNoRow) {
		return id, err
	}
	if id, err = t.id(op, selectTransmissionID, string(x.Direction), x.Key); err != nil {
		return 0, fmt.Errorf("store: %s: the row in the way: %w", op, err)
	}
	return id, fmt.Errorf("store: %s %s/%s: %w", op, x.Direction, x.Key, store.ErrDuplicate)
}

// UpdateTransmission implements store.TransportTx.
func (t *tx) UpdateTransmission(x store.Transmission) error {
	const op = "update transmission"
	missing := fmt.Errorf("store: %s %d: %w", op, x.ID, store.ErrNotFound)
	// What is encrypted is bound to the name in the row, whatever the caller believes it to be.
	found, err := list(t, op, selectTransmissionName, func(rows Rows) (y store.Transmission, err error) {
		return y, rows.Scan(&y.Direction, &y.Key)
	}, x.ID)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return missing
	}
	x.Direction, x.Key = found[0].Direction, found[0].Key
	proof, key, err := t.sealTransmission(op, x)
	if err != nil {
		return err
	}
	args := []any{
		x.ID, x.MessageID, reference(x.InterchangeID), x.Service, x.Action, x.Sender, x.Recipient, x.ContentType,
		reference(x.BodyDigest), proof[0], proof[1], x.ReceiptType, micros(x.ReceiptAt), proof[2], x.Fault, string(x.State),
		micros(x.UpdatedAt), key,
	}
	return t.later(queued{op: op, c: updateTransmission, args: args, none: func() error { return missing }})
}

// sealTransmission encrypts references, receipt and evidence.
func (t *tx) sealTransmission(op string, x store.Transmission) (sealed [3][]byte, key any, err error) {
	for i, plain := range [][]byte{x.References, x.Receipt, x.Evidence} {
		if sealed[i], key, err = t.encrypt(op, blob(plain), transmissionName(x, i)); err != nil {
			return sealed, nil, err
		}
	}
	return sealed, key, nil
}

// transmissionName is what the bytes of a column are bound to.
func transmissionName(x store.Transmission, column int) string {
	return fmt.Sprintf("transmission/%d/%s/%s", column, x.Direction, cleaned([]any{x.Key})[0])
}

// Transmission implements store.TransportTx.
func (t *tx) Transmission(direction store.Direction, key string) (store.Transmission, error) {
	found, err := t.transmissions("transmission", selectTransmission, string(direction), key)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("store: transmission %s/%s: %w", direction, key, store.ErrNotFound)
	}
	if err != nil {
		return store.Transmission{}, err
	}
	return found[0], nil
}

// TransmissionsOf implements store.TransportTx.
func (t *tx) TransmissionsOf(interchangeID int64) ([]store.Transmission, error) {
	return t.transmissions("transmissions", listTransmissionsOf, interchangeID)
}

// Transmissions implements store.TransportTx.
func (t *tx) Transmissions(q store.TransmissionQuery) ([]store.Transmission, error) {
	before := q.Before
	if before <= 0 {
		before = math.MaxInt64
	}
	text, args := listTransmissionsAll, []any{before, string(q.Direction), limitOf(q.Limit)}
	switch {
	case q.Partner != "":
		text, args = listTransmissionsWith, append(args, string(q.State), q.Partner)
	case q.State != "":
		text, args = listTransmissionsState, append(args, string(q.State))
	}
	return t.transmissions("transmissions", text, args...)
}

func (t *tx) transmissions(op, text string, args ...any) ([]store.Transmission, error) {
	var keys []int64
	found, err := list(t, op, text, func(rows Rows) (x store.Transmission, err error) {
		var receiptAt, createdAt, updatedAt, key int64
		err = rows.Scan(&x.ID, &x.Direction, &x.Key, &x.MessageID, &x.InterchangeID, &x.Service, &x.Action, &x.Sender, &x.Recipient,
			&x.ContentType, &x.BodyDigest, &x.References, &x.Receipt, &x.ReceiptType, &receiptAt, &x.Evidence, &x.Fault, &x.State,
			&createdAt, &updatedAt, &key)
		x.ReceiptAt, x.CreatedAt, x.UpdatedAt = instant(receiptAt), instant(createdAt), instant(updatedAt)
		keys = append(keys, key)
		return x, err
	}, args...)
	if err != nil {
		return nil, err
	}
	for i := range found {
		x := &found[i]
		for column, data := range []*[]byte{&x.References, &x.Receipt, &x.Evidence} {
			if *data, err = t.readable(op, *data, keys[i], transmissionName(*x, column)); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// SetCertificate implements store.TransportTx.
func (t *tx) SetCertificate(c store.Certificate) error {
	return t.later(queued{op: "set certificate", c: setCertificate, args: []any{
		c.Fingerprint, c.MPID, string(c.Usage), number(c.Own), blob(c.DER), micros(c.NotBefore), micros(c.NotAfter), c.Source,
		micros(c.AddedAt), micros(c.RetiredAt),
	}})
}

// Certificate implements store.TransportTx.
func (t *tx) Certificate(fingerprint string) (store.Certificate, error) {
	return one(t, "certificate", fingerprint, selectCertificate, scanCertificate)
}

// Certificates implements store.TransportTx.
func (t *tx) Certificates(q store.CertificateQuery) ([]store.Certificate, error) {
	text, args := listCertificates, []any{q.After, limitOf(q.Limit), string(q.Usage), number(q.Own)}
	if q.MPID != "" {
		text, args = listCertificatesOf, append(args, q.MPID)
	}
	return list(t, "certificates", text, scanCertificate, args...)
}

func scanCertificate(rows Rows) (c store.Certificate, err error) {
	var notBefore, notAfter, addedAt, retiredAt int64
	var own int
	err = rows.Scan(&c.Fingerprint, &c.MPID, &c.Usage, &own, &c.DER, &notBefore, &notAfter, &c.Source, &addedAt, &retiredAt)
	c.DER, c.Own = bytesOf(c.DER), own != 0
	c.NotBefore, c.NotAfter, c.AddedAt, c.RetiredAt = instant(notBefore), instant(notAfter), instant(addedAt), instant(retiredAt)
	return c, err
}

var errKeyInClear = errors.New("private keys are kept only where a master key encrypts them")

// InsertPrivateKey implements store.TransportTx.
func (t *tx) InsertPrivateKey(k store.PrivateKey) error {
	const op = "insert private key"
	master := t.store.keys.master
	if master == nil {
		return t.fail(op, errKeyInClear)
	}
	sealed := sealBytes(master, nil, k.PKCS8, ownKeyName(k.Fingerprint))
	return t.insertLater(op, insertPrivateKey, k.Fingerprint, k.MPID, string(k.Usage), sealed, blob(k.Request), micros(k.CreatedAt))
}

// ownKeyName is what the bytes of a private key are bound to.
func ownKeyName(fingerprint string) string { return "own_key/" + fingerprint }

// PrivateKey implements store.TransportTx.
func (t *tx) PrivateKey(fingerprint string) (store.PrivateKey, error) {
	const op = "private key"
	k, err := one(t, op, fingerprint, selectPrivateKey, func(rows Rows) (k store.PrivateKey, err error) {
		var at int64
		err = rows.Scan(&k.Fingerprint, &k.MPID, &k.Usage, &k.PKCS8, &k.Request, &at)
		k.Request, k.CreatedAt = bytesOf(k.Request), instant(at)
		return k, err
	})
	if err != nil {
		return store.PrivateKey{}, err
	}
	master := t.store.keys.master
	if master == nil {
		return store.PrivateKey{}, t.fail(op, errKeyInClear)
	}
	if k.PKCS8, err = openBytes(master, k.PKCS8, ownKeyName(fingerprint)); err != nil {
		return store.PrivateKey{}, t.fail(op, err)
	}
	return k, nil
}

// PrivateKeys implements store.TransportTx.
func (t *tx) PrivateKeys(mpID string) ([]store.PrivateKey, error) {
	return list(t, "private keys", listPrivateKeys, func(rows Rows) (k store.PrivateKey, err error) {
		var at int64
		err = rows.Scan(&k.Fingerprint, &k.MPID, &k.Usage, &k.Request, &at)
		k.Request, k.CreatedAt = bytesOf(k.Request), instant(at)
		return k, err
	}, mpID)
}

// SetCRL implements store.TransportTx.
func (t *tx) SetCRL(c store.CRL) error {
	return t.later(queued{op: "set revocation list", c: setCRL, args: []any{
		c.Issuer, blob(c.DER), micros(c.ThisUpdate), micros(c.NextUpdate), micros(c.FetchedAt), c.Source, c.Error, micros(c.TriedAt),
	}})
}

// CRL implements store.TransportTx.
func (t *tx) CRL(issuer string) (store.CRL, error) {
	return one(t, "revocation list", issuer, selectCRL, scanCRL)
}

// CRLs implements store.TransportTx.
func (t *tx) CRLs() ([]store.CRL, error) { return list(t, "revocation lists", listCRLs, scanCRL) }

func scanCRL(rows Rows) (c store.CRL, err error) {
	var thisUpdate, nextUpdate, fetchedAt, triedAt int64
	err = rows.Scan(&c.Issuer, &c.DER, &thisUpdate, &nextUpdate, &fetchedAt, &c.Source, &c.Error, &triedAt)
	c.DER = bytesOf(c.DER)
	c.ThisUpdate, c.NextUpdate, c.FetchedAt, c.TriedAt = instant(thisUpdate), instant(nextUpdate), instant(fetchedAt), instant(triedAt)
	return c, err
}

// SetPartner implements store.TransportTx.
func (t *tx) SetPartner(p store.Partner) error {
	return t.later(queued{op: "set partner", c: setPartner, args: []any{p.MPID, blob(p.Data), micros(p.UpdatedAt)}})
}

// Partner implements store.TransportTx.
func (t *tx) Partner(mpID string) (store.Partner, error) {
	return one(t, "partner", mpID, selectPartner, scanPartner)
}

// Partners implements store.TransportTx.
func (t *tx) Partners(after string, limit int) ([]store.Partner, error) {
	return list(t, "partners", listPartners, scanPartner, after, limitOf(limit))
}

func scanPartner(rows Rows) (p store.Partner, err error) {
	var at int64
	err = rows.Scan(&p.MPID, &p.Data, &at)
	p.Data, p.UpdatedAt = bytesOf(p.Data), instant(at)
	return p, err
}

// one reads the row with a key.
func one[T any](t *tx, op, key, text string, scan func(Rows) (T, error)) (row T, err error) {
	found, err := list(t, op, text, scan, key)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("store: %s %s: %w", op, key, store.ErrNotFound)
	}
	if err != nil {
		return row, err
	}
	return found[0], nil
}
