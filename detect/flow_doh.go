package detect

import "net/netip"

// overHTTPS are the networks of public resolvers that answer DNS over HTTPS, as
// their operators publish them: Cloudflare, Google, Quad9, OpenDNS, AdGuard,
// CleanBrowsing, NextDNS, DNS.SB, Mullvad, Control D, AliDNS, DNSPod, Yandex.
var overHTTPS = networks("1.1.1.0/29", "1.0.0.0/29", "8.8.8.8", "8.8.4.4", "9.9.9.8/29", "149.112.112.8/29", "149.112.112.112",
	"208.67.222.0/24", "208.67.220.0/24", "146.112.41.0/24", "94.140.14.0/23", "185.228.168.0/23", "45.90.28.0/22", "185.222.222.222", "45.11.45.11",
	"194.242.2.0/24", "76.76.2.0/24", "76.76.10.0/24", "223.5.5.5", "223.6.6.6", "1.12.12.12", "120.53.53.53", "77.88.8.0/28",
	"2606:4700:4700::/48", "2001:4860:4860::/48", "2620:fe::/48", "2a10:50c0::/32", "2a07:a8c0::/29")

// firstOctets has a bit for each first octet of overHTTPS: nearly all of the
// Internet is not there.
var firstOctets = func() (t [4]uint64) {
	for _, p := range overHTTPS {
		if p.Addr().Is4() {
			b := p.Addr().As4()[0]
			t[b>>6] |= 1 << (b & 63)
		}
	}
	return t
}()

func networks(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		if p, err := netip.ParsePrefix(s); err == nil {
			out = append(out, p)
			continue
		}
		a := netip.MustParseAddr(s)
		out = append(out, netip.PrefixFrom(a, a.BitLen()))
	}
	return out
}

func resolvesOverHTTPS(a netip.Addr) bool {
	if a.Is4() {
		if b := a.As4()[0]; firstOctets[b>>6]&(1<<(b&63)) == 0 {
			return false
		}
	}
	for _, p := range overHTTPS {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
