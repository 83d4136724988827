package objects

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/marktbote/marktbote/store"
)

// Options say how a list is imported.
type Options struct {
	IsOwn  func(mpID string) bool // nil: every MP-ID is
	Actor  string                 // for the audit log
	DryRun bool                   // read and check, change nothing

	// Complete says that the list has all objects of every MP-ID and kind that occurs in it, with all assignments from
	// From on. What an earlier import has left and the list has not, is removed.
	Complete     bool
	From         time.Time
	TrustedUntil time.Time // the list is too old from then on
}

// Result says what an import did.
type Result struct {
	Lines   int // assignments in the list
	Removed int // assignments of earlier imports that the list does not have
	// Complete is what is complete now.
	Complete []store.Completeness
}

// maxErrors is how many wrong lines an import reports.
const maxErrors = 20

// batch is how many assignments are written in one transaction.
const batch = 2000

// source is what an imported assignment names as its source.
const source = "import"

// Import reads a list twice: once to find what is wrong with it, and then, if nothing is, to write it. So a list with an
// error changes nothing. It is written in many transactions; what a crash interrupts is done by importing the list again,
// and until then nothing counts as complete that did not before. It needs 24 bytes of memory for each line. The error
// names the lines that are wrong, at most 20.
func Import(ctx context.Context, st store.Store, list io.ReadSeeker, opts Options) (*Result, error) {
	if opts.IsOwn == nil {
		opts.IsOwn = func(string) bool { return true }
	}
	i := &importer{st: st, opts: opts, result: &Result{}}
	first, err := i.check(list)
	if err != nil || opts.DryRun {
		return i.result, err
	}
	if _, err := list.Seek(0, io.SeekStart); err != nil {
		return i.result, err
	}
	second, err := i.write(ctx, list)
	if err != nil {
		return i.result, err
	}
	if first != second {
		return i.result, errors.New("the file was changed while it was imported; nothing counts as complete by it")
	}
	if !opts.Complete {
		return i.result, nil
	}
	return i.result, i.complete(ctx)
}

type importer struct {
	st     store.Store
	opts   Options
	result *Result
	lines  []lineHash // sorted
	kinds  []store.Completeness
}

// lineHash stands for the key of a line.
type lineHash struct {
	hash uint64
	line int
}

func hashOf(a store.Assignment) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%d", a.MPID, a.Object, a.Partner, a.From.UnixMicro())
	return h.Sum64()
}

func kindOf(a store.Assignment) store.Completeness {
	kind, _, _ := strings.Cut(a.Object, "/")
	return store.Completeness{MPID: a.MPID, Kind: kind}
}

// check reads the list and returns its digest.
func (i *importer) check(list io.Reader) (digest [sha256.Size]byte, err error) {
	sum := sha256.New()
	r, err := newReader(io.TeeReader(list, sum), i.opts.IsOwn)
	if err != nil {
		return digest, err
	}
	var wrong []error
	for {
		a, line, err := r.next()
		var bad *lineError
		switch {
		case errors.Is(err, io.EOF):
			return [sha256.Size]byte(sum.Sum(nil)), errors.Join(append(wrong, i.duplicates(maxErrors-len(wrong))...)...)
		case errors.As(err, &bad):
			if wrong = append(wrong, bad); len(wrong) >= maxErrors {
				return digest, errors.Join(append(wrong, errors.New("further lines were not read"))...)
			}
			continue
		case err != nil:
			return digest, errors.Join(append(wrong, err)...)
		}
		i.result.Lines++
		i.lines = append(i.lines, lineHash{hashOf(a), line})
		if k := kindOf(a); !slices.Contains(i.kinds, k) {
			i.kinds = append(i.kinds, k)
		}
	}
}

// duplicates sorts the lines and reports those that are there twice.
func (i *importer) duplicates(most int) (wrong []error) {
	slices.SortFunc(i.lines, func(a, b lineHash) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.line, b.line)) })
	for k := 1; k < len(i.lines) && len(wrong) < most; k++ {
		if i.lines[k].hash == i.lines[k-1].hash {
			wrong = append(wrong, &lineError{i.lines[k].line, fmt.Errorf("MP-ID, Objekt, Marktpartner and Von are those of line %d", i.lines[k-1].line)})
		}
	}
	return wrong
}

// has reports whether the list has an assignment.
func (i *importer) has(a store.Assignment) bool {
	_, found := slices.BinarySearchFunc(i.lines, hashOf(a), func(l lineHash, hash uint64) int { return cmp.Compare(l.hash, hash) })
	return found
}

// update changes the store in the name of the actor.
func (i *importer) update(ctx context.Context, fn func(tx store.Tx) error) error {
	return i.st.Update(ctx, func(tx store.Tx) error {
		tx.SetActor(i.opts.Actor, "import of objects")
		return fn(tx)
	})
}

// write writes the list and returns its digest.
func (i *importer) write(ctx context.Context, list io.Reader) (digest [sha256.Size]byte, err error) {
	sum := sha256.New()
	r, err := newReader(io.TeeReader(list, sum), i.opts.IsOwn)
	if err != nil {
		return digest, err
	}
	next := make([]store.Assignment, 0, batch)
	flush := func() error {
		return i.update(ctx, func(tx store.Tx) error {
			for _, a := range next {
				if err := tx.SetAssignment(a); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for {
		a, _, err := r.next()
		if errors.Is(err, io.EOF) {
			return [sha256.Size]byte(sum.Sum(nil)), flush()
		}
		if err != nil {
			return digest, err
		}
		a.Source = source
		if next = append(next, a); len(next) == batch {
			if err := flush(); err != nil {
				return digest, err
			}
			next = next[:0]
		}
	}
}

// complete removes what earlier imports left and the list has not, and keeps what is complete by it. What messages have
// taught stays: it may be younger than the list.
func (i *importer) complete(ctx context.Context) error {
	done := map[string]bool{}
	for _, k := range i.kinds {
		if done[k.MPID] {
			continue
		}
		done[k.MPID] = true
		if err := i.remove(ctx, k.MPID); err != nil {
			return err
		}
	}
	return i.update(ctx, func(tx store.Tx) error {
		i.result.Complete = nil
		for _, k := range i.kinds {
			k.From, k.TrustedUntil = i.opts.From, i.opts.TrustedUntil
			if err := tx.SetCompleteness(k); err != nil {
				return err
			}
			i.result.Complete = append(i.result.Complete, k)
		}
		return nil
	})
}

func (i *importer) remove(ctx context.Context, mpID string) error {
	q := store.AssignmentQuery{MPID: mpID, Limit: batch}
	for {
		var page []store.Assignment
		err := i.st.View(ctx, func(tx store.Tx) (err error) {
			page, err = tx.Assignments(q)
			return err
		})
		if err != nil || len(page) == 0 {
			return err
		}
		q.After = page[len(page)-1]
		page = slices.DeleteFunc(page, func(a store.Assignment) bool {
			return a.Source != source || !slices.Contains(i.kinds, kindOf(a)) || i.has(a)
		})
		if len(page) == 0 {
			continue
		}
		err = i.update(ctx, func(tx store.Tx) error {
			for _, a := range page {
				if err := tx.DeleteAssignment(a); err != nil && !errors.Is(err, store.ErrNotFound) {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		i.result.Removed += len(page)
	}
}
