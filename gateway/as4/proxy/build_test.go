package proxy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseBuild(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		out  string
		want Build
		err  string
	}{
		{"nginx version: nginx/1.22.1\nbuilt with OpenSSL 3.0.22 25 Aug 2026\nTLS SNI support enabled\n", Build{Nginx: Version{1, 22, 1}, OpenSSL: Version{3, 0, 22}}, ""},
		{
			"nginx version: nginx/1.26.3 (Debian)\nbuilt with OpenSSL 3.5.7 9 Jun 2026 (running with OpenSSL 3.5.9 29 Sep 2026)\nconfigure arguments: --without-http_scgi_module",
			Build{Nginx: Version{1, 26, 3}, OpenSSL: Version{3, 5, 9}, Without: []string{"scgi"}}, "",
		},
		{"nginx version: openresty/1.25.3.1\nbuilt with OpenSSL 3.0.14 4 Jun 2024\n", Build{Nginx: Version{1, 25, 3}, OpenSSL: Version{3, 0, 14}}, ""},
		{"nginx version: nginx/1.18.0\nbuilt with OpenSSL 3.0.2 15 Mar 2022\n", Build{}, "nginx 1.18.0 is too old: 1.20 or newer is needed"},
		{"nginx version: nginx/1.25.1\nbuilt with OpenSSL 1.1.1w  11 Sep 2023\n", Build{}, "nginx: OpenSSL 1.1.1 is too old: 3.0 or newer is needed"},
		{"nginx version: nginx/1.25.1\nbuilt with BoringSSL 1.1.0\n", Build{}, "nginx: it is not built with OpenSSL, which is the library that knows brainpool curves"},
		{"nginx version: nginx/1.25.1\n", Build{}, "nginx: it is not built with OpenSSL, which is the library that knows brainpool curves"},
		{"Apache/2.4", Build{}, "nginx: -V does not tell a version of nginx"},
	} {
		got, err := parseBuild(x.out)
		if x.err != "" {
			if err == nil || err.Error() != x.err {
				t.Errorf("%q: %v, want %s", x.out, err, x.err)
			}
			continue
		}
		if diff := cmp.Diff(x.want, got); diff != "" || err != nil {
			t.Errorf("%q: %v\n%s", x.out, err, diff)
		}
	}
}
