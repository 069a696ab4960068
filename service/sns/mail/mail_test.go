package mail

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
)

// serve is a small SMTP server for one connection. It answers the commands with
// the codes that are given, or as they go well.
func serve(t *testing.T, config *tls.Config, codes map[string]int) (address string, got chan []string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got = make(chan []string, 1)
	go func() {
		defer l.Close() //nolint:errcheck // the test is over
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close() //nolint:errcheck // the test is over
		var lines []string
		defer func() { got <- lines }()
		r := bufio.NewReader(conn)
		say := func(format string, args ...any) { fmt.Fprintf(conn, format+"\r\n", args...) }
		say("220 ready")
		for data := false; ; {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			line = strings.TrimRight(line, "\r\n")
			lines = append(lines, line)
			verb, _, _ := strings.Cut(line, " ")
			code := codes[verb]
			switch {
			case data && line != ".":
			case data:
				data = false
				say("250 taken")
			case code != 0:
				say("%d no", code)
			case verb == "EHLO":
				if _, secure := conn.(*tls.Conn); config != nil && !secure {
					say("250-here\r\n250 STARTTLS")
				} else {
					say("250-here\r\n250 AUTH PLAIN")
				}
			case verb == "STARTTLS":
				say("220 go")
				conn = tls.Server(conn, config)
				r = bufio.NewReader(conn)
			case verb == "DATA":
				data = true
				say("354 go")
			case verb == "AUTH":
				say("235 welcome")
			case verb == "QUIT":
				say("221 bye")
				return
			default:
				say("250 ok")
			}
		}
	}()
	return l.Addr().String(), got
}

// TestSend: over TLS where the server has it, with the password then only.
func TestSend(t *testing.T) {
	https := httptest.NewUnstartedServer(nil)
	https.StartTLS()
	defer https.Close()
	roots := x509.NewCertPool()
	roots.AddCert(https.Certificate())
	address, got := serve(t, &tls.Config{Certificates: https.TLS.Certificates}, nil)
	s := &Sender{Server: address, Address: "sns@example.com", User: "u", Password: "p", TLS: &tls.Config{RootCAs: roots}}
	if err := s.Send(t.Context(), "ann@example.com", []byte("Subject: x\r\n\r\nhello\r\n.dot\r\n")); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(<-got, "|")
	if !strings.Contains(all, "STARTTLS|EHLO") || !strings.Contains(all, "AUTH PLAIN AHUAcA==|MAIL FROM:<sns@example.com>") || !strings.Contains(all, "RCPT TO:<ann@example.com>|DATA|Subject: x||hello|..dot|.|QUIT") {
		t.Error(all)
	}
	s.TLS = nil // nobody vouches for the server
	s.Server, got = serve(t, &tls.Config{Certificates: https.TLS.Certificates}, nil)
	if err := s.Send(t.Context(), "ann@example.com", []byte("x")); err == nil {
		t.Error("a certificate of nobody's is believed")
	}
	if all := strings.Join(<-got, "|"); strings.Contains(all, "AUTH") {
		t.Error(all)
	}
}

// TestRefusal: which refusals are final.
func TestRefusal(t *testing.T) {
	for code, final := range map[int]bool{550: true, 450: false} {
		for _, verb := range []string{"MAIL", "RCPT", "DATA"} {
			address, _ := serve(t, nil, map[string]int{verb: code})
			s := &Sender{Server: address, Address: "a@b"}
			if err := s.Send(t.Context(), "c@d", []byte("x")); err == nil || s.Permanent(err) != final {
				t.Errorf("%s %d: %v", verb, code, err)
			}
		}
	}
	s := &Sender{Server: "127.0.0.1:1", Address: "a@b"}
	if err := s.Send(t.Context(), "c@d", nil); err == nil || s.Permanent(err) {
		t.Errorf("nobody there: %v", err)
	}
}
