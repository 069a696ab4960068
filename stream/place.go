package stream

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Place is a log's address:
//
//	nats://[user:password@]host[:port][,host…]/STREAM[?partitions=12&replicas=3]
//	kafka://[user:password@]host[:port][,host…]/topic[?partitions=12&replicas=3&sasl=plain]
//
// tls:// and kafkas:// are the same over TLS. With partitions, a log that is not
// there is made. Users of Kafka are shown by SCRAM-SHA-512, or as sasl says
// (plain, over TLS only; scram-sha-256).
type Place struct {
	Kafka      bool
	TLS        bool
	User, Pass string
	Hosts      []string // with ports
	Name       string
	Partitions int // 0: the log must be there
	Replicas   int
	SASL       string // of Kafka
}

// MaxPartitions bounds how many partitions a log is made with.
const MaxPartitions = 1024

// ParsePlace reads an address. An error never shows the password.
func ParsePlace(text string) (*Place, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	p := &Place{Replicas: 1}
	port := "4222"
	switch scheme {
	case "nats":
	case "tls":
		p.TLS = true
	case "kafka", "kafkas":
		p.Kafka, p.TLS, port = true, scheme == "kafkas", "9092"
	default:
		ok = false
	}
	if !ok {
		return nil, fmt.Errorf("want nats://HOST/STREAM or kafka://HOST/TOPIC (tls:// and kafkas:// over TLS)")
	}
	who, path := "", rest[len(authority(rest)):]
	hosts := authority(rest)
	if i := strings.LastIndexByte(hosts, '@'); i >= 0 {
		who, hosts = hosts[:i+1], hosts[i+1:]
	}
	u, err := url.Parse("x://" + who + "host" + path)
	if err != nil {
		return nil, fmt.Errorf("%s://…: not a URL", scheme)
	}
	if u.User != nil {
		p.User = u.User.Username()
		p.Pass, _ = u.User.Password()
	}
	for _, host := range strings.Split(hosts, ",") {
		one, err := url.Parse("x://" + host)
		if err != nil || one.Hostname() == "" {
			return nil, fmt.Errorf("%s://…: %q is not a host", scheme, host)
		}
		if one.Port() == "" {
			host = net.JoinHostPort(one.Hostname(), port)
		}
		p.Hosts = append(p.Hosts, host)
	}
	p.Name = strings.TrimPrefix(u.Path, "/")
	if !validName(p.Name) {
		return nil, fmt.Errorf("%s://%s/%s: want the name of a stream or topic: letters, digits, - and _", scheme, hosts, p.Name)
	}
	return p, p.query(u.Query())
}

func authority(rest string) string {
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return rest[:i]
	}
	return rest
}

func (p *Place) query(q url.Values) error {
	for name, values := range q {
		if name == "sasl" && p.Kafka {
			switch p.SASL = values[0]; {
			case p.SASL == "plain" && !p.TLS:
				return fmt.Errorf("sasl=plain shows the password to whoever listens: want kafkas://")
			case p.SASL != "plain" && p.SASL != "scram-sha-256" && p.SASL != "scram-sha-512":
				return fmt.Errorf("sasl=%s: want plain, scram-sha-256 or scram-sha-512", p.SASL)
			}
			continue
		}
		n, err := strconv.Atoi(values[0])
		switch {
		case err != nil || n < 1 || len(values) > 1:
			return fmt.Errorf("%s=%s: want a number above 0", name, values[0])
		case name == "partitions" && n <= MaxPartitions:
			p.Partitions = n
		case name == "replicas" && n <= 7:
			p.Replicas = n
		case name == "partitions" || name == "replicas":
			return fmt.Errorf("%s=%d: too many", name, n)
		default:
			return fmt.Errorf("?%s: want partitions or replicas", name)
		}
	}
	return nil
}

// validName is what both NATS and Kafka take, and what needs no care in a
// subject.
func validName(name string) bool {
	if name == "" || len(name) > 200 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
