package detect

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// parts is where the registered domain of a name stands: what somebody registered
// below a public suffix. It is found once for each name, as far as the cache goes.
type parts struct {
	name  uint64 // hash of the whole name as it was written
	hash  uint64 // of the registered domain, in lower case
	from  uint8  // where the registered domain begins
	label uint8  // how long its first label is
	end   uint8  // where it ends: behind it is only the dot of the root
	ok    bool   // there is one
}

// cachedNames is how many names' parts are kept: 768 KB. Hosts ask for few names
// again and again.
const cachedNames = 1 << 15

// dynamic are the providers of names for hosts at home, whose customers count as
// owners of domains. Below other suffixes that the list of public suffixes calls
// private, which are those of clouds, all is one domain: names there are made by
// machines.
var dynamic = func() map[string]bool {
	out := map[string]bool{}
	for _, s := range strings.Fields("ddns.net duckdns.org dyndns.org dyndns.info dyndns.biz dyndns.tv dynserv.com dynalias.com dynalias.net dynalias.org homeip.net homelinux.com homelinux.org homeunix.com homeunix.org " +
		"hopto.org hopto.me zapto.org sytes.net myftp.org myftp.biz myvnc.com no-ip.org no-ip.biz no-ip.info noip.me servebeer.com serveblog.net servegame.com servehttp.com redirectme.net 3utilities.com bounceme.net freedynamicdns.net freedynamicdns.org gotdns.com gotdns.org is-a-geek.com kicks-ass.net chickenkiller.com dnsalias.com dnsalias.net dnsalias.org dynv6.net dedyn.io") {
		out[s] = true
	}
	return out
}()

// sold are domains below which names are given to everybody, and which the list of
// public suffixes lacks.
var sold = [...]string{".mooo.com", ".yi.org", ".us.to", ".dynserv.com", ".chickenkiller.com", ".co.cc", ".cz.cc", ".cu.cc", ".co.tv"}

// otherRoots are top-level domains of name systems beside that of ICANN, which
// malware uses because nobody takes names away there (EmerCoin, Namecoin, OpenNIC).
const otherRoots = " bazar bit coin emc lib libre chan geek null oss pirate "

// domain finds the parts of a query's name.
func (ev *Event) domain() *parts {
	e, name := ev.engine, ev.Query.Name
	if e.names == nil {
		e.names = new([cachedNames]parts)
	}
	h := nameHash(name)
	p := &e.names[h%cachedNames]
	if p.name != h || h == 0 {
		*p = partsOf(name)
		p.name = h
	}
	return p
}

// registeredName is the registered domain of a query's name, as it was written.
func (ev *Event) registeredName(p *parts) string { return ev.Query.Name[p.from:p.end] }

func partsOf(name string) (p parts) {
	s := strings.TrimSuffix(name, ".")
	if len(s) > 253 {
		return p
	}
	for i := range len(s) {
		if s[i] >= 0x80 || s[i] <= ' ' {
			return p
		}
	}
	s = strings.ToLower(s)
	suffix := suffixOf(s)
	if suffix == "" || len(suffix)+2 > len(s) || s[len(s)-len(suffix)-1] != '.' {
		return p
	}
	label := s[:len(s)-len(suffix)-1]
	from := strings.LastIndexByte(label, '.') + 1
	if label = label[from:]; label == "" {
		return p
	}
	return parts{hash: nameHash(s[from:]), from: uint8(from), label: uint8(len(label)), end: uint8(len(s)), ok: true}
}

// suffixOf is the public suffix of a name; empty when its top-level domain is not
// one of the Internet's, or that of addresses.
func suffixOf(name string) string {
	suffix, official := publicsuffix.PublicSuffix(name)
	for !official {
		if dynamic[suffix] {
			return suffix
		}
		_, parent, more := strings.Cut(suffix, ".")
		if !more {
			if strings.Contains(otherRoots, " "+suffix+" ") {
				return suffix
			}
			return ""
		}
		suffix, official = publicsuffix.PublicSuffix(parent)
	}
	if i := strings.LastIndexByte(name, '.'); name[i+1:] == "arpa" {
		return ""
	}
	for _, second := range sold {
		if len(suffix) < len(second) && strings.HasSuffix(name, second) {
			return second[1:]
		}
	}
	return suffix
}
