package store

import "time"

// TransmissionState says what became of a transmission.
type TransmissionState string

// The states of transmissions.
const (
	TransmissionPending   TransmissionState = "pending"   // no valid answer yet
	TransmissionDelivered TransmissionState = "delivered" // its receipt is there, or was sent
	TransmissionRefused   TransmissionState = "refused"   // the receiver refuses it, or it was given up
	TransmissionProbable  TransmissionState = "probable"  // the receiver says he has had it before; the receipt is lost
)

// Transmission is one user message of a transport, sent or received, with what proves it. References, Receipt and
// Evidence are encrypted (RetentionTx.SetClass) and empty when their key was destroyed.
type Transmission struct {
	ID        int64 // assigned by the store; grows
	Direction Direction
	// Key names the message, once for each direction. Out: as the caller calls it; in: MP-ID of the sender, |, MessageID.
	Key           string
	MessageID     string // eb:MessageId
	InterchangeID int64  // 0: none, as with a test message
	Service       string
	Action        string
	Sender        string // MP-ID
	Recipient     string // MP-ID
	ContentType   string // of the body, with its parameters
	BodyDigest    string // payload with the complete body as it was on the wire; empty: only the content was kept
	References    []byte // JSON: what the signature covers, URI and digest of each
	Receipt       []byte // as sent or received; as long as it is not delivered, one that does not count
	ReceiptType   string // its content type
	ReceiptAt     time.Time
	Evidence      []byte // JSON: certificates, revocation state, TLS identity
	Fault         string // last error, for people
	State         TransmissionState
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// TransmissionQuery selects transmissions; zero fields do not restrict.
type TransmissionQuery struct {
	Before    int64 // ID below this one
	Limit     int   // at most; 0 means DefaultLimit
	Direction Direction
	Partner   string // MP-ID of who sent it to us, or gets it from us
	State     TransmissionState
}

// CertificateUsage says what a certificate is for.
type CertificateUsage string

// The usages of certificates.
const (
	UsageSignature  CertificateUsage = "signature"
	UsageEncryption CertificateUsage = "encryption"
	UsageTLS        CertificateUsage = "tls"
	UsageCA         CertificateUsage = "ca"         // Sub-CA
	UsageRoot       CertificateUsage = "root"       // trust anchor
	UsageCRLSigner  CertificateUsage = "crl-signer" // signs the revocation list of a root
)

// Certificate is a certificate with what is known about it.
type Certificate struct {
	Fingerprint string // SHA-256 of DER, lower-case hex; the key
	MPID        string // empty for those of CAs
	Usage       CertificateUsage
	Own         bool // the private key is, or was, ours
	DER         []byte
	NotBefore   time.Time
	NotAfter    time.Time
	Source      string // where it came from, for people
	AddedAt     time.Time
	RetiredAt   time.Time // zero: in use
}

// CertificateQuery selects certificates; zero fields do not restrict.
type CertificateQuery struct {
	After string // fingerprint above this one
	Limit int    // at most; 0 means DefaultLimit
	MPID  string
	Usage CertificateUsage
	Own   bool // only own ones
}

// PrivateKey is a private key of our own. Its certificate is found by the public key.
type PrivateKey struct {
	Fingerprint string // SHA-256 of the public key as SubjectPublicKeyInfo, lower-case hex; the key
	MPID        string
	Usage       CertificateUsage
	PKCS8       []byte // DER; never in lists
	Request     []byte // DER of the certificate request, if the certificate was requested from here
	CreatedAt   time.Time
}

// CRL is the newest revocation list of an issuer, and how the last attempt to get a newer one ended.
type CRL struct {
	Issuer     string // names the issuer of the certificates it is about; the key
	DER        []byte // empty: there was never one
	ThisUpdate time.Time
	NextUpdate time.Time
	FetchedAt  time.Time // last attempt that brought a valid list, new or the same
	Source     string    // where it came from
	Error      string    // of the last attempt; empty: it was successful
	TriedAt    time.Time // last attempt
}

// Partner is what is known about a Marktpartner.
type Partner struct {
	MPID      string // the key
	Data      []byte // JSON with the version of its form
	UpdatedAt time.Time
}

// TransportTx are the methods of Tx for what transports keep.
type TransportTx interface {
	// InsertTransmission adds a transmission and returns its ID; x.ID is not looked at. ErrDuplicate with the ID of the
	// one that has its Direction and Key already; the transaction can go on.
	InsertTransmission(x Transmission) (int64, error)
	// UpdateTransmission rewrites everything but Direction, Key and CreatedAt; ID selects the row. ErrNotFound.
	UpdateTransmission(x Transmission) error
	// Transmission returns one transmission. ErrNotFound.
	Transmission(direction Direction, key string) (Transmission, error)
	// TransmissionsOf lists the transmissions of an interchange, oldest first.
	TransmissionsOf(interchangeID int64) ([]Transmission, error)
	// Transmissions lists newest first.
	Transmissions(q TransmissionQuery) ([]Transmission, error)

	// SetCertificate adds a certificate or rewrites what is known about it; its AddedAt stays. It changes nothing if that
	// is all there already, with whatever Source.
	SetCertificate(c Certificate) error
	// Certificate returns one certificate. ErrNotFound.
	Certificate(fingerprint string) (Certificate, error)
	// Certificates lists them by fingerprint.
	Certificates(q CertificateQuery) ([]Certificate, error)

	// InsertPrivateKey adds a key, encrypted with the master key, so that no retention destroys it. ErrDuplicate if there is one with its
	// fingerprint. A store that encrypts nothing refuses it.
	InsertPrivateKey(k PrivateKey) error
	// PrivateKey returns one key with its secret. ErrNotFound.
	PrivateKey(fingerprint string) (PrivateKey, error)
	// PrivateKeys lists the keys of an own MP-ID, or all if it is empty, without their secrets, by fingerprint.
	PrivateKeys(mpID string) ([]PrivateKey, error)

	// SetCRL adds or replaces a revocation list.
	SetCRL(c CRL) error
	// CRL returns one revocation list. ErrNotFound.
	CRL(issuer string) (CRL, error)
	// CRLs lists them all by issuer.
	CRLs() ([]CRL, error)

	// SetPartner adds or replaces a partner.
	SetPartner(p Partner) error
	// Partner returns one partner. ErrNotFound.
	Partner(mpID string) (Partner, error)
	// Partners lists partners with an MP-ID above the given one, by MP-ID, at most limit.
	Partners(after string, limit int) ([]Partner, error)
}
