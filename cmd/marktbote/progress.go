package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress shows on a terminal how much of a large file has been read, once a second.
type progress struct {
	r     io.Reader
	out   io.Writer
	name  string
	size  int64
	read  int64
	shown time.Time
}

// progressFrom is the size in bytes from which on a file is worth a progress line.
const progressFrom = 50 << 20

// withProgress returns r, wrapped if it is a large file and e.stderr is a terminal.
func withProgress(e env, name string, r io.Reader) io.Reader {
	file, ok := r.(*os.File)
	if !ok {
		return r
	}
	info, err := file.Stat()
	if err != nil || info.Size() < progressFrom {
		return r
	}
	out, ok := e.stderr.(*os.File)
	if !ok {
		return r
	}
	if mode, err := out.Stat(); err != nil || mode.Mode()&os.ModeCharDevice == 0 {
		return r
	}
	return &progress{r: r, out: out, name: name, size: info.Size(), shown: time.Now()}
}

// Read reads and shows how far it has come; at the end the line is wiped.
func (p *progress) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.read += int64(n)
	switch {
	case err != nil:
		fmt.Fprint(p.out, "\r\033[K")
	case time.Since(p.shown) > time.Second:
		p.shown = time.Now()
		fmt.Fprintf(p.out, "\r%s: %d of %d MB", p.name, p.read/1_000_000, p.size/1_000_000)
	}
	return n, err
}
