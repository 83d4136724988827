package smpki

import (
	"crypto/cipher"
	"crypto/des" //nolint:gosec // what older software has encrypted is read
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // see above
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
)

// NOTE. A PKCS #12 file is
//
//	PFX
//	  authSafe      OCTET STRING, about which the MAC is
//	    ContentInfo ...        each in the clear or encrypted
//	      SafeBag ...          a key, an encrypted key, a certificate
//	  macData
//
// Java's keytool and OpenSSL 3 write PBES2 with AES and a MAC by the key derivation of PKCS #12; OpenSSL before 3, Windows
// and Bouncy Castle write 3DES for keys and RC2 for certificates; newer ones may write a MAC by PBKDF2 (RFC 9579). All of it
// is read. What the file makes us compute is bounded by one budget of iterations.

var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEncryptedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}

	oidKeyBag          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidShroudedKeyBag  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509Certificate = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}

	oidSHAAnd3DES      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3}
	oidSHAAnd2Key3DES  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 4}
	oidSHAAnd128BitRC2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 5}
	oidSHAAnd40BitRC2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 6}

	oidSHA1   = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	oidSHA256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
	oidPBMAC1 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 14}
)

var errPKCS12 = errors.New("smpki: malformed PKCS #12 file")

// ParsePKCS12 reads the keys and certificates of a PKCS #12 file (.p12, .pfx), each in the order of the file; which
// certificate belongs to which key says Holds. The MAC is checked where there is one. The error is ErrPassword if the
// password does not fit. Keys that are not on brainpoolP256r1 are an error.
//
// Spec: RFC 7292 4
func ParsePKCS12(file, password []byte) ([]*brainpool.PrivateKey, []*x509.Certificate, error) {
	return parsePKCS12(file, password, maxIterations)
}

func parsePKCS12(file, password []byte, left budget) ([]*brainpool.PrivateKey, []*x509.Certificate, error) {
	if len(file) > maxKeyFileBytes {
		return nil, nil, fmt.Errorf("smpki: PKCS #12 file of %d bytes, at most %d are read", len(file), maxKeyFileBytes)
	}
	if password == nil {
		password = []byte{}
	}
	der, err := toDER(file)
	if err != nil {
		return nil, nil, errPKCS12
	}
	input := cryptobyte.String(der)
	var pfx cryptobyte.String
	var version int
	if !input.ReadASN1(&pfx, casn1.SEQUENCE) || !pfx.ReadASN1Integer(&version) || version != 3 {
		return nil, nil, errPKCS12
	}
	r := pkcs12{password: password, left: left}
	safe, err := r.authenticated(&pfx)
	if err != nil {
		return nil, nil, err
	}
	if safe, err = toDER(safe); err != nil {
		return nil, nil, errPKCS12
	}
	input = safe
	var contents cryptobyte.String
	if !input.ReadASN1(&contents, casn1.SEQUENCE) {
		return nil, nil, errPKCS12
	}
	for !contents.Empty() {
		if err := r.content(&contents); err != nil {
			return nil, nil, err
		}
	}
	return r.keys, r.certs, nil
}

// pkcs12 is a file being read.
type pkcs12 struct {
	password []byte
	left     budget
	keys     []*brainpool.PrivateKey
	certs    []*x509.Certificate
}

// authenticated returns the content of a PFX after its MAC was checked.
func (r *pkcs12) authenticated(pfx *cryptobyte.String) ([]byte, error) {
	oid, value, ok := readContentInfo(pfx)
	var content []byte
	switch {
	case !ok:
		return nil, errPKCS12
	case !oid.Equal(oidData):
		return nil, errors.New("smpki: the PKCS #12 file is protected by a public key; only those with a password are read")
	case !value.ReadASN1Bytes(&content, casn1.OCTET_STRING):
		return nil, errPKCS12
	case pfx.Empty(): // without a MAC: the file is the operator's own, and a key must fit its certificate
		return content, nil
	}
	var mac, info cryptobyte.String
	var digest, salt []byte
	if !pfx.ReadASN1(&mac, casn1.SEQUENCE) || !mac.ReadASN1(&info, casn1.SEQUENCE) {
		return nil, errPKCS12
	}
	algorithm, parameters, ok := readAlgorithm(&info)
	if !ok || !info.ReadASN1Bytes(&digest, casn1.OCTET_STRING) || !mac.ReadASN1Bytes(&salt, casn1.OCTET_STRING) {
		return nil, errPKCS12
	}
	iterations := 1
	if !mac.Empty() && !mac.ReadASN1Integer(&iterations) {
		return nil, errPKCS12
	}
	if algorithm.Equal(oidPBMAC1) {
		return content, r.checkPBMAC1(parameters, content, digest)
	}
	var h func() hash.Hash
	block := 64
	switch {
	case algorithm.Equal(oidSHA1):
		h = sha1.New
	case algorithm.Equal(oidSHA256):
		h = sha256.New
	case algorithm.Equal(oidSHA384):
		h, block = sha512.New384, 128
	case algorithm.Equal(oidSHA512):
		h, block = sha512.New, 128
	default:
		return nil, fmt.Errorf("smpki: the MAC of the PKCS #12 file is by %s, which is not known here", algorithm)
	}
	for _, password := range r.encodings() {
		if err := r.left.spend(iterations); err != nil {
			return nil, err
		}
		const purpose = 3
		if validMAC(h, pkcs12KDF(h, block, purpose, password, salt, iterations, h().Size()), content, digest) {
			return content, nil
		}
	}
	return nil, ErrPassword
}

// checkPBMAC1 checks a MAC whose key comes from PBKDF2.
//
// Spec: RFC 9579 4, RFC 8018 7.1
func (r *pkcs12) checkPBMAC1(parameters cryptobyte.String, content, digest []byte) error {
	var body, kdf cryptobyte.String
	if !parameters.ReadASN1(&body, casn1.SEQUENCE) {
		return errPKCS12
	}
	oid, kdfParameters, ok := readAlgorithm(&body)
	if !ok || !oid.Equal(oidPBKDF2) || !kdfParameters.ReadASN1(&kdf, casn1.SEQUENCE) {
		return errPKCS12
	}
	macOID, _, ok := readAlgorithm(&body)
	var salt []byte
	var iterations, size int
	if !ok || !kdf.ReadASN1Bytes(&salt, casn1.OCTET_STRING) || !kdf.ReadASN1Integer(&iterations) || !kdf.ReadASN1Integer(&size) ||
		size < 16 || size > 64 {
		return errPKCS12
	}
	prf := oidHMACSHA1
	if !kdf.Empty() {
		if prf, _, ok = readAlgorithm(&kdf); !ok {
			return errPKCS12
		}
	}
	prfHash, err := hmacOf(prf)
	if err != nil {
		return err
	}
	macHash, err := hmacOf(macOID)
	if err != nil {
		return err
	}
	if err := r.left.spend(2 * iterations); err != nil {
		return err
	}
	key, err := pbkdf2.Key(prfHash, string(r.password), salt, iterations, size)
	if err != nil {
		return fmt.Errorf("smpki: %w", err)
	}
	if !validMAC(macHash, key, content, digest) {
		return ErrPassword
	}
	return nil
}

// validMAC compares in constant time.
func validMAC(h func() hash.Hash, key, data, want []byte) bool {
	m := hmac.New(h, key)
	m.Write(data)
	return hmac.Equal(m.Sum(nil), want)
}

// readContentInfo reads a ContentInfo; value is what is inside its [0].
func readContentInfo(s *cryptobyte.String) (oid asn1.ObjectIdentifier, value cryptobyte.String, ok bool) {
	var info cryptobyte.String
	ok = s.ReadASN1(&info, casn1.SEQUENCE) && info.ReadASN1ObjectIdentifier(&oid) &&
		info.ReadASN1(&value, casn1.Tag(0).Constructed().ContextSpecific())
	return oid, value, ok
}

// content reads one of the contents and the bags in it.
func (r *pkcs12) content(s *cryptobyte.String) error {
	oid, value, ok := readContentInfo(s)
	if !ok {
		return errPKCS12
	}
	var safe []byte
	switch {
	case oid.Equal(oidData):
		if !value.ReadASN1Bytes(&safe, casn1.OCTET_STRING) {
			return errPKCS12
		}
	case oid.Equal(oidEncryptedData):
		var err error
		if safe, err = r.encrypted(value); err != nil {
			return err
		}
	default:
		return errors.New("smpki: a part of the PKCS #12 file is protected by a public key; only those with a password are read")
	}
	der, err := toDER(safe)
	if err != nil {
		if oid.Equal(oidEncryptedData) {
			return ErrPassword // decrypted to noise
		}
		return errPKCS12
	}
	input := cryptobyte.String(der)
	var bags cryptobyte.String
	if !input.ReadASN1(&bags, casn1.SEQUENCE) {
		return errPKCS12
	}
	for !bags.Empty() {
		if err := r.bag(&bags); err != nil {
			return err
		}
	}
	return nil
}

// encrypted decrypts an EncryptedData.
//
// Spec: RFC 5652 8
func (r *pkcs12) encrypted(value cryptobyte.String) ([]byte, error) {
	var data, info, pieces cryptobyte.String
	var version int
	var oid asn1.ObjectIdentifier
	if !value.ReadASN1(&data, casn1.SEQUENCE) || !data.ReadASN1Integer(&version) ||
		!data.ReadASN1(&info, casn1.SEQUENCE) || !info.ReadASN1ObjectIdentifier(&oid) {
		return nil, errPKCS12
	}
	scheme, parameters, ok := readAlgorithm(&info)
	if !ok {
		return nil, errPKCS12
	}
	var ciphertext []byte
	switch { // an octet string with an implicit tag, in one piece or in several
	case info.PeekASN1Tag(casn1.Tag(0).ContextSpecific()) && info.ReadASN1Bytes(&ciphertext, casn1.Tag(0).ContextSpecific()):
	case info.ReadASN1(&pieces, casn1.Tag(0).Constructed().ContextSpecific()):
		for !pieces.Empty() {
			var piece cryptobyte.String
			if !pieces.ReadASN1(&piece, casn1.OCTET_STRING) {
				return nil, errPKCS12
			}
			ciphertext = append(ciphertext, piece...)
		}
	default:
		return nil, errPKCS12
	}
	return r.decrypt(scheme, parameters, ciphertext)
}

// bag reads a bag with a key or a certificate and skips any other.
func (r *pkcs12) bag(bags *cryptobyte.String) error {
	var bag, value cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !bags.ReadASN1(&bag, casn1.SEQUENCE) || !bag.ReadASN1ObjectIdentifier(&oid) ||
		!bag.ReadASN1(&value, casn1.Tag(0).Constructed().ContextSpecific()) {
		return errPKCS12
	}
	switch {
	case oid.Equal(oidKeyBag):
		key, err := parsePKCS8(value)
		if err != nil {
			return err
		}
		r.keys = append(r.keys, key)
	case oid.Equal(oidShroudedKeyBag):
		key, err := openPKCS8(value, r.decrypt)
		if err != nil {
			return err
		}
		r.keys = append(r.keys, key)
	case oid.Equal(oidCertBag):
		var cert, octets cryptobyte.String
		var kind asn1.ObjectIdentifier
		if !value.ReadASN1(&cert, casn1.SEQUENCE) || !cert.ReadASN1ObjectIdentifier(&kind) ||
			!cert.ReadASN1(&octets, casn1.Tag(0).Constructed().ContextSpecific()) {
			return errPKCS12
		}
		var der []byte
		if !kind.Equal(oidX509Certificate) {
			return nil
		}
		if !octets.ReadASN1Bytes(&der, casn1.OCTET_STRING) {
			return errPKCS12
		}
		c, err := ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("certificate %d of the file: %w", len(r.certs)+1, err)
		}
		r.certs = append(r.certs, c)
	}
	return nil
}

// decrypt decrypts by PBES2 or by one of the schemes of PKCS #12.
//
// Spec: RFC 7292 C
func (r *pkcs12) decrypt(scheme asn1.ObjectIdentifier, parameters cryptobyte.String, ciphertext []byte) ([]byte, error) {
	var size int
	switch {
	case scheme.Equal(oidPBES2):
		return openPBES2(parameters, r.password, ciphertext, &r.left)
	case scheme.Equal(oidSHAAnd3DES):
		size = 24
	case scheme.Equal(oidSHAAnd2Key3DES), scheme.Equal(oidSHAAnd128BitRC2):
		size = 16
	case scheme.Equal(oidSHAAnd40BitRC2):
		size = 5
	default:
		return nil, fmt.Errorf("smpki: encrypted by the scheme %s, which is not known here", scheme)
	}
	var body cryptobyte.String
	var salt []byte
	var iterations int
	if !parameters.ReadASN1(&body, casn1.SEQUENCE) || !body.ReadASN1Bytes(&salt, casn1.OCTET_STRING) || !body.ReadASN1Integer(&iterations) {
		return nil, errPBES2
	}
	err := ErrPassword
	for _, password := range r.encodings() {
		if err := r.left.spend(3 * iterations); err != nil { // 3DES needs two rounds for its key, and one for the vector
			return nil, err
		}
		key := pkcs12KDF(sha1.New, 64, 1, password, salt, iterations, size)
		iv := pkcs12KDF(sha1.New, 64, 2, password, salt, iterations, 8)
		var block cipher.Block
		switch {
		case scheme.Equal(oidSHAAnd2Key3DES):
			key = append(key, key[:8]...)
			fallthrough
		case scheme.Equal(oidSHAAnd3DES):
			if block, err = des.NewTripleDESCipher(key); err != nil { //nolint:gosec // see the import
				return nil, fmt.Errorf("smpki: %w", err)
			}
		default:
			block = newRC2(key)
		}
		var plain []byte
		if plain, err = openCBC(block, iv, ciphertext); err == nil {
			return plain, nil
		}
	}
	return nil, err
}

// encodings returns the password as PKCS #12 has it in its own key derivation: UTF-16 with a zero at the end. Of the empty
// password there are two readings.
func (r *pkcs12) encodings() [][]byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(string(r.password))) {
		b = append(b, byte(u>>8), byte(u))
	}
	b = append(b, 0, 0)
	if len(r.password) == 0 {
		return [][]byte{b, nil}
	}
	return [][]byte{b}
}

// pkcs12KDF derives size octets for a purpose: 1 key, 2 initialisation vector, 3 MAC key. block is the block size of the
// hash.
//
// Spec: RFC 7292 B.2
func pkcs12KDF(h func() hash.Hash, block int, purpose byte, password, salt []byte, iterations, size int) []byte {
	fill := func(s []byte) []byte {
		if len(s) == 0 {
			return nil
		}
		out := make([]byte, (len(s)+block-1)/block*block)
		for i := range out {
			out[i] = s[i%len(s)]
		}
		return out
	}
	diversifier := make([]byte, block)
	for i := range diversifier {
		diversifier[i] = purpose
	}
	state := append(fill(salt), fill(password)...)
	var out []byte
	for {
		d := h()
		d.Write(diversifier)
		d.Write(state)
		a := d.Sum(nil)
		for range iterations - 1 {
			d.Reset()
			d.Write(a)
			a = d.Sum(a[:0])
		}
		if out = append(out, a...); len(out) >= size {
			return out[:size]
		}
		add := fill(a) // a repeated up to one block, plus one, is added to every block of the state
		for i := 0; i < len(state); i += block {
			carry := 1
			for j := block - 1; j >= 0; j-- {
				carry += int(state[i+j]) + int(add[j])
				state[i+j] = byte(carry)
				carry >>= 8
			}
		}
	}
}
