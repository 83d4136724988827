package sqlstore

// NOTE: encryption.
//
//	master key     32 bytes in a file, outside the database and its backups
//	data key       one for each class and month, random, in data_key under the master key
//	bytes          AES-256-GCM under a data key: nonce, ciphertext, tag; after compression
//
// What the bytes belong to is authenticated with them, so that they cannot be moved to another row. Nonces are
// random: with 2^32 pieces under one key, far more than a month has, a collision has a chance of 2^-32.
//
// A new key is written by the transaction that needs it first and used by others only when that is committed.

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/marktbote/marktbote/store"
)

const (
	keyBytes = 32
	// keyPatience is how long a key is used without looking whether it was destroyed.
	keyPatience = time.Minute
)

var errBadKeyFile = errors.New("not a master key: 64 hexadecimal digits")

// dataKey is a data key in memory.
type dataKey struct {
	id     int64
	aead   cipher.AEAD // nil: destroyed
	readAt time.Time
}

// keyring has the master key and the data keys in use. It is safe for concurrent use.
type keyring struct {
	file    string // of the master key
	created bool
	master  cipher.AEAD // nil: nothing is encrypted

	mu   sync.Mutex
	byID map[int64]*dataKey
	live map[string]*dataKey // by class/period
}

// openKeyring reads the master key. The file is created if it does not exist and may be.
func openKeyring(file string, mayCreate func() (bool, error)) (*keyring, error) {
	k := &keyring{file: file, byID: map[int64]*dataKey{}, live: map[string]*dataKey{}}
	if file == "" {
		return k, nil
	}
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if errors.Is(err, fs.ErrNotExist) {
		may, mayErr := mayCreate()
		if mayErr != nil {
			return nil, mayErr
		}
		if !may {
			return nil, fmt.Errorf("the database is encrypted and its master key is missing: %w", err)
		}
		if text, err = createKeyFile(file); err == nil {
			k.created = true
		}
	}
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != keyBytes {
		return nil, fmt.Errorf("master key: %s: %w", file, errBadKeyFile)
	}
	k.master, err = newAEAD(key)
	return k, err
}

// createKeyFile makes a key. Of two processes that do so at the same time one reads what the other wrote.
func createKeyFile(path string) ([]byte, error) {
	text := []byte(hex.EncodeToString(randomBytes(keyBytes)) + "\n")
	f, err := os.CreateTemp(dirOf(path), "key")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(f.Name()) }() // the link stays
	_, err = f.Write(text)                     // mode 0600
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
		return os.ReadFile(path) //nolint:gosec // the operator names the file
	} else if err != nil {
		return nil, err
	}
	return text, nil
}

func dirOf(path string) string {
	if i := strings.LastIndexByte(path, os.PathSeparator); i >= 0 {
		return path[:i+1]
	}
	return "."
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// sealBytes encrypts plain, which belongs to what, and appends the result to dst.
func sealBytes(a cipher.AEAD, dst, plain []byte, what string) []byte {
	nonce := randomBytes(a.NonceSize())
	return a.Seal(append(dst, nonce...), nonce, plain, []byte(what))
}

// openBytes is the reverse of sealBytes.
func openBytes(a cipher.AEAD, packed []byte, what string) ([]byte, error) {
	if len(packed) < a.NonceSize() {
		return nil, store.ErrCorrupt
	}
	plain, err := a.Open(nil, packed[:a.NonceSize()], packed[a.NonceSize():], []byte(what))
	if err != nil {
		return nil, fmt.Errorf("%w (%v)", store.ErrCorrupt, err)
	}
	return plain, nil
}

const (
	selectKey   = `SELECT id, class, period, wrapped, destroyed_at FROM data_key WHERE id = $1`
	selectKeyOf = `SELECT id, class, period, wrapped, destroyed_at FROM data_key WHERE class = $1 AND period = $2`
	listKeys    = `SELECT id, class, period, destroyed_at FROM data_key ORDER BY class, period`
	countKeys   = `SELECT count(*) FROM data_key`
	listHolds   = `SELECT id, COALESCE(interchange_id, 0), mp_id, set_at, actor, reason, released_at FROM legal_hold ORDER BY id`
	// Transmissions without interchange, such as test messages, are held only with their partner.
	listHeldKeys = `SELECT DISTINCT k.key_id FROM legal_hold h JOIN interchange i ON i.id = h.interchange_id OR h.mp_id <> '' AND h.mp_id IN (i.sender, i.recipient)
		JOIN (SELECT x.id, p.key_id FROM payload p JOIN interchange x ON x.payload_digest = p.digest
			UNION ALL SELECT interchange_id, key_id FROM finding UNION ALL SELECT interchange_id, key_id FROM event) k ON k.id = i.id
		WHERE h.released_at = 0 AND k.key_id IS NOT NULL
		UNION SELECT k.key_id FROM legal_hold h JOIN (SELECT x.interchange_id, x.sender, x.recipient, x.key_id FROM transmission x
			UNION ALL SELECT x.interchange_id, x.sender, x.recipient, p.key_id FROM transmission x JOIN payload p ON p.digest = x.body_digest) k
			ON k.interchange_id = h.interchange_id OR h.mp_id <> '' AND h.mp_id IN (k.sender, k.recipient)
		WHERE h.released_at = 0 AND k.key_id IS NOT NULL`
)

var (
	tableDataKey = newTable("data_key", 1, "id= class period wrapped* destroyed_at#")
	tableHold    = newTable("legal_hold", 1, "id= interchange_id# mp_id set_at# actor reason released_at#")

	insertKey   = inserting(tableDataKey)
	destroyKey  = updating(tableDataKey, `UPDATE data_key SET wrapped = NULL, destroyed_at = $2 WHERE id = $1 AND destroyed_at = 0`)
	insertHold  = inserting(tableHold)
	releaseHold = updating(tableHold, `UPDATE legal_hold SET released_at = $2 WHERE id = $1 AND released_at = 0`)
)

func keyQueries() []string {
	return []string{selectKey, selectKeyOf, listKeys, countKeys, listHolds, listHeldKeys}
}

// currentKey returns the key for what this transaction keeps now; nil if nothing is encrypted.
func (t *tx) currentKey(op string) (*dataKey, error) {
	ring := t.store.keys
	if ring.master == nil {
		return nil, nil
	}
	class, period := string(t.class), t.store.now().UTC().Format("2006-01")
	if class == "" {
		class = string(store.ClassUnsorted)
	}
	name := class + "/" + period
	if k := t.newKeys[name]; k != nil {
		return k, nil
	}
	ring.mu.Lock()
	k := ring.live[name]
	ring.mu.Unlock()
	if k != nil {
		return k, nil
	}
	key := randomBytes(keyBytes)
	id, err := t.insert(op, insertKey, class, period, sealBytes(ring.master, nil, key, name), 0)
	if errors.Is(err, errNoRow) {
		found, err := list(t, op, selectKeyOf, scanRow, class, period)
		if err == nil && len(found) == 0 {
			err = t.fail(op, store.ErrNotFound)
		}
		if err != nil {
			return nil, err
		}
		return t.unwrap(op, found[0])
	}
	if err != nil {
		return nil, err
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, t.fail(op, err)
	}
	k = &dataKey{id: id, aead: aead, readAt: time.Now()}
	t.keep(name, k)
	return k, nil
}

// keep makes a key known when the transaction is committed: what it has read may be of one that is committed with it.
func (t *tx) keep(name string, k *dataKey) {
	if t.newKeys == nil {
		t.newKeys = map[string]*dataKey{}
	}
	t.newKeys[name] = k
}

// unwrap makes a key of its row and remembers it.
func (t *tx) unwrap(op string, row []any) (*dataKey, error) {
	ring := t.store.keys
	k := &dataKey{id: row[0].(int64), readAt: time.Now()}
	name := fmt.Sprintf("%s/%s", row[1], row[2])
	wrapped, _ := row[3].([]byte)
	if wrapped != nil {
		if ring.master == nil {
			return nil, t.fail(op, errors.New("the bytes are encrypted and there is no master key"))
		}
		key, err := openBytes(ring.master, wrapped, name)
		if err != nil {
			return nil, t.fail(op, fmt.Errorf("data key %d does not belong to the master key in %s: %w", k.id, ring.file, err))
		}
		if k.aead, err = newAEAD(key); err != nil {
			return nil, t.fail(op, err)
		}
	}
	t.keep(name, k)
	return k, nil
}

// keyByID returns a key to read with; its aead is nil if it was destroyed.
func (t *tx) keyByID(op string, id int64) (*dataKey, error) {
	for _, k := range t.newKeys {
		if k.id == id {
			return k, nil
		}
	}
	ring := t.store.keys
	ring.mu.Lock()
	k := ring.byID[id]
	ring.mu.Unlock()
	if k != nil && time.Since(k.readAt) < keyPatience {
		return k, nil
	}
	found, err := list(t, op, selectKey, scanRow, id)
	if err == nil && len(found) == 0 {
		err = t.fail(op, fmt.Errorf("data key %d: %w", id, store.ErrCorrupt))
	}
	if err != nil {
		return nil, err
	}
	return t.unwrap(op, found[0])
}

// keepKeys makes the keys of a committed transaction known.
func (r *keyring) keepKeys(keys map[string]*dataKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, k := range keys {
		r.byID[k.id] = k
		if k.aead != nil {
			r.live[name] = k
		} else {
			delete(r.live, name)
		}
	}
}

// encrypt returns bytes as they are stored, and the id of the key or nil.
func (t *tx) encrypt(op string, plain []byte, what string) ([]byte, any, error) {
	k, err := t.currentKey(op)
	if err != nil || k == nil {
		return plain, nil, err
	}
	if k.aead == nil { // destroyed in its own month
		return nil, nil, t.fail(op, store.ErrShredded)
	}
	return sealBytes(k.aead, nil, plain, what), k.id, nil
}

// decrypt is the reverse. Bytes whose key was destroyed are store.ErrShredded.
func (t *tx) decrypt(op string, stored []byte, keyID int64, what string) ([]byte, error) {
	if keyID == 0 {
		return stored, nil
	}
	k, err := t.keyByID(op, keyID)
	if err != nil {
		return nil, err
	}
	if k.aead == nil {
		return nil, store.ErrShredded
	}
	return openBytes(k.aead, stored, what)
}
