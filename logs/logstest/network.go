package logstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"bartizan.dev/logs"
	"github.com/parquet-go/parquet-go"
)

// Columns of the versions of VPC flow logs; each has those before it.
var (
	Version2 = strings.Fields("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status")
	Version3 = append(Version2[:14:14], strings.Fields("vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr")...)
	Version4 = append(Version3[:21:21], strings.Fields("region az-id sublocation-type sublocation-id")...)
	Version5 = append(Version4[:25:25], strings.Fields("pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path")...)
)

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func host(a netip.Addr) string {
	if !a.IsValid() {
		return "-"
	}
	return a.String()
}

func field(f *logs.Flow, name string) string {
	switch name {
	case "version":
		return fmt.Sprint(max(f.Version, 2))
	case "account-id":
		return dash(f.Account)
	case "interface-id":
		return dash(f.Interface)
	case "srcaddr":
		return host(f.Src)
	case "dstaddr":
		return host(f.Dst)
	case "srcport":
		return fmt.Sprint(f.SrcPort)
	case "dstport":
		return fmt.Sprint(f.DstPort)
	case "protocol":
		return fmt.Sprint(f.Protocol)
	case "packets":
		return fmt.Sprint(f.Packets)
	case "bytes":
		return fmt.Sprint(f.Bytes)
	case "start":
		return fmt.Sprint(f.Start / logs.Second)
	case "end":
		return fmt.Sprint(f.End / logs.Second)
	case "action":
		if f.Reject {
			return "REJECT"
		}
		return "ACCEPT"
	case "log-status":
		if f.Status == "" {
			return "OK"
		}
		return f.Status
	case "vpc-id":
		return dash(f.VPC)
	case "subnet-id":
		return dash(f.Subnet)
	case "instance-id":
		return dash(f.Instance)
	case "tcp-flags":
		return fmt.Sprint(f.TCPFlags)
	case "type":
		return dash(f.Type)
	case "pkt-srcaddr":
		return host(f.PktSrc)
	case "pkt-dstaddr":
		return host(f.PktDst)
	case "region":
		return dash(f.Region)
	case "az-id":
		return dash(f.Zone)
	case "pkt-src-aws-service":
		return dash(f.PktSrcService)
	case "pkt-dst-aws-service":
		return dash(f.PktDstService)
	case "flow-direction":
		return [...]string{"-", "ingress", "egress"}[f.Egress]
	case "traffic-path":
		return fmt.Sprint(f.Path)
	}
	return "-"
}

// FlowLog writes flows as text, with a header line or without.
func FlowLog(header bool, columns []string, flows ...logs.Flow) []byte {
	var b bytes.Buffer
	if header {
		fmt.Fprintln(&b, strings.Join(columns, " "))
	}
	for i := range flows {
		for k, c := range columns {
			if k > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(field(&flows[i], c))
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// row has the columns of AWS's Parquet files, of which the tests need these.
type row struct {
	Version     int32  `parquet:"version"`
	AccountID   string `parquet:"account_id"`
	InterfaceID string `parquet:"interface_id"`
	SrcAddr     string `parquet:"srcaddr"`
	DstAddr     string `parquet:"dstaddr"`
	SrcPort     int32  `parquet:"srcport"`
	DstPort     int32  `parquet:"dstport"`
	Protocol    int32  `parquet:"protocol"`
	Packets     int64  `parquet:"packets"`
	Bytes       int64  `parquet:"bytes"`
	Start       int64  `parquet:"start"`
	End         int64  `parquet:"end"`
	Action      string `parquet:"action"`
	LogStatus   string `parquet:"log_status"`
	InstanceID  string `parquet:"instance_id"`
	Direction   string `parquet:"flow_direction"`
}

// FlowParquet writes flows as Parquet with Snappy, as AWS does.
func FlowParquet(flows ...logs.Flow) []byte {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b, parquet.Compression(&parquet.Snappy))
	for i := range flows {
		f := &flows[i]
		r := row{int32(max(f.Version, 2)), f.Account, f.Interface, f.Src.String(), f.Dst.String(), int32(f.SrcPort), int32(f.DstPort), int32(f.Protocol),
			int64(f.Packets), int64(f.Bytes), int64(f.Start / logs.Second), int64(f.End / logs.Second), field(f, "action"), field(f, "log-status"), f.Instance, field(f, "flow-direction")}
		if _, err := w.Write([]row{r}); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// Flows makes n ordinary flows between hosts of a VPC and the Internet.
func Flows(n int) []logs.Flow {
	r := rand.New(rand.NewPCG(3, 4))
	out := make([]logs.Flow, n)
	for i := range out {
		inside := netip.AddrFrom4([4]byte{10, 0, byte(r.IntN(8)), byte(r.IntN(250))})
		outside := netip.AddrFrom4([4]byte{byte(20 + r.IntN(180)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))})
		start := logs.TimeOf(Start) + logs.Time(i)*10*logs.Second/1000
		start -= start % logs.Second
		f := logs.Flow{Version: 2, Account: Account, Interface: fmt.Sprintf("eni-%017x", hash(inside.String())), Src: inside, Dst: outside,
			SrcPort: uint16(32768 + r.IntN(28000)), DstPort: [...]uint16{443, 443, 443, 80, 53, 22, 123}[r.IntN(7)], Protocol: 6,
			Packets: uint64(1 + r.IntN(200)), Start: start, End: start + 60*logs.Second, Status: "OK", Instance: fmt.Sprintf("i-%017x", hash(inside.String())), Egress: logs.Yes}
		f.Bytes = f.Packets * uint64(60+r.IntN(1400))
		if r.IntN(3) == 0 {
			f.Src, f.Dst, f.SrcPort, f.DstPort, f.Egress = f.Dst, f.Src, f.DstPort, f.SrcPort, logs.No
			f.Reject = r.IntN(4) == 0
		}
		out[i] = f
	}
	return out
}

// ResolverLog writes queries as Route 53 Resolver does, one a line.
func ResolverLog(queries ...logs.Query) []byte {
	var b bytes.Buffer
	for i := range queries {
		q := &queries[i]
		answers := []object{}
		q.EachAnswer(func(a logs.Answer) bool {
			answers = append(answers, object{"Rdata": a.Data, "Type": a.Type, "Class": "IN"})
			return true
		})
		line := fmt.Sprintf(`{"version":"1.100000","account_id":%q,"region":%q,"vpc_id":%q,"query_timestamp":%q,"query_name":%s,"query_type":%q,"query_class":%q,"rcode":%q,"answers":%s,"srcaddr":%q,"srcport":"%d","transport":%q,"srcids":{"instance":%q}}`,
			dash(q.Account), q.Region, q.VPC, q.Time.Std().Format(time.RFC3339), text(q.Name), q.Type, q.Class, q.Rcode, text(answers), q.Src, q.SrcPort, q.Protocol, q.Instance)
		b.WriteString(line + "\n")
	}
	return b.Bytes()
}

func text(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// Queries makes n ordinary queries.
func Queries(n int) []logs.Query {
	r := rand.New(rand.NewPCG(5, 6))
	names := []string{"s3.eu-west-1.amazonaws.com.", "www.example.com.", "api.service.example.net.", "deb.debian.org.", "time.aws.com.", "ec2messages.eu-west-1.amazonaws.com."}
	out := make([]logs.Query, n)
	for i := range out {
		a, _ := logs.ParseValue(fmt.Sprintf(`[{"Rdata":"203.0.113.%d","Type":"A","Class":"IN"},{"Rdata":"203.0.113.%d","Type":"A","Class":"IN"}]`, r.IntN(256), r.IntN(256)))
		out[i] = logs.Query{Time: logs.TimeOf(Start) + logs.Time(i/50)*logs.Second, Account: Account, Region: "eu-west-1", VPC: "vpc-0123456789abcdef0",
			Instance: fmt.Sprintf("i-%017x", r.IntN(20)), Src: netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(20))}), SrcPort: uint16(32768 + r.IntN(28000)),
			Name: names[r.IntN(len(names))], Type: "A", Class: "IN", Rcode: "NOERROR", Protocol: "UDP", Answers: a}
		if r.IntN(20) == 0 {
			out[i].Rcode, out[i].Answers = "NXDOMAIN", logs.Value{}
		}
	}
	return out
}

// ZeekConn writes flows as Zeek's conn.log: a flow is a connection without an
// answer.
func ZeekConn(flows ...logs.Flow) []byte {
	var b bytes.Buffer
	b.WriteString("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#open\t2026-11-30-12-00-00\n" +
		"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\tlocal_orig\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\ttunnel_parents\n" +
		"#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tbool\tcount\tstring\tcount\tcount\tcount\tcount\tset[string]\n")
	for i := range flows {
		f := &flows[i]
		state := "SF"
		if f.Reject {
			state = "REJ"
		}
		fmt.Fprintf(&b, "%d.%03d000\tC%x\t%s\t%d\t%s\t%d\t%s\t-\t%.6f\t%d\t0\t%s\t-\t0\tSf\t%d\t%d\t0\t0\t(empty)\n", f.Start/1000, f.Start%1000, i, f.Src, f.SrcPort, f.Dst, f.DstPort,
			proto(f.Protocol), float64(f.End-f.Start)/1000, f.Bytes, state, f.Packets, f.Bytes)
	}
	b.WriteString("#close\t2026-11-30-13-00-00\n")
	return b.Bytes()
}

func proto(n uint8) string {
	switch n {
	case 6:
		return "tcp"
	case 17:
		return "udp"
	}
	return "icmp"
}

// ZeekDNS writes queries as Zeek's dns.log, as text or as JSON.
func ZeekDNS(asJSON bool, queries ...logs.Query) []byte {
	var b bytes.Buffer
	if !asJSON {
		b.WriteString("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n" +
			"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tquery\tqclass_name\tqtype_name\trcode_name\tanswers\n")
	}
	for i := range queries {
		q := &queries[i]
		var answers []string
		q.EachAnswer(func(a logs.Answer) bool { answers = append(answers, a.Data); return true })
		name := strings.TrimSuffix(q.Name, ".")
		if asJSON {
			fmt.Fprintf(&b, `{"ts":%d.%06d,"uid":"D%x","id.orig_h":"%s","id.orig_p":%d,"id.resp_h":"10.0.0.2","id.resp_p":53,"proto":"udp","query":%s,"qclass_name":"C_INTERNET","qtype_name":"%s","rcode_name":"%s","answers":%s}`+"\n",
				q.Time/1000, q.Time%1000*1000, i, q.Src, q.SrcPort, text(name), q.Type, q.Rcode, text(answers))
		} else {
			fmt.Fprintf(&b, "%d.%06d\tD%x\t%s\t%d\t10.0.0.2\t53\tudp\t%s\tC_INTERNET\t%s\t%s\t%s\n", q.Time/1000, q.Time%1000*1000, i, q.Src, q.SrcPort, name, q.Type, q.Rcode, dash(strings.Join(answers, ",")))
		}
	}
	return b.Bytes()
}
