package logs

// query reads the Resolver record that begins at p.at.
func (p *parser) query(q *Query) {
	if len(p.order) > 0 && p.queryFast(q) {
		return
	}
	from := p.at
	p.queryWhole(q)
	if p.at >= 0 && p.bad == "" {
		p.learn(p.s[from:p.at])
	}
}

func (p *parser) queryWhole(q *Query) {
	*q = Query{}
	p.bad = ""
	object(p, q, "the record", queryMember)
	if p.at < 0 || p.bad != "" {
		return
	}
	switch {
	case q.Time == 0:
		p.bad = "no query_timestamp"
	case q.Name == "":
		p.bad = "no query_name"
	}
}

func queryMember(p *parser, q *Query, key string) {
	bit := uint(0)
	switch key {
	case "query_timestamp":
		q.Time, bit = p.time(key), 1
	case "query_name":
		q.Name, bit = p.text(key), 2
	case "query_type":
		q.Type, bit = p.text(key), 3
	case "query_class":
		q.Class, bit = p.text(key), 4
	case "rcode":
		q.Rcode, bit = p.text(key), 5
	case "answers":
		q.Answers, bit = p.value(), 6
	case "srcaddr":
		q.Src, bit = addr(p.text(key)), 7
	case "srcport":
		n, ok := number(p.value().Text(), 65535)
		if q.SrcPort, bit = uint16(n), 8; !ok {
			p.refuse(key, " is not a port")
		}
	case "transport":
		q.Protocol, bit = p.text(key), 9
	case "account_id":
		q.Account, bit = p.text(key), 10
	case "region":
		q.Region, bit = p.text(key), 11
	case "vpc_id":
		q.VPC, bit = p.text(key), 12
	case "srcids":
		q.Instance, bit = p.value().Get("instance").Text(), 13
	case "firewall_rule_action":
		q.Blocked, bit = p.text(key) == "BLOCK", 14
	default:
		p.skip()
		return
	}
	p.once(&q.seen, bit, key)
}
