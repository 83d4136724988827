package as4

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/store"
)

// The environment of the process that is killed: its role, the step at which it dies, and its folder.
const (
	crashRole = "MARKTBOTE_AS4_CRASH_ROLE"
	crashStep = "MARKTBOTE_AS4_CRASH_STEP"
	crashDir  = "MARKTBOTE_AS4_CRASH_DIR"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(crashRole); role != "" {
		if err := crashChild(role, os.Getenv(crashDir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// crashChild opens a house that was prepared and sends one message, or receives until standard input ends. It kills
// itself at the step, as a power failure would.
func crashChild(role, dir string) error {
	ctx := context.Background()
	var certificates []*x509.Certificate
	for _, name := range []string{"root.pem", "subca.pem", "crlsigner.pem"} {
		data, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // of the test
		if err != nil {
			return err
		}
		list, err := smpki.ParseCertificates(data)
		if err != nil {
			return err
		}
		certificates = append(certificates, list...)
	}
	h, o, err := openHouse(ctx, dir, map[string]string{"send": lieferant, "receive": netz}[role], certificates[:1], certificates[1:])
	if err != nil {
		return err
	}
	h.Node = New(o)
	h.step = func(name string) {
		if name == os.Getenv(crashStep) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // nothing may happen any more
		}
	}
	if role == "send" {
		_, err := h.Send(ctx, Message{Key: "ref1", From: lieferant, To: netz, DocumentType: "UTILMD", DocumentNo: "ref1", Body: strings.NewReader(text)})
		return errors.Join(err, h.st.Close())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // until the process ends
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go func() { _ = http.Serve(l, h.Node) }() //nolint:gosec // loopback
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	return h.st.Close()
}

// child is a process with a house in it.
func child(t *testing.T, role, step, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashRole+"="+role, crashStep+"="+step, crashDir+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

func wasKilled(err error) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// TestKilledSender kills the sender at every step. Afterwards the order is carried out with the same message, and the
// partner has it once.
func TestKilledSender(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"begin", "built", "kept", "answered", "settled"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			from, to := w.houses[lieferant], w.houses[netz]
			prepareChild(t, w, from)
			if err := child(t, "send", step, from.dir).Run(); !wasKilled(err) {
				t.Fatalf("not killed at %s: %v", step, err)
			}
			before := to.got()
			if early := step == "begin" || step == "built" || step == "kept"; early != (len(before) == 0) {
				t.Errorf("%d files arrived before the kill", len(before))
			}
			if err := child(t, "send", "", from.dir).Run(); err != nil {
				t.Fatal(err)
			}
			if len(to.got()) != 1 || to.asked() != 1 {
				t.Errorf("%d files in %d calls", len(to.got()), to.asked())
			}
			reopen(t, from)
			sent := from.transmission(store.Out, "ref1")
			got := to.transmission(store.In, lieferant+"|"+sent.MessageID)
			if sent.State != store.TransmissionDelivered || !bytes.Equal(sent.Receipt, got.Receipt) {
				t.Errorf("state %s", sent.State)
			}
		})
	}
}

// TestKilledReceiver kills the receiver at every step. There is no receipt for what is not kept, and what is kept is
// there once and gets the receipt that was kept with it.
func TestKilledReceiver(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"read", "checked", "receipt", "taken"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			from, to := w.houses[lieferant], w.houses[netz]
			prepareChild(t, w, to)
			start := func(step string) (stop func() error) {
				cmd := child(t, "receive", step, to.dir)
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				in, err := cmd.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				address, err := bufio.NewReader(out).ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				from.introduce(netz, "http://"+strings.TrimSpace(address)+"/as4", to.triple.Encryption.Certificate)
				return func() error { _ = in.Close(); return cmd.Wait() }
			}
			stop := start(step)
			_, err := from.send(netz, "ref1", text)
			failure, ok := errors.AsType[*SendError](err)
			if !ok || failure.Final {
				t.Errorf("the first attempt ended with %v", err)
			}
			if err := stop(); !wasKilled(err) {
				t.Fatalf("not killed at %s: %v", step, err)
			}
			stop = start("")
			if _, err := from.send(netz, "ref1", text); err != nil {
				t.Error(err)
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			reopen(t, to)
			sent := from.transmission(store.Out, "ref1")
			got := to.transmission(store.In, lieferant+"|"+sent.MessageID)
			var files []store.Interchange
			err = to.st.View(t.Context(), func(tx store.Tx) (err error) {
				files, err = tx.Interchanges(store.InterchangeQuery{})
				return err
			})
			if err != nil || len(files) != 1 || got.InterchangeID != files[0].ID || !bytes.Equal(sent.Receipt, got.Receipt) {
				t.Errorf("%d files (%v), transmission %+v", len(files), err, got)
			}
		})
	}
}

// prepareChild closes the house, so that a child can open it, and leaves what it must trust.
func prepareChild(t *testing.T, w *town, h *house) {
	t.Helper()
	if err := w.pki.WriteDir(h.dir); err != nil {
		t.Fatal(err)
	}
	if err := h.st.Close(); err != nil {
		t.Fatal(err)
	}
}

// reopen opens the store of a house again when its children are gone.
func reopen(t *testing.T, h *house) {
	t.Helper()
	again, _, err := openHouse(t.Context(), h.dir, h.mpID, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.st = again.st
	t.Cleanup(func() { _ = again.st.Close() })
}
