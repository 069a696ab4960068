package server

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"bartizan.dev/service/signin"
)

// strangePages keeps web pages away from bartizan dev, whose keys everybody
// knows: a page that somebody happens to visit could sign calls with them and
// have the browser send them. There are two ways, and browsers betray both:
//
//   - a page of another site sends a presigned call, which needs no header that a
//     browser would first ask us about. What it sends is marked as cross-site
//     (https://www.w3.org/TR/fetch-metadata/) or has its Origin;
//   - a page has its own name resolve to this host (DNS rebinding) and is then of
//     the same origin, but asks by that name.
//
// Programs are let pass, whatever they call us.
func strangePages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fromBrowser(r) && (!ownName(r.Host) || crossSite(r) && !signin.Owns(r.URL.Path)) { // sign-in guards itself
			http.Error(w, "bartizan dev answers no web pages of other sites: its keys are known to everybody.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// fromBrowser: pages can change some of these headers, but not take them all
// away.
func fromBrowser(r *http.Request) bool {
	h := r.Header
	return h["Sec-Fetch-Site"] != nil || h["Sec-Fetch-Mode"] != nil || h["Origin"] != nil || h["Accept-Language"] != nil ||
		strings.HasPrefix(r.UserAgent(), "Mozilla/")
}

func crossSite(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site":
		return true
	case "":
		origin := r.Header.Get("Origin")
		u, err := url.Parse(origin)
		return origin != "" && (err != nil || u.Host == "" || u.Host != r.Host && !ownName(u.Host))
	}
	return false
}

// ownNames are ends of names that nobody can register and let resolve to this
// host (RFC 6761, RFC 6762, RFC 8375), and of AWS's own.
var ownNames = []string{".localhost", ".test", ".local", ".internal", ".home.arpa", ".amazonaws.com", ".api.aws", ".aws.amazon.com"}

// ownName reports whether a host is named by an address, by a name without dots,
// or by one of ownNames.
func ownName(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if _, err := netip.ParseAddr(host); err == nil || !strings.Contains(host, ".") {
		return true
	}
	for _, end := range ownNames {
		if strings.HasSuffix(host, end) {
			return true
		}
	}
	return false
}
