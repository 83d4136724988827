package partner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Limits of what is fetched.
const (
	connectTimeout = 15 * time.Second
	fetchTimeout   = 60 * time.Second
	maxFetchBytes  = 16 << 20
	maxRedirects   = 3
)

var errTooLarge = fmt.Errorf("more than %d bytes", maxFetchBytes)

// newHTTPClient makes the client that revocation lists are fetched with.
func newHTTPClient() *http.Client {
	return &http.Client{
		Timeout: fetchTimeout,
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("more than %d redirects", maxRedirects)
			}
			return nil
		},
	}
}

func isURL(place string) bool {
	scheme, _, found := strings.Cut(place, "://")
	switch strings.ToLower(scheme) {
	case "http", "https", "ldap", "ldaps":
		return found
	}
	return false
}

// fetch gets what is at a URL: http, https, ldap or ldaps. It takes a minute and 16 MiB at most.
func (d *Directory) fetch(ctx context.Context, place string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	scheme, _, _ := strings.Cut(place, ":")
	switch strings.ToLower(scheme) {
	case "ldap", "ldaps":
		return d.fetchLDAP(ctx, place)
	case "http", "https":
		return d.fetchHTTP(ctx, place)
	}
	return nil, errors.New("not a URL of http, https, ldap or ldaps")
}

func (d *Directory) fetchHTTP(ctx context.Context, place string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, place, nil)
	if err != nil {
		return nil, err
	}
	resp, err := d.opts.HTTP.Do(req)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok { // it repeats the URL
			err = failed.Err
		}
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answers %s", resp.Status)
	}
	return readBounded(resp.Body)
}

// readBounded reads r to its end.
func readBounded(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFetchBytes+1))
	if err == nil && len(data) > maxFetchBytes {
		err = errTooLarge
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}
