package oidc

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestNoIssuerOnTheLink: an issuer that an account's administrator names, or that
// another leads to, is never a metadata service of our host.
func TestNoIssuerOnTheLink(t *testing.T) {
	c := &Client{Now: time.Now}
	for _, host := range []string{"169.254.169.254", "169.254.170.23", "[fe80::1]", "[::ffff:169.254.169.254]", "0.0.0.0", "[fd00:ec2::254]", "[fd00:ec2::23]", "224.0.0.1"} {
		if _, _, err := c.Fetch(t.Context(), Issuer{URL: "https://" + host}); !errors.Is(err, ErrIssuer) || !strings.Contains(err.Error(), "an issuer at") {
			t.Errorf("%s: %v", host, err)
		}
		if _, err := c.Thumbprint(t.Context(), "https://"+host); !errors.Is(err, ErrIssuer) || !strings.Contains(err.Error(), "an issuer at") {
			t.Errorf("thumbprint of %s: %v", host, err)
		}
	}
	for _, address := range []string{"10.0.0.1:443", "127.0.0.1:80", "192.0.2.1:443", "[fd00::1]:443"} {
		if err := checkPeer(address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestLeaversDoNotMultiplyQuestions: callers that show tokens of unknown keys and
// go away at once do not have the issuer asked for each.
func TestLeaversDoNotMultiplyQuestions(t *testing.T) {
	s := newSigner(t, "ES256")
	asked := 0
	c := NewCache(func(ctx context.Context, _ Issuer) (JWKS, Checked, error) {
		asked++
		return nil, "", errors.Join(ErrIssuer, ctx.Err())
	}, time.Now)
	u, err := Parse(sign(t, s, map[string]string{"iss": "https://issuer.example"}))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, _, err := c.Verify(gone, u, Issuer{URL: "https://issuer.example"}, all); !errors.Is(err, ErrIssuer) || errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("the issuer was asked %d times", asked)
	}
}
