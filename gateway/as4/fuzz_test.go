package as4

import (
	"bytes"
	"net/http/httptest"
	"testing"
)

// FuzzServe changes a good message in one place. Whatever comes, there is an answer, and a file is taken only if it is the
// one that was signed.
func FuzzServe(f *testing.F) {
	f.Add(uint(100), uint(0), []byte("x"))
	f.Add(uint(700), uint(20), []byte("<a/>"))
	f.Add(uint(3000), uint(1), []byte{0})
	f.Add(uint(9000), uint(500), []byte("\r\n"))
	f.Add(uint(0), uint(100_000), []byte{})
	w := newTown(f)
	to := w.houses[netz]
	contentType, body := w.make(forged{})
	f.Fuzz(func(t *testing.T, at, length uint, with []byte) {
		from := int(at % uint(len(body)))
		end := min(len(body), from+int(length%uint(len(body)+1)))
		changed := bytes.Join([][]byte{body[:from], with, body[end:]}, nil)
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/as4", bytes.NewReader(changed))
		r.Header.Set("Content-Type", contentType)
		rec := httptest.NewRecorder()
		to.ServeHTTP(rec, r)
		if rec.Code != 200 || rec.Body.Len() == 0 {
			t.Errorf("answered with %d and %d bytes", rec.Code, rec.Body.Len())
		}
		for id, file := range to.got() {
			if string(file) != text {
				t.Errorf("%s: taken: %q", id, file)
			}
		}
	})
}
