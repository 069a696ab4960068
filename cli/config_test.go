package cli

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func parseWith(t *testing.T, text string, args ...string) (*Commands, error) {
	t.Helper()
	r, err := readConfig(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	var c Commands
	p, err := kong.New(&c, kong.Resolvers(r), kong.Vars{"listen": "default:1", "data": "/data", "devdata": "/dev", "detectdata": "d", "account": "000000000000"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Parse(args)
	return &c, err
}

func TestConfig(t *testing.T) {
	c, err := parseWith(t, `{"serve": {"listen": "a:1", "tls": true, "log-format": "json", "quota": {"iam.users": 7}}, "dev": {"listen": "b:2"}, "policy": {"lint": {"type": "scp"}}}`, "serve", "--log-format", "text")
	if err != nil {
		t.Fatal(err)
	}
	if s := c.Serve; s.Listen != "a:1" || !s.TLS || s.LogFormat != "text" || s.Quota["iam.users"] != 7 || s.Data != "/data" {
		t.Errorf("serve: %+v", s)
	}
	c, err = parseWith(t, `{"serve": {"listen": "a:1"}, "dev": {"listen": "b:2"}}`, "dev")
	if err != nil || c.Dev.Serve.Listen != "b:2" {
		t.Errorf("dev: %+v, %v", c.Dev.Serve, err)
	}
}

func TestConfigIsStrict(t *testing.T) {
	for text, want := range map[string]string{
		`{"serve": {"listn": "a:1"}}`:       "serve.listn: no such command or flag",
		`{"listen": "a:1"}`:                 "listen: no such command or flag",
		`{"serve": "a:1"}`:                  "serve: want an object",
		`{"server": {}}`:                    "server: no such command or flag",
		`{"dev": {"serve": {"nosuch": 1}}}`: "dev.serve.nosuch: no such command or flag",
		`{"serve": {}} {}`:                  "more than one JSON value",
		`[]`:                                "the configuration file",
		`{"serve": {"tls": "perhaps"}}`:     "tls",
	} {
		if _, err := parseWith(t, text, "serve"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
