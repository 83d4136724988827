package feed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/marktbote/marktbote/gateway/config"
)

// fileRun is how many events are written and synced together.
const fileRun = 500

// files appends events to files of lines, NAME-2026-11-24.ndjson and then NAME-2026-11-24.1.ndjson and so on. Every line
// in them is whole, but perhaps the last one after a crash, until the next event is written: it has no line feed yet.
type files struct {
	name   string
	config config.EventFiles
	now    func() time.Time

	file *os.File // nil: none is open
	day  string
	size int64
}

func openFiles(name string, c config.EventFiles) (*files, error) {
	info, err := os.Stat(c.Directory)
	if err != nil {
		return nil, fmt.Errorf("feed: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("feed: %s is no directory", c.Directory)
	}
	return &files{name: name, config: c, now: time.Now}, nil
}

// Close implements Sink.
func (f *files) Close() {
	if f.file != nil {
		_ = f.file.Close() // what was confirmed is on the disk
		f.file = nil
	}
}

// Deliver implements Sink: all of them are on the disk, or it is not known which.
func (f *files) Deliver(_ context.Context, events []Message) (int, error) {
	if err := f.ready(); err != nil {
		return 0, err
	}
	var lines bytes.Buffer
	for i := range events {
		lines.Write(bytes.ReplaceAll(events[i].JSON, []byte{'\n'}, []byte{' '})) // white space: texts in JSON have none
		lines.WriteByte('\n')
	}
	_, err := f.file.Write(lines.Bytes())
	if err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		f.Close() // the next attempt looks for the last whole line; whole ones of this attempt stay and come again
		return 0, fmt.Errorf("feed: %w", err)
	}
	f.size += int64(lines.Len())
	return len(events), nil
}

// ready opens the file of today that has room.
func (f *files) ready() error {
	day := f.now().UTC().Format(time.DateOnly)
	if f.file != nil && f.day == day && f.size < f.config.MaxBytes {
		return nil
	}
	f.Close()
	for n := 0; ; n++ {
		path := f.path(day, n)
		if _, err := os.Stat(f.path(day, n+1)); err == nil {
			continue // the next one was begun: this one is full
		}
		file, size, err := openLines(path)
		if err != nil {
			return fmt.Errorf("feed: %w", err)
		}
		if size < f.config.MaxBytes {
			f.file, f.day, f.size = file, day, size
			return nil
		}
		if err := file.Close(); err != nil {
			return fmt.Errorf("feed: %w", err)
		}
	}
}

func (f *files) path(day string, n int) string {
	name := f.name + "-" + day
	if n > 0 {
		name = fmt.Sprintf("%s.%d", name, n)
	}
	return filepath.Join(f.config.Directory, name+".ndjson")
}

// openLines opens a file at its end, which it makes the end of a line: half a line is what was being written in a crash.
func openLines(path string) (file *os.File, size int64, err error) {
	file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, 0, err
	}
	if size, err = wholeLines(file); err == nil {
		err = file.Truncate(size)
	}
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, size, nil
}

// wholeLines returns the length of a file up to its last line feed.
func wholeLines(file *os.File) (int64, error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	block := make([]byte, 64<<10)
	for size > 0 {
		n := min(size, int64(len(block)))
		if _, err := file.ReadAt(block[:n], size-n); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(block[:n], '\n'); i >= 0 {
			return size - n + int64(i) + 1, nil
		}
		size -= n
	}
	return 0, nil
}

// syncDir makes the entries of a folder durable.
func syncDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // the operator names the folder
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
