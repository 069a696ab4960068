package sigv4

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Parse reads what r says about its signer. It needs no secret, and nothing it
// finds is to be believed yet. The error is Missing if r is not signed at all,
// UnsupportedScheme if Authorization holds something else than an AWS4
// signature (on an operation that takes a bearer token, both are for the
// caller to decide about).
func (c *Claim) Parse(r *http.Request) error {
	c.Reset()
	if err := c.canon.parseQuery(r.URL.RawQuery); err != nil {
		return err
	}
	header, inQuery := r.Header["Authorization"], false
	for _, p := range c.canon.params {
		if string(c.canon.name(p)) == "X-Amz-Algorithm" {
			inQuery = true
			break
		}
	}
	var err error
	switch {
	case len(header) > 0 && inQuery:
		return &Error{Reason: Ambiguous, Presigned: true,
			Detail: "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."}
	case inQuery:
		err = c.parsePresigned(r)
	case len(header) == 1:
		err = c.parseHeader(r, header[0])
	case len(header) > 1:
		return &Error{Reason: Incomplete, Detail: "Found more than one 'Authorization' HTTP header."}
	default:
		return &Error{Reason: Missing}
	}
	if err != nil {
		return err
	}
	c.r, c.step = r, parsed
	return nil
}

// parseHeader reads an Authorization header:
//
//	AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…
func (c *Claim) parseHeader(r *http.Request, auth string) error {
	if len(auth) > maxAuthorization {
		return &Error{Reason: Incomplete, Detail: "The 'Authorization' HTTP header is too long."}
	}
	algorithm, rest, _ := strings.Cut(auth, " ")
	if !strings.HasPrefix(algorithm, "AWS4-") {
		e := &Error{Reason: UnsupportedScheme}
		if algorithm == "AWS" {
			e.Got = algorithm // SigV2; anything else may be a bare token
		}
		return e
	}
	if algorithm != Algorithm && !certified(algorithm) {
		return unsupported(algorithm, false)
	}
	c.algorithm = algorithm
	var credential string
	for rest = trimSeparators(rest); rest != ""; rest = trimSeparators(rest) {
		end := 0
		for end < len(rest) && rest[end] != ',' && rest[end] != ' ' {
			end++
		}
		var part string
		part, rest = rest[:end], rest[end:]
		name, value, ok := strings.Cut(part, "=")
		var field *string
		switch name {
		case "Credential":
			field = &credential
		case "SignedHeaders":
			field = &c.SignedHeaders
		case "Signature":
			field = &c.signature
		}
		if !ok || field == nil || *field != "" {
			return &Error{Reason: Incomplete,
				Detail: "Invalid key=value pair (missing equal-sign) in Authorization header" + hashed(auth)}
		}
		*field = value
	}
	stamp, date := only(r.Header["X-Amz-Date"]), only(r.Header["Date"])
	if credential == "" || c.SignedHeaders == "" || c.signature == "" || stamp == "" && date == "" {
		return &Error{Reason: Incomplete, Detail: missingParts(credential, c.signature, c.SignedHeaders, stamp+date) +
			"(Hashed with SHA-256 and encoded with Base64) Authorization=" + base64Hash(auth)}
	}
	if err := c.parseTime(stamp, date); err != nil {
		return err
	}
	c.Token = only(r.Header["X-Amz-Security-Token"])
	c.Payload = only(r.Header["X-Amz-Content-Sha256"])
	return c.parseCommon(credential)
}

// parsePresigned reads the X-Amz-* parameters of a presigned URL.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
func (c *Claim) parsePresigned(r *http.Request) error {
	c.Presigned = true
	const fields = 8
	var spans [fields]struct{ start, end int }
	text, seen := c.toSign[:0], uint(0)
	for _, p := range c.canon.params {
		i := presignField(c.canon.name(p))
		if i < 0 {
			continue
		}
		if seen&(1<<i) != 0 {
			return &Error{Reason: MalformedQuery, Presigned: true, Detail: "A query-string parameter of the signature is there twice."}
		}
		seen |= 1 << i
		spans[i].start = len(text)
		text = appendDecoded(text, c.canon.value(p))
		spans[i].end = len(text)
	}
	c.toSign = text[:0]
	values, all := [fields]string{}, string(text) // one allocation for all of them
	for i, s := range spans {
		values[i] = all[s.start:s.end]
	}
	algorithm, credential, stamp, expires := values[0], values[1], values[2], values[3]
	c.SignedHeaders, c.signature, c.Token, c.Payload = values[4], values[5], values[6], values[7]
	if algorithm != Algorithm && algorithm != "" {
		return unsupported(algorithm, true)
	}
	c.algorithm = algorithm
	if algorithm == "" || credential == "" || c.signature == "" || c.SignedHeaders == "" || stamp == "" {
		return &Error{Reason: Incomplete, Presigned: true, Detail: missingParams(algorithm, credential, c.signature, c.SignedHeaders, stamp)}
	}
	if c.Payload == "" {
		c.Payload = only(r.Header["X-Amz-Content-Sha256"])
	}
	if c.Token == "" {
		c.Token = only(r.Header["X-Amz-Security-Token"])
	}
	if err := c.parseTime(stamp, ""); err != nil {
		return err
	}
	if seen&(1<<3) != 0 {
		if err := c.parseExpires(expires); err != nil {
			return err
		}
	}
	return c.parseCommon(credential)
}

// presignField numbers the parameters that make up a presigned signature.
func presignField(name []byte) int {
	switch string(name) {
	case "X-Amz-Algorithm":
		return 0
	case "X-Amz-Credential":
		return 1
	case "X-Amz-Date":
		return 2
	case "X-Amz-Expires":
		return 3
	case "X-Amz-SignedHeaders":
		return 4
	case "X-Amz-Signature":
		return 5
	case "X-Amz-Security-Token":
		return 6
	case "X-Amz-Content-Sha256":
		return 7
	}
	return -1
}

func (c *Claim) parseExpires(s string) error {
	e := &Error{Reason: MalformedExpires, Presigned: true}
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil:
		e.Detail = "X-Amz-Expires should be a number"
	case n < 0:
		e.Detail = "X-Amz-Expires must be non-negative"
	case n == 0:
		e.Detail = "X-Amz-Expires must be greater than zero"
	case n > int64(MaxExpires/time.Second):
		e.Detail = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
	default:
		c.Expires = time.Duration(n) * time.Second
		return nil
	}
	return e
}

// parseTime reads X-Amz-Date, or else Date, in ISO 8601 basic form; Date may
// also have HTTP's form.
func (c *Claim) parseTime(stamp, date string) error {
	s := stamp
	if s == "" {
		s = date
	}
	if t, ok := parseStamp(s); ok {
		c.Time, c.stamp = t, s
		return nil
	}
	if stamp == "" {
		if t, err := http.ParseTime(date); err == nil {
			c.Time, c.stamp = t, t.UTC().Format(stampLayout)
			return nil
		}
	}
	return &Error{Reason: MalformedDate, Presigned: c.Presigned, Got: clip(s),
		Detail: "Date must be in ISO-8601 'basic format'. Got '" + clip(s) + "'. See http://en.wikipedia.org/wiki/ISO_8601"}
}

// parseStamp reads YYYYMMDDThhmmssZ; time.Parse would take fractions too.
func parseStamp(s string) (time.Time, bool) {
	if len(s) != len(stampLayout) || s[8] != 'T' || s[15] != 'Z' {
		return time.Time{}, false
	}
	ok := true
	number := func(from, to int) (n int) {
		for _, ch := range []byte(s[from:to]) {
			ok = ok && '0' <= ch && ch <= '9'
			n = n*10 + int(ch-'0')
		}
		return n
	}
	month, day := number(4, 6), number(6, 8)
	hour, minute, second := number(9, 11), number(11, 13), number(13, 15)
	t := time.Date(number(0, 4), time.Month(month), day, hour, minute, second, 0, time.UTC)
	// time.Date carries what is out of range over into the next unit.
	ok = ok && int(t.Month()) == month && t.Day() == day && t.Hour() == hour && t.Minute() == minute && t.Second() == second
	return t, ok
}

// parseCommon splits the credential and checks the form of what both ways of
// signing carry.
func (c *Claim) parseCommon(credential string) error {
	rest, ok := credential, strings.Count(credential, "/") == 4
	c.AccessKey, rest, _ = strings.Cut(rest, "/")
	c.Scope.Date, rest, _ = strings.Cut(rest, "/")
	c.Scope.Region, rest, _ = strings.Cut(rest, "/")
	c.Scope.Service, c.terminator, _ = strings.Cut(rest, "/")
	if !ok || !visible(c.AccessKey, maxName) || !visible(c.Scope.Date, maxScope) || !visible(c.Scope.Region, maxScope) ||
		!visible(c.Scope.Service, maxScope) || !visible(c.terminator, maxScope) {
		got := clip(credential)
		return &Error{Reason: MalformedCredential, Presigned: c.Presigned, Got: got,
			Detail: "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" + got + "'"}
	}
	if len(c.Token) > maxToken || len(c.SignedHeaders) > maxSignedHeaders {
		return &Error{Reason: Incomplete, Presigned: c.Presigned, Detail: "The signature is too long."}
	}
	// AWS signs over the sorted list, so a list that is not sorted, or says a
	// name twice, or says it in upper case, cannot match.
	last := ""
	for list := c.SignedHeaders; list != ""; {
		var name string
		name, list, _ = strings.Cut(list, ";")
		if !headerName(name) || name <= last {
			return &Error{Reason: SignatureMismatch, Presigned: c.Presigned}
		}
		last = name
	}
	return nil
}

func unsupported(algorithm string, presigned bool) error {
	return &Error{Reason: UnsupportedAlgorithm, Presigned: presigned, Got: clip(algorithm),
		Detail: "Unsupported AWS 'algorithm': '" + clip(algorithm) + "' (only " + Algorithm + " for now). "}
}

func missingParts(credential, signature, signedHeaders, date string) string {
	out := ""
	if credential == "" {
		out += "Authorization header requires 'Credential' parameter. "
	}
	if signature == "" {
		out += "Authorization header requires 'Signature' parameter. "
	}
	if signedHeaders == "" {
		out += "Authorization header requires 'SignedHeaders' parameter. "
	}
	if date == "" {
		out += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
	}
	return out
}

func missingParams(algorithm, credential, signature, signedHeaders, date string) string {
	names := [...]string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"}
	out := ""
	for i, v := range [...]string{algorithm, credential, signature, signedHeaders, date} {
		if v == "" {
			out += "AWS query-string parameters must include '" + names[i] + "'. "
		}
	}
	return out + "Re-examine the query-string parameters."
}

// hashed is how AWS quotes an Authorization header it cannot read, which may
// hold a password or a bearer token.
func hashed(auth string) string {
	return " (hashed with SHA-256 and encoded with Base64): '" + base64Hash(auth) + "'."
}

func base64Hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// only returns the value of a header that is there once. A header sent twice
// has no value: which of the two would be the signed one?
func only(values []string) string {
	if len(values) != 1 {
		return ""
	}
	return strings.TrimSpace(values[0])
}

func trimSeparators(s string) string {
	for s != "" && (s[0] == ',' || s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	return s
}

// visible reports whether s has 1 to n bytes, all printable ASCII.
func visible(s string, n int) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return len(s) > 0 && len(s) <= n
}

// headerName reports whether s is a lower-case header name (RFC 9110, 5.1).
func headerName(s string) bool {
	for i := 0; i < len(s); i++ {
		if ch := s[i]; ch < '0' && ch != '-' || ch > 'z' || ch > '9' && ch < 'a' && ch != '_' {
			if ch <= ' ' || ch >= 0x7f || 'A' <= ch && ch <= 'Z' || strings.IndexByte("\"(),/:;<=>?@[\\]{}", ch) >= 0 {
				return false
			}
		}
	}
	return len(s) > 0 && len(s) <= maxName
}

// clip bounds what an error quotes.
func clip(s string) string {
	if len(s) > 256 {
		s = s[:256]
	}
	return strings.ToValidUTF8(s, "?")
}
