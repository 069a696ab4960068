package logs

import (
	"strconv"
	"strings"
)

// column is a field of flow logs, or of Zeek's conn.log.
type column uint8

const (
	ignored column = iota
	version
	accountID
	interfaceID
	srcAddr
	dstAddr
	srcPort
	dstPort
	protocol
	packets
	octets
	start
	end
	action
	logStatus
	vpcID
	subnetID
	instanceID
	tcpFlags
	flowType
	pktSrcAddr
	pktDstAddr
	region
	zone
	pktSrcService
	pktDstService
	direction
	trafficPath
	rejectReason
)

var flowColumns = map[string]column{
	"version": version, "account-id": accountID, "interface-id": interfaceID, "srcaddr": srcAddr, "dstaddr": dstAddr,
	"srcport": srcPort, "dstport": dstPort, "protocol": protocol, "packets": packets, "bytes": octets, "start": start,
	"end": end, "action": action, "log-status": logStatus, "vpc-id": vpcID, "subnet-id": subnetID, "instance-id": instanceID,
	"tcp-flags": tcpFlags, "type": flowType, "pkt-srcaddr": pktSrcAddr, "pkt-dstaddr": pktDstAddr, "region": region,
	"az-id": zone, "pkt-src-aws-service": pktSrcService, "pkt-dst-aws-service": pktDstService, "flow-direction": direction,
	"traffic-path": trafficPath, "reject-reason": rejectReason,
}

// defaultColumns are those of a log without a header line.
var defaultColumns = []column{version, accountID, interfaceID, srcAddr, dstAddr, srcPort, dstPort, protocol, packets, octets, start, end, action, logStatus}

// flowHeader reads the header line of a file that AWS delivered to S3; nil when
// the line is none.
func flowHeader(line string) []column {
	names := strings.Fields(line)
	known := 0
	cols := make([]column, 0, len(names))
	for _, n := range names {
		c := flowColumns[strings.ReplaceAll(n, "_", "-")]
		if c != ignored {
			known++
		}
		cols = append(cols, c)
	}
	if known < 2 || known*2 < len(names) {
		return nil
	}
	return cols
}

// flowLine reads one record. The reason is empty when it could be read. Fields of
// the usual form are read as they are passed; others take the way of flowField.
func flowLine(f *Flow, line string, cols []column) (reason string) {
	*f = Flow{}
	i := 0
	for _, c := range cols {
		if i >= len(line) {
			return "too few fields"
		}
		if end := flowFast(f, c, line, i); end > i {
			i = end + 1
			continue
		}
		from := i
		for i < len(line) && line[i] != ' ' {
			i++
		}
		if from == i {
			return "too few fields"
		}
		word := line[from:i]
		i++
		if word == "-" {
			continue
		}
		if !flowField(f, c, word) {
			return "a field has a value that it cannot have"
		}
	}
	if i < len(line) {
		return "too many fields"
	}
	return ""
}

func flowField(f *Flow, c column, w string) bool {
	ok := true
	var n uint64
	switch c {
	case srcAddr:
		f.Src = addr(w)
		return f.Src.IsValid()
	case dstAddr:
		f.Dst = addr(w)
		return f.Dst.IsValid()
	case srcPort:
		n, ok = number(w, 65535)
		f.SrcPort = uint16(n)
	case dstPort:
		n, ok = number(w, 65535)
		f.DstPort = uint16(n)
	case protocol:
		n, ok = number(w, 255)
		f.Protocol = uint8(n)
	case packets:
		f.Packets, ok = number(w, 1<<62)
	case octets:
		f.Bytes, ok = number(w, 1<<62)
	case start:
		n, ok = number(w, 1<<40)
		f.Start = Time(n) * Second
	case end:
		n, ok = number(w, 1<<40)
		f.End = Time(n) * Second
	case action:
		f.Reject = w == "REJECT"
		return f.Reject || w == "ACCEPT"
	case version:
		n, ok = number(w, 99)
		f.Version = uint8(n)
	case tcpFlags:
		n, ok = number(w, 65535)
		f.TCPFlags = uint16(n)
	case pktSrcAddr:
		f.PktSrc = addr(w)
		return f.PktSrc.IsValid()
	case pktDstAddr:
		f.PktDst = addr(w)
		return f.PktDst.IsValid()
	case direction:
		f.Egress = No
		if w == "egress" {
			f.Egress = Yes
		}
		return w == "egress" || w == "ingress"
	case trafficPath:
		n, ok = number(w, 255)
		f.Path = uint8(n)
	default:
		flowText(f, c, w)
	}
	return ok
}

func flowText(f *Flow, c column, w string) {
	switch c {
	case accountID:
		f.Account = w
	case interfaceID:
		f.Interface = w
	case logStatus:
		f.Status = w
	case vpcID:
		f.VPC = w
	case subnetID:
		f.Subnet = w
	case instanceID:
		f.Instance = w
	case flowType:
		f.Type = w
	case region:
		f.Region = w
	case zone:
		f.Zone = w
	case pktSrcService:
		f.PktSrcService = w
	case pktDstService:
		f.PktDstService = w
	case rejectReason:
		f.RejectReason = w
	}
}

func number(s string, most uint64) (uint64, bool) {
	if len(s) == 0 || len(s) > 19 {
		return 0, false
	}
	var n uint64
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	return n, n <= most
}

// stamp reads seconds with a fraction, as Zeek writes times.
func stamp(s string) (Time, bool) {
	whole, fraction, _ := cut(s, '.')
	n, ok := number(whole, 1<<40)
	if !ok {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || !(f >= 0 && f < 1<<40) {
			return 0, false
		}
		return Time(f * 1000), true
	}
	t := Time(n) * Second
	for i, unit := 0, Time(100); i < len(fraction) && i < 3; i++ {
		d := fraction[i] - '0'
		if d > 9 {
			return 0, false
		}
		t += Time(d) * unit
		unit /= 10
	}
	return t, true
}
