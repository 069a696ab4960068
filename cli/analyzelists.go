package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"bartizan.dev/intel"
)

// listKinds are the words before = in --threat-list.
var listKinds = []struct {
	name string
	kind intel.Kind
}{
	{"custom", intel.Custom}, {"malicious", intel.Malicious}, {"tor", intel.Tor}, {"c2", intel.CommandAndControl}, {"bitcoin", intel.Bitcoin}, {"blackhole", intel.Blackhole},
	{"droppoint", intel.DropPoint}, {"driveby", intel.DriveBy}, {"phishing", intel.Phishing}, {"abused", intel.Abused}, {"suspicious", intel.Suspicious},
	{"coin", intel.Coin}, {"dga", intel.Generated},
}

func kindNames() string {
	var names []string
	for _, k := range listKinds {
		names = append(names, k.name)
	}
	return strings.Join(names, ", ")
}

func kindName(kind intel.Kind) string {
	for _, k := range listKinds {
		if k.kind == kind {
			return k.name
		}
	}
	return "trusted"
}

// lists reads the lists; warnings about single entries go to standard error.
func (c *lookFlags) lists(ctx context.Context, env Env) ([]*intel.List, error) {
	var out []*intel.List
	read := func(flag, place string, kind intel.Kind, limits intel.Limits) error {
		l, err := readList(ctx, place, kind, limits)
		if err != nil {
			return fmt.Errorf("%s %s: %w", flag, place, err)
		}
		if l.Bad > 0 {
			fmt.Fprintf(env.Err, "%s: %d entries cannot be used, the first in line %d: %s\n", safe(place), l.Bad, l.BadLines[0].Number, safe(l.BadLines[0].Reason))
		}
		out = append(out, l)
		return nil
	}
	for _, place := range c.TrustedList {
		if err := read("--trusted-list", place, intel.Trusted, intel.TrustedEntities); err != nil {
			return nil, err
		}
	}
	for _, place := range c.ThreatList {
		kind := intel.Custom
		for _, k := range listKinds {
			if rest, ok := cutPrefixFold(place, k.name+"="); ok {
				place, kind = rest, k.kind
				break
			}
		}
		if err := read("--threat-list", place, kind, intel.ThreatEntities); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

func readList(ctx context.Context, place string, kind intel.Kind, limits intel.Limits) (*intel.List, error) {
	r, err := openList(ctx, place)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limits.Bytes+1))
	if err != nil {
		return nil, err
	}
	parse := func(format intel.Format) (*intel.List, error) {
		return intel.Parse(intel.Source{Name: place, Format: format, Kind: kind, Limits: limits}, bytes.NewReader(data))
	}
	text := bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	switch {
	case len(text) > 0 && (text[0] == '<' || text[0] == '{'): // XML or JSON
		return parse(intel.STIX)
	case looksAlienVault(text):
		return parse(intel.AlienVault)
	}
	for _, format := range []intel.Format{intel.OTXCSV, intel.ProofPoint, intel.FireEye} { // their headers tell
		if l, err := parse(format); !errors.Is(err, intel.ErrFormat) {
			return l, err
		}
	}
	return parse(intel.TXT)
}

// looksAlienVault tells entry#4#2#… from plain text with comments.
func looksAlienVault(data []byte) bool {
	for line := range bytes.Lines(data) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return bytes.Count(line, []byte("#")) >= 3
		}
	}
	return false
}

// listClient fetches lists. Where it is redirected to must be HTTPS too.
var listClient = &http.Client{Timeout: 2 * time.Minute, CheckRedirect: func(r *http.Request, via []*http.Request) error {
	if r.URL.Scheme != "https" || len(via) > 5 {
		return errors.New("it redirects to a place that is not HTTPS, or too often")
	}
	return nil
}}

func openList(ctx context.Context, place string) (io.ReadCloser, error) {
	if !strings.Contains(place, "://") {
		return os.Open(place)
	}
	u, err := url.Parse(place)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "https" {
		return nil, errors.New("want a file or an https:// address: a list that others can change on its way is none")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, place, nil)
	if err != nil {
		return nil, err
	}
	resp, err := listClient.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("the server answers %s", resp.Status), resp.Body.Close())
	}
	return resp.Body, nil
}
