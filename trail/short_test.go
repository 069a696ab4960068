package trail

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestShort: what a caller sends along does not make its event grow.
func TestShort(t *testing.T) {
	for _, text := range []string{"", "aws-cli/2", strings.Repeat("x", 1024), strings.Repeat("x", 64<<10), strings.Repeat("é", 600)} {
		got := Short(text)
		if len(got) > 1024 || !strings.HasPrefix(text, got) || len(text) <= 1024 && got != text || !utf8.ValidString(got) {
			t.Errorf("%.20q of %d bytes became %d bytes", text, len(text), len(got))
		}
	}
}
