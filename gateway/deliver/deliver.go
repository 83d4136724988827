// Package deliver hands received interchanges to the systems of the company: as a file in a directory or with an HTTP
// POST. Each call is one attempt. A delivery can happen more than once, if the process dies between the delivery and
// the note of it, or if an answer is lost; name and key stay the same, so that the receiver can tell.
package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/marktbote/marktbote/gateway/config"
)

// Notice says what is delivered. Its JSON form lies beside a delivered file.
type Notice struct {
	ID            int64     `json:"id"` // of the interchange
	Destination   string    `json:"destination"`
	Sender        string    `json:"sender"`    // UNB 0004
	Receiver      string    `json:"receiver"`  // UNB 0010
	Reference     string    `json:"reference"` // UNB 0020
	Type          string    `json:"type"`      // UNH 0065
	FormatVersion string    `json:"format_version"`
	Sparte        string    `json:"sparte"`
	Test          bool      `json:"test"`
	ReceivedAt    time.Time `json:"received_at"`
	SHA256        string    `json:"sha256"`
	Size          int64     `json:"size"` // bytes

	// Pruefidentifikatoren lists those of the transactions that are for this destination, each once.
	Pruefidentifikatoren []string      `json:"pruefidentifikatoren"`
	Transactions         []Transaction `json:"transactions"` // all of the interchange
	Links                Links         `json:"links"`
}

// Transaction is one transaction of the interchange.
type Transaction struct {
	Message            int    `json:"message"`     // from 1
	Transaction        int    `json:"transaction"` // from 1; 0: the message has none and is delivered as a whole
	Number             string `json:"number"`
	Pruefidentifikator string `json:"pruefidentifikator"`
	Object             string `json:"object"`
	Verdict            string `json:"verdict"`
	// Deliver says that it is for this destination. The others are in the file because an interchange is not cut.
	Deliver bool `json:"deliver"`
}

// Links are paths in the HTTP interface of the gateway.
type Links struct {
	Interchange string `json:"interchange"`
	Raw         string `json:"raw"`
}

// Name is the name of a delivered file: it sorts by receipt, and no other interchange has it, in a store that was set
// up anew neither.
func (n *Notice) Name() string {
	return fmt.Sprintf("%010d-%s-%s.edi", n.ID, n.typeName(), n.SHA256[:min(12, len(n.SHA256))])
}

func (n *Notice) typeName() string {
	for _, c := range n.Type {
		if c < 'A' || c > 'Z' {
			return "EDIFACT"
		}
	}
	if n.Type == "" || len(n.Type) > 6 {
		return "EDIFACT"
	}
	return n.Type
}

// Key is the same for every attempt to deliver an interchange to a destination.
func (n *Notice) Key() string {
	return fmt.Sprintf("%d-%s-%s", n.ID, n.SHA256[:min(32, len(n.SHA256))], n.Destination)
}

// Destination delivers to one system. Its methods are safe for concurrent use.
type Destination interface {
	// Deliver makes one attempt. An error with Temporary() false is final.
	Deliver(ctx context.Context, n *Notice, body io.Reader) error
	// Close ends connections that are not used at the moment.
	Close()
}

// New returns the destination of a configuration.
func New(c config.Destination) Destination {
	if c.URL != "" {
		return newPost(c)
	}
	return directory{c.Directory}
}

// directory delivers files.
type directory struct{ path string }

// Close implements Destination.
func (directory) Close() {}

// Deliver writes the notice and then the file, each so that it is there as a whole or not at all. Who waits for files
// with the ending .edi finds the notice of each beside it. Repeated, it writes the same again.
func (d directory) Deliver(ctx context.Context, n *Notice, body io.Reader) error {
	root, err := os.OpenRoot(d.path) // it must exist: a file system that is not mounted must not get the files
	if err != nil {
		return fmt.Errorf("deliver: %w", err)
	}
	defer root.Close()
	notice, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return fmt.Errorf("deliver: %w", err)
	}
	name := n.Name()
	err = put(root, name+".json", func(w io.Writer) error {
		_, err := w.Write(append(notice, '\n'))
		return err
	})
	if err == nil {
		err = put(root, name, func(w io.Writer) error {
			_, err := io.Copy(w, contextReader{ctx, body})
			return err
		})
	}
	if err == nil {
		err = syncDir(root)
	}
	if err != nil {
		return fmt.Errorf("deliver: %w", err)
	}
	return nil
}

// put makes a file of what write writes.
func put(root *os.Root, name string, write func(io.Writer) error) error {
	temporary := "." + name + ".tmp"
	f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, root.Remove(temporary))
	}
	return root.Rename(temporary, name)
}

func syncDir(root *os.Root) error {
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// contextReader stops reading when the context ends.
type contextReader struct {
	ctx context.Context //nolint:containedctx // lives for one delivery
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
