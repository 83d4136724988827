package sqlstore

const transmissionColumns = `id, direction, message_key, message_id, COALESCE(interchange_id, 0), service, action, sender, recipient,
	content_type, COALESCE(body_digest, ''), refs, receipt, receipt_type, receipt_at, evidence, fault, state, created_at, updated_at,
	COALESCE(key_id, 0)`

// transmissionPartner is the expression of an index.
const transmissionPartner = `(CASE direction WHEN 'in' THEN sender ELSE recipient END)`

const (
	selectTransmissionID   = `SELECT id FROM transmission WHERE direction = $1 AND message_key = $2`
	selectTransmissionName = `SELECT direction, message_key FROM transmission WHERE id = $1`
	selectTransmission     = `SELECT ` + transmissionColumns + ` FROM transmission WHERE direction = $1 AND message_key = $2`
	listTransmissionsOf    = `SELECT ` + transmissionColumns + ` FROM transmission WHERE interchange_id = $1 ORDER BY id`
	listTransmissions      = `SELECT ` + transmissionColumns + ` FROM transmission WHERE id < $1 AND ($2 = '' OR direction = $2)`
	transmissionsLimit     = ` ORDER BY id DESC LIMIT $3 + CAST(0 AS BIGINT)`
	listTransmissionsAll   = listTransmissions + transmissionsLimit
	listTransmissionsState = listTransmissions + ` AND state = $4` + transmissionsLimit
	listTransmissionsWith  = listTransmissions + ` AND ` + transmissionPartner + ` = $5 AND ($4 = '' OR state = $4)` + transmissionsLimit
	certificateColumns     = `fingerprint, mp_id, usage, own, der, not_before, not_after, source, added_at, retired_at`
	selectCertificate      = `SELECT ` + certificateColumns + ` FROM certificate WHERE fingerprint = $1`
	certificateFilter      = ` FROM certificate WHERE fingerprint > $1 AND ($3 = '' OR usage = $3) AND own >= $4`
	certificatesLimit      = ` ORDER BY fingerprint LIMIT $2 + CAST(0 AS BIGINT)`
	listCertificates       = `SELECT ` + certificateColumns + certificateFilter + certificatesLimit
	listCertificatesOf     = `SELECT ` + certificateColumns + certificateFilter + ` AND mp_id = $5` + certificatesLimit
	selectPrivateKey       = `SELECT fingerprint, mp_id, usage, sealed, request, created_at FROM own_key WHERE fingerprint = $1`
	listPrivateKeys        = `SELECT fingerprint, mp_id, usage, request, created_at FROM own_key WHERE ($1 = '' OR mp_id = $1) ORDER BY fingerprint`
	crlColumns             = `issuer, der, this_update, next_update, fetched_at, source, error, tried_at`
	selectCRL              = `SELECT ` + crlColumns + ` FROM crl WHERE issuer = $1`
	listCRLs               = `SELECT ` + crlColumns + ` FROM crl ORDER BY issuer`
	selectPartner          = `SELECT mp_id, data, updated_at FROM partner WHERE mp_id = $1`
	listPartners           = `SELECT mp_id, data, updated_at FROM partner WHERE mp_id > $1 ORDER BY mp_id LIMIT $2 + CAST(0 AS BIGINT)`
)

func transportQueries() []string {
	return []string{
		selectTransmissionID, selectTransmissionName, selectTransmission, listTransmissionsOf, listTransmissionsAll, listTransmissionsState, listTransmissionsWith,
		selectCertificate, listCertificates, listCertificatesOf, selectPrivateKey, listPrivateKeys, selectCRL, listCRLs, selectPartner, listPartners,
	}
}

var (
	insertTransmission = inserting(tableTransmission)
	updateTransmission = updating(tableTransmission, `UPDATE transmission SET message_id = $2, interchange_id = $3, service = $4, action = $5,
		sender = $6, recipient = $7, content_type = $8, body_digest = $9, refs = $10, receipt = $11, receipt_type = $12,
		receipt_at = $13, evidence = $14, fault = $15, state = $16, updated_at = $17, key_id = $18 WHERE id = $1`)
	// A directory that is read every night must not write every row.
	setCertificate = updating(tableCertificate, `INSERT INTO certificate (`+certificateColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (fingerprint) DO UPDATE SET mp_id = $2, usage = $3, own = $4, der = $5, not_before = $6, not_after = $7, source = $8,
			retired_at = $10
		WHERE certificate.mp_id <> $2 OR certificate.usage <> $3 OR certificate.own <> $4 OR certificate.der <> $5
			OR certificate.not_before <> $6 OR certificate.not_after <> $7 OR certificate.retired_at <> $10`)
	insertPrivateKey = inserting(tableOwnKey)
	setCRL           = updating(tableCRL, `INSERT INTO crl (`+crlColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (issuer) DO UPDATE SET der = $2, this_update = $3, next_update = $4, fetched_at = $5, source = $6, error = $7, tried_at = $8`)
	setPartner = updating(tableMarktpartner, `INSERT INTO partner (mp_id, data, updated_at) VALUES ($1, $2, $3)
		ON CONFLICT (mp_id) DO UPDATE SET data = $2, updated_at = $3`)
)
