package logs

import "net/netip"

// Flow is one record of VPC flow logs, versions 2 to 5, or one direction of a
// connection that Zeek saw. What a log leaves out, or writes as a dash, is zero.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
type Flow struct {
	Version   uint8
	Account   string // account-id
	Interface string // interface-id; the sensor's connection id (uid) in Zeek's logs

	Src, Dst         netip.Addr // srcaddr, dstaddr
	SrcPort, DstPort uint16
	Protocol         uint8 // IANA's number: 6 TCP, 17 UDP, 1 ICMP
	Packets, Bytes   uint64
	Start, End       Time
	Reject           bool   // action: REJECT; in Zeek's logs, a connection that was not established
	Status           string // log-status: OK; Zeek's conn_state
	Egress           Flag   // flow-direction: Yes egress, No ingress

	VPC, Subnet, Instance string
	TCPFlags              uint16 // FIN 1, SYN 2, RST 4, SYN-ACK 18; ORed over the aggregation interval
	Type                  string // IPv4, IPv6, EFA
	PktSrc, PktDst        netip.Addr
	Region, Zone          string
	PktSrcService         string // pkt-src-aws-service
	PktDstService         string
	Path                  uint8 // traffic-path
	RejectReason          string
	Application           string // Zeek's service
	Zeek                  bool
	Reply                 bool // the answering direction of a connection in Zeek's logs
}

// Query is one DNS query: a record of Route 53 Resolver query logs, or of Zeek's
// dns.log.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-format.html
type Query struct {
	Time     Time
	Account  string
	Region   string
	VPC      string
	Instance string // srcids.instance
	Src      netip.Addr
	SrcPort  uint16
	Server   netip.Addr // who was asked, in Zeek's logs
	Name     string     // as it was written, usually with a dot at its end
	Type     string     // A, AAAA, TXT …
	Class    string
	Rcode    string // NOERROR, NXDOMAIN …
	Protocol string // UDP, TCP, DOH …
	Answers  Value  // array of Rdata, Type, Class; of strings in Zeek's logs
	Blocked  bool   // the DNS firewall blocked it
	ID       string // Zeek's uid

	answers string // of Zeek's text logs: separated by commas
	seen    uint64
}

// Answer is one record of an answer. Zeek's logs do not say of which type.
type Answer struct{ Data, Type string }

// EachAnswer calls f with every answer until it returns false.
func (q *Query) EachAnswer(f func(Answer) bool) {
	for rest, more := q.answers, q.answers != ""; more; {
		var one string
		one, rest, more = cut(rest, ',')
		if !f(Answer{Data: one}) {
			return
		}
	}
	for v := range q.Answers.Items() {
		a := Answer{Data: v.Get("Rdata").Text(), Type: v.Get("Type").Text()}
		if v.Kind() == '"' {
			a.Data = v.Text()
		}
		if !f(a) {
			return
		}
	}
}

func cut(s string, c byte) (before, after string, found bool) {
	for i := range len(s) {
		if s[i] == c {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}
