package http1

import (
	"bytes"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// What an ordinary request may have. Anything larger is net/http's, with the
// bounds that it was given.
const (
	maxHead    = 16 << 10
	maxHeaders = 64
	maxBody    = 64 << 10
)

// verdict is what parse makes of the bytes at the beginning of a connection or
// behind the last request.
type verdict uint8

const (
	incomplete verdict = iota // the head has not arrived yet
	unusual                   // for net/http to judge
	ordinary
)

// parse reads the head of a request (RFC 9112 sections 2 to 6). It takes only
// what can be read in one way: a known method, a path, HTTP/1.1, lines that end
// in CRLF, no folded lines, every name a token directly followed by a colon, one
// Host, at most one Content-Length of digits alone, and none of the fields that
// change how a message or a connection is to be read. Everything else is
// unusual, be it wrong or merely rare. So nothing that two servers could
// understand differently is decided here.
//
// size is the length of the head. into gets what the head says; its Header must
// be a new one, which may outlive the request.
func parse(b []byte, into *http.Request) (size int, v verdict) {
	if len(b) == 0 {
		return 0, incomplete
	}
	if b[0] < 'A' || b[0] > 'Z' { // not even a method: say so before there is a head
		return 0, unusual
	}
	end := bytes.Index(b[:min(len(b), maxHead)], []byte("\r\n\r\n"))
	if end < 0 {
		if len(b) >= maxHead {
			return 0, unusual
		}
		return 0, incomplete
	}
	head := string(b[:end+2]) // all strings of the request are parts of it
	line, rest, _ := strings.Cut(head, "\r\n")
	if !requestLine(line, into) || !fields(rest, into) {
		return 0, unusual
	}
	return end + 4, ordinary
}

func requestLine(line string, into *http.Request) bool {
	method, rest, _ := strings.Cut(line, " ")
	target, proto, ok := strings.Cut(rest, " ")
	if !ok || proto != "HTTP/1.1" || target == "" || target[0] != '/' {
		return false
	}
	switch method {
	case "POST", "GET", "PUT", "DELETE", "PATCH":
	default: // HEAD has answers of its own kind; CONNECT and OPTIONS have targets
		return false
	}
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c >= 0x7f || c == '#' {
			return false
		}
	}
	if target == "/" {
		into.URL = &url.URL{Path: target}
	} else {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return false
		}
		into.URL = u
	}
	into.Method, into.RequestURI = method, target
	into.Proto, into.ProtoMajor, into.ProtoMinor = "HTTP/1.1", 1, 1
	return true
}

// fields reads the lines of the header, each with its CRLF.
func fields(text string, into *http.Request) bool {
	n := strings.Count(text, "\n")
	if n > maxHeaders {
		return false
	}
	into.Header = make(http.Header, n)
	values := make([]string, 0, n) // one allocation behind all of them
	into.Host, into.ContentLength = "", -1
	for text != "" {
		colon := 0
		for colon < len(text) && token[text[colon]] {
			colon++
		}
		if colon == 0 || colon == len(text) || text[colon] != ':' {
			return false
		}
		end := colon + 1
		for end < len(text) && (text[end] >= ' ' && text[end] < 0x7f || text[end] == '\t') {
			end++
		}
		if len(text)-end < 2 || text[end] != '\r' || text[end+1] != '\n' {
			return false
		}
		name, value := canonical(text[:colon]), strings.Trim(text[colon+1:end], " \t")
		text = text[end+2:]
		switch name {
		case "Host":
			if into.Host != "" || !hostname(value) {
				return false
			}
			into.Host = value
			continue
		case "Content-Length":
			if into.ContentLength >= 0 || !length(value, &into.ContentLength) {
				return false
			}
		case "Connection":
			if !strings.EqualFold(value, "keep-alive") {
				return false
			}
		case "Transfer-Encoding", "Trailer", "Te", "Expect", "Upgrade", "Http2-Settings", "Proxy-Connection", "Keep-Alive", "Pragma":
			return false
		}
		values = append(values, value)
		if old, again := into.Header[name]; again {
			into.Header[name] = append(old, value)
		} else {
			into.Header[name] = values[len(values)-1 : len(values) : len(values)]
		}
	}
	into.ContentLength = max(into.ContentLength, 0)
	return into.Host != ""
}

// hostname reports whether a Host is one that needs no judgement.
func hostname(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != ':' && c != '[' && c != ']' && c != '_' {
			return false
		}
	}
	return s != ""
}

// length reads a Content-Length, which RFC 9110 section 8.6 makes of digits
// alone.
func length(s string, n *int64) bool {
	if s == "" || len(s) > 6 {
		return false
	}
	*n = 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		*n = *n*10 + int64(s[i]-'0')
	}
	return *n <= maxBody
}

// canonical is textproto's canonical form of a name, without an allocation for
// those that calls of AWS have.
func canonical(name string) string {
	if c, ok := names[name]; ok {
		return c
	}
	return textproto.CanonicalMIMEHeaderKey(name)
}

var names = func() map[string]string {
	m := map[string]string{}
	for _, name := range []string{
		"Accept", "Accept-Encoding", "Amz-Sdk-Invocation-Id", "Amz-Sdk-Request", "Authorization", "Connection", "Content-Length",
		"Content-Md5", "Content-Type", "Date", "Host", "Smithy-Protocol", "User-Agent", "X-Amz-Content-Sha256", "X-Amz-Date",
		"X-Amz-Security-Token", "X-Amz-Target", "X-Amz-User-Agent", "X-Amzn-Query-Mode", "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Proto",
	} {
		m[name], m[strings.ToLower(name)] = name, name
	}
	m["X-Amz-Content-SHA256"], m["Content-MD5"] = "X-Amz-Content-Sha256", "Content-Md5"
	m["amz-sdk-invocation-id"], m["X-Amzn-RequestId"] = "Amz-Sdk-Invocation-Id", "X-Amzn-Requestid"
	return m
}()

// token are the bytes of a field name (RFC 9110 section 5.6.2).
var token = func() (t [256]bool) {
	for c := '0'; c <= 'z'; c++ {
		t[c] = c <= '9' || c >= 'a' || c >= 'A' && c <= 'Z'
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()
