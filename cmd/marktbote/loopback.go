package main

import (
	"net"
	"net/http"
)

// loopbackOnly refuses requests whose Host is a name other than localhost or an address other than a loopback one.
// Without it, a page of a foreign site could let its own name resolve to this machine and read the log through the
// browser (DNS rebinding).
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "this gateway answers to localhost only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
