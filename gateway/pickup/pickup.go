// Package pickup watches directories in which systems of the company leave interchanges that are to be sent.
//
// A file is taken when it is complete: its name neither begins with a dot nor ends in .tmp or .part, and its size and
// time did not change between two looks. It is handed in with an identity made of its name and its bytes, so that it is
// sent once even if the process dies before it was moved. Then it is moved, with the result beside it in NAME.json:
//
//	DIR/accepted/NAME   it is on its way; what becomes of it is told by the path in NAME.json
//	DIR/rejected/NAME   it is not sent; NAME.json has the findings
//
// A file with the name of one that lies there already gets its number in front of its extension. Nothing is ever
// deleted or overwritten; subdirectories, symbolic links and devices are left alone.
package pickup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/gateway"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
)

// The subdirectories into which files are moved.
const (
	Accepted = "accepted"
	Rejected = "rejected"
)

const (
	interval   = 2 * time.Second // between two looks
	maxEntries = 10_000          // names looked at in one look; the others have their turn when these are gone
	// longestName leaves room for what is added to a name, which has 255 bytes at most.
	longestName = 200
	maxNames    = 1000 // numbers tried for a file whose name is taken
)

// Gateway is what takes the interchanges.
type Gateway interface {
	HandIn(ctx context.Context, s gateway.Submission) (int64, error)
}

// Watcher watches one directory. It is for one goroutine.
type Watcher struct {
	root    *os.Root
	name    string // of the directory, for the log
	number  bool
	gateway Gateway
	store   store.Store
	log     *zap.Logger
	seen    map[string]state // files of the last look
}

// state is what is known of a file that is still there.
type state struct {
	size    int64
	changed time.Time
	id      int64 // interchange it became; 0: it was not handed in yet
	failed  bool  // the log has said so
}

// Open returns a Watcher of a directory, in which it makes the subdirectories. Close it when it is not running.
func Open(p config.Pickup, g Gateway, st store.Store, log *zap.Logger) (*Watcher, error) {
	root, err := os.OpenRoot(p.Dir)
	if err != nil {
		return nil, fmt.Errorf("pickup: %w", err)
	}
	for _, dir := range []string{Accepted, Rejected} {
		if err := root.Mkdir(dir, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, errors.Join(fmt.Errorf("pickup: %w", err), root.Close())
		}
	}
	return &Watcher{root: root, name: p.Dir, number: p.Number, gateway: g, store: st, log: log.Named("pickup"), seen: map[string]state{}}, nil
}

// Close ends the use of the directory.
func (w *Watcher) Close() error { return w.root.Close() }

// Run looks again and again until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	failing := false
	for {
		err := w.Look(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			w.log.Error("a directory cannot be read", zap.String("directory", w.name), zap.Error(err))
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-time.After(interval):
		}
	}
}

// Look looks at every file once. The error is that of the directory; a file that cannot be taken stays, and the log
// says why.
func (w *Watcher) Look(ctx context.Context) error {
	dir, err := w.root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	now := map[string]state{}
	for n := 0; n < maxEntries; {
		entries, err := dir.ReadDir(256)
		for _, e := range entries {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if e.Type().IsRegular() && complete(e.Name()) {
				n++
				w.file(ctx, e.Name(), now)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	w.seen = now
	return nil
}

// complete reports whether a file may be taken by its name.
func complete(name string) bool {
	return !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".tmp") && !strings.HasSuffix(name, ".part")
}

// file looks at one file; what is to be remembered of it goes into now.
func (w *Watcher) file(ctx context.Context, name string, now map[string]state) {
	info, err := w.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return // gone, or not what it was
	}
	s := state{size: info.Size(), changed: info.ModTime()}
	before, known := w.seen[name]
	if !known || before.size != s.size || !before.changed.Equal(s.changed) {
		now[name] = s
		return
	}
	s = before
	done, err := w.take(ctx, name, &s)
	if err != nil && ctx.Err() == nil {
		if !s.failed {
			w.log.Error("a file cannot be taken", zap.String("directory", w.name), zap.String("file", name), zap.Error(err))
		}
		s.failed = true
	}
	if !done {
		now[name] = s
	}
}

// result is what NAME.json holds.
type result struct {
	File        string            `json:"file"`
	Accepted    bool              `json:"accepted"`
	Interchange int64             `json:"interchange,omitempty"`
	Link        string            `json:"link,omitempty"` // path in the HTTP interface
	Verdict     string            `json:"verdict,omitempty"`
	Reference   string            `json:"reference,omitempty"` // UNB 0020
	SHA256      string            `json:"sha256"`              // of the file
	Reason      string            `json:"reason,omitempty"`    // if it was not taken at all
	Findings    []json.RawMessage `json:"findings"`
}

// take hands in a file and moves it as soon as the verdict is known.
func (w *Watcher) take(ctx context.Context, name string, s *state) (done bool, err error) {
	file, digest, err := w.open(ctx, name, *s)
	if err != nil || file == nil {
		return file == nil && err == nil, err
	}
	defer file.Close()
	r := result{File: name, SHA256: digest, Findings: []json.RawMessage{}}
	if s.id == 0 {
		name := sha256.Sum256([]byte(name)) // names may be long
		s.id, err = w.gateway.HandIn(ctx, gateway.Submission{
			Channel: "pickup", ID: hex.EncodeToString(name[:8]) + "/" + digest, Number: w.number,
			Body: &sameBytes{r: contextReader{ctx, file}, digest: sha256.New(), want: digest},
		})
	}
	switch {
	case errors.Is(err, gateway.ErrTooLarge):
		r.Reason = "larger than max_interchange_bytes in the configuration"
		return true, w.move(name, file, *s, r)
	case err != nil:
		return false, err
	}
	checked, err := w.look(ctx, s.id, &r)
	if err != nil || !checked {
		return false, err
	}
	return true, w.move(name, file, *s, r)
}

// open opens a file and returns the SHA-256 of its bytes; nil if it is not the one that was looked at.
func (w *Watcher) open(ctx context.Context, name string, s state) (*os.File, string, error) {
	file, err := w.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	info, err := file.Stat()
	if err == nil && (!info.Mode().IsRegular() || info.Size() != s.size || !info.ModTime().Equal(s.changed)) {
		return nil, "", file.Close()
	}
	digest := sha256.New()
	if err == nil {
		_, err = io.Copy(digest, contextReader{ctx, file})
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, "", errors.Join(err, file.Close())
	}
	return file, hex.EncodeToString(digest.Sum(nil)), nil
}

// look reads the verdict; checked is false as long as there is none.
func (w *Watcher) look(ctx context.Context, id int64, r *result) (checked bool, err error) {
	err = w.store.View(ctx, func(tx store.Tx) error {
		x, err := tx.Interchange(id)
		if err != nil || x.State == store.StateReceived {
			return err
		}
		checked = true
		r.Interchange, r.Link = id, fmt.Sprintf("/v1/interchanges/%d", id)
		r.Verdict, r.Reference, r.Accepted = x.Verdict, x.ControlRef, x.Verdict == string(check.Accepted)
		findings, err := tx.Findings(id)
		for _, f := range findings {
			if len(f.Data) > 0 {
				r.Findings = append(r.Findings, f.Data)
			}
		}
		return err
	})
	return checked, err
}

// move puts the result where the file goes, and the file beside it. If another one has its name by now, that stays and has
// its own turn.
func (w *Watcher) move(name string, file *os.File, s state, r result) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	dir := Rejected
	if r.Accepted {
		dir = Accepted
	}
	to, err := w.free(dir, name, data)
	if err != nil {
		return err
	}
	if err := w.write(dir, path.Base(to)+".json", append(data, '\n')); err != nil {
		return err
	}
	if same, err := w.same(name, file, s); err != nil || !same {
		w.log.Warn("a file was replaced after it had been read", zap.String("directory", w.name), zap.Int64("interchange", r.Interchange))
		return err
	}
	if err := w.root.Rename(name, to); err != nil {
		return err
	}
	w.log.Info("file taken", zap.String("directory", w.name), zap.Int64("interchange", r.Interchange), zap.Bool("accepted", r.Accepted))
	return syncDir(w.root, dir)
}

// same reports whether the file that was read still has its name, unchanged.
func (w *Watcher) same(name string, file *os.File, s state) (bool, error) {
	was, err := file.Stat()
	if err != nil {
		return false, err
	}
	is, err := w.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(was, is) && is.Size() == s.size && is.ModTime().Equal(s.changed), err
}

// free returns a path at which neither a file nor the result of another one lies.
func (w *Watcher) free(dir, name string, data []byte) (string, error) {
	if len(name) > longestName {
		name = strings.ToValidUTF8(name[:longestName], "")
	}
	ext := path.Ext(name)
	for n := 1; n <= maxNames; n++ {
		to := path.Join(dir, name)
		if n > 1 {
			to = path.Join(dir, fmt.Sprintf("%s.%d%s", strings.TrimSuffix(name, ext), n, ext))
		}
		if _, err := w.root.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				return "", err
			}
			continue
		}
		there, err := w.root.ReadFile(to + ".json")
		if errors.Is(err, fs.ErrNotExist) || err == nil && string(there) == string(data)+"\n" { // written before a crash
			return to, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%d files with this name lie in %s", maxNames, dir)
}

// write makes a file so that it is there as a whole or not at all.
func (w *Watcher) write(dir, name string, data []byte) error {
	temporary := path.Join(dir, "."+name+".tmp")
	f, err := w.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return w.root.Rename(temporary, path.Join(dir, name))
}

// syncDir makes renames in a directory durable.
func syncDir(root *os.Root, name string) error {
	d, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// sameBytes fails at the end if the bytes are not those with the digest: somebody writes the file after all.
type sameBytes struct {
	r      io.Reader
	digest hash.Hash
	want   string
}

func (s *sameBytes) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.digest.Write(p[:n])
	if err == io.EOF && hex.EncodeToString(s.digest.Sum(nil)) != s.want {
		err = errors.New("the file changed while it was read")
	}
	return n, err
}

// contextReader stops reading when the context ends.
type contextReader struct {
	ctx context.Context //nolint:containedctx // lives for one file
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
