package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/marktbote/marktbote/store"
)

// auditCmd is "marktbote audit".
type auditCmd struct {
	Verify     auditVerifyCmd     `cmd:"" help:"Recompute the audit log and name every row that was changed, removed or inserted."`
	Checkpoint auditCheckpointCmd `cmd:"" help:"Export the state of the audit log, signed."`
}

// checkpointOrigin is the first line of a checkpoint; it names the kind of log.
const checkpointOrigin = "marktbote/audit"

// auditVerifyCmd is "marktbote audit verify".
type auditVerifyCmd struct {
	storeFlag
	Checkpoint string `help:"An earlier checkpoint; the log must be a continuation of it." type:"existingfile" placeholder:"FILE"`
	Verifier   string `help:"File with the public key of the checkpoint, as audit checkpoint wrote it." type:"existingfile" placeholder:"FILE"`
	Max        int    `help:"Problems to name; the rest is counted." default:"1000"`
}

// Help is shown by "marktbote audit verify --help".
func (c *auditVerifyCmd) Help() string {
	return `Every change the gateway makes leaves an entry in an append-only log: which rows, and the SHA-256 of what they contain. The entries are the leaves of a Merkle tree. This command recomputes the tree from the entries and compares every row with the last entry about it. The gateway may go on meanwhile, and the master key is not needed.

Who can write to the database can also cut off the end of the log together with its rows. Only an earlier checkpoint, kept elsewhere, shows that.

Exit codes: 0 everything fits, 1 something was changed (one line for each row), 2 the work could not be done.

Example:
  marktbote audit verify --store marktbote-data/marktbote.db --checkpoint checkpoint.txt --verifier audit.pub`
}

// Run verifies.
func (c *auditVerifyCmd) Run(e env) error {
	var since store.AuditHead
	if c.Checkpoint != "" {
		if c.Verifier == "" {
			return errors.New("--checkpoint needs --verifier: without the public key anybody could have written it")
		}
		var err error
		if since, err = readCheckpoint(c.Checkpoint, c.Verifier); err != nil {
			return err
		}
	}
	return withAuditor(e, &c.storeFlag, func(a store.Auditor) error {
		n := 0
		head, err := a.Verify(e.ctx, since, func(p store.AuditProblem) {
			if n++; n <= c.Max {
				fmt.Fprintln(e.stdout, p)
			}
		})
		if err != nil {
			return err
		}
		if n > 0 {
			fmt.Fprintf(e.stderr, "%d rows do not fit the audit log of %d entries\n", n, head.Size)
			return errRejected
		}
		fmt.Fprintf(e.stdout, "ok: %d entries, root %s\n", head.Size, base64.StdEncoding.EncodeToString(head.Root[:]))
		return nil
	})
}

// auditCheckpointCmd is "marktbote audit checkpoint".
type auditCheckpointCmd struct {
	storeFlag
	Key  string `help:"File with the private key (Ed25519). Created if it does not exist, with the public key beside it in FILE.pub." required:"" placeholder:"FILE"`
	Out  string `short:"o" help:"File to write; without it: standard output." placeholder:"FILE"`
	Name string `help:"Name of a new key; it appears in every signature." default:"marktbote" placeholder:"NAME"`
}

// Help is shown by "marktbote audit checkpoint --help".
func (c *auditCheckpointCmd) Help() string {
	return `Writes the size and the root hash of the audit log as a signed note (golang.org/x/mod/sumdb/note). Keep checkpoints and the public key where nobody can write who can write to the database. A later audit verify --checkpoint proves that nothing before it was changed.

Example:
  marktbote audit checkpoint --store marktbote-data/marktbote.db --key audit.key -o checkpoint.txt`
}

// Run writes a checkpoint.
func (c *auditCheckpointCmd) Run(e env) error {
	signer, err := signingKey(c.Key, c.Name)
	if err != nil {
		return err
	}
	return withAuditor(e, &c.storeFlag, func(a store.Auditor) error {
		head, err := a.Seal(e.ctx)
		if err != nil {
			return err
		}
		text := fmt.Sprintf("%s\n%d\n%s\n", checkpointOrigin, head.Size, base64.StdEncoding.EncodeToString(head.Root[:]))
		signed, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			return err
		}
		if c.Out == "" {
			_, err = e.stdout.Write(signed)
			return err
		}
		return os.WriteFile(c.Out, signed, 0o644) //nolint:gosec // for everybody
	})
}

// withAuditor opens the store for a command about its audit log.
func withAuditor(e env, flag *storeFlag, do func(a store.Auditor) error) (err error) {
	cfg, err := flag.settings()
	if err != nil {
		return err
	}
	st, err := openExisting(e.ctx, cfg, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	a, ok := st.(store.Auditor)
	if !ok {
		return fmt.Errorf("%s: the store has no audit log", describeStore(cfg))
	}
	return do(a)
}

// signingKey reads a private key, or makes one.
func signingKey(path, name string) (note.Signer, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if errors.Is(err, fs.ErrNotExist) {
		private, public, err := note.GenerateKey(rand.Reader, name)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(path+".pub", []byte(public+"\n"), 0o644); err != nil { //nolint:gosec // for everybody
			return nil, err
		}
		if err := os.WriteFile(path, []byte(private+"\n"), 0o600); err != nil {
			return nil, err
		}
		return note.NewSigner(private)
	}
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%s: not a private key as audit checkpoint makes it", filepath.Clean(path)) // err may quote it
	}
	return signer, nil
}

// readCheckpoint reads a checkpoint and checks its signature.
func readCheckpoint(path, keyPath string) (head store.AuditHead, err error) {
	key, err := os.ReadFile(keyPath) //nolint:gosec // the operator names the file
	if err != nil {
		return head, err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return head, fmt.Errorf("%s: %w", keyPath, err)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return head, err
	}
	n, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return head, fmt.Errorf("%s: %w", path, err)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != checkpointOrigin {
		return head, fmt.Errorf("%s: not a checkpoint of an audit log", path)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, rootErr := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || rootErr != nil || size < 0 || len(root) != len(head.Root) {
		return head, fmt.Errorf("%s: not a checkpoint of an audit log", path)
	}
	head.Size = size
	copy(head.Root[:], root)
	return head, nil
}
