package detect

import (
	"strings"

	"bartizan.dev/intel"
)

// Detectors of traffic with what threat lists name.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-ec2.html

type listedTraffic struct {
	kind        string
	severity    float64
	title, text string
	out         bool // only of connections that the host opened
}

// byAddress says what a flow with an address of a list means.
var byAddress = map[intel.Kind]listedTraffic{
	intel.Custom:            {"UnauthorizedAccess:EC2/MaliciousIPCaller.Custom", Medium, "The EC2 instance {host} is communicating with a disallowed IP address.", "The EC2 instance {host} is communicating with the IP address {ip} on the custom threat list {list}.", false},
	intel.CommandAndControl: {"Backdoor:EC2/C&CActivity.B", High, "Command and Control server IP address is queried by EC2 instance {host}.", "The EC2 instance {host} is communicating with the IP address {ip} of a known Command & Control server.", false},
	intel.Tor:               {"UnauthorizedAccess:EC2/TorClient", High, "The EC2 instance {host} is communicating with a Tor entry node.", "The EC2 instance {host} is communicating with the IP address {ip} on the Tor Anonymizing Proxy network.", true},
	intel.Bitcoin:           {"CryptoCurrency:EC2/BitcoinTool.B", High, "The EC2 instance {host} is communicating with an IP address associated with cryptocurrency.", "The EC2 instance {host} is communicating with the IP address {ip} that is associated with cryptocurrency-related activity.", false},
	intel.Blackhole:         {"Trojan:EC2/BlackholeTraffic", Medium, "The EC2 instance {host} is attempting to communicate with an IP address of a black hole.", "The EC2 instance {host} is attempting to communicate with the IP address {ip} of a remote host that is a known black hole.", true},
	intel.DropPoint:         {"Trojan:EC2/DropPoint", Medium, "The EC2 instance {host} is attempting to communicate with a drop point.", "The EC2 instance {host} is attempting to communicate with the IP address {ip} of a remote host that is known to hold credentials and other stolen data captured by malware.", true},
}

// byDomain says what a query of a domain of a list means.
var byDomain = map[intel.Kind]listedTraffic{
	intel.Custom:            {"Impact:EC2/MaliciousDomainRequest.Custom", Medium, "The EC2 instance {host} is querying a domain on a custom threat list.", "The EC2 instance {host} is querying the domain {domain} on the custom threat list {list}.", false},
	intel.Malicious:         {"Impact:EC2/MaliciousDomainRequest.Reputation", High, "The EC2 instance {host} is querying a malicious domain.", "The EC2 instance {host} is querying the low reputation domain {domain} that is associated with known malicious domains.", false},
	intel.CommandAndControl: {"Backdoor:EC2/C&CActivity.B!DNS", High, "Command and Control server domain name queried by EC2 instance {host}.", "The EC2 instance {host} is querying the domain {domain} of a known Command & Control server.", false},
	intel.Bitcoin:           {"CryptoCurrency:EC2/BitcoinTool.B!DNS", High, "Bitcoin-related domain name queried by EC2 instance {host}.", "The EC2 instance {host} is querying the domain {domain} that is associated with Bitcoin or other cryptocurrency-related activity.", false},
	intel.Blackhole:         {"Trojan:EC2/BlackholeTraffic!DNS", Medium, "The EC2 instance {host} is querying a domain of a black hole.", "The EC2 instance {host} is querying the domain {domain} that is being redirected to a black hole IP address.", false},
	intel.DropPoint:         {"Trojan:EC2/DropPoint!DNS", Medium, "The EC2 instance {host} is querying the domain of a drop point.", "The EC2 instance {host} is querying the domain {domain} of a remote host that is known to hold credentials and other stolen data captured by malware.", false},
	intel.DriveBy:           {"Trojan:EC2/DriveBySourceTraffic!DNS", High, "The EC2 instance {host} is querying a domain that is a source of drive-by downloads.", "The EC2 instance {host} is querying the domain {domain} of a remote host that is a known source of Drive-By download attacks.", false},
	intel.Phishing:          {"Trojan:EC2/PhishingDomainRequest!DNS", High, "The EC2 instance {host} is querying a domain involved in phishing attacks.", "The EC2 instance {host} is querying the domain {domain} that is involved in phishing attacks.", false},
	intel.Abused:            {"Impact:EC2/AbusedDomainRequest.Reputation", Medium, "The EC2 instance {host} is querying a domain that is known to be abused.", "The EC2 instance {host} is querying the low reputation domain {domain} that is associated with known abused domains.", false},
	intel.Suspicious:        {"Impact:EC2/SuspiciousDomainRequest.Reputation", Low, "The EC2 instance {host} is querying a suspicious domain.", "The EC2 instance {host} is querying the low reputation domain {domain} that is suspicious in nature.", false},
	intel.Coin:              {"Impact:EC2/BitcoinDomainRequest.Reputation", High, "The EC2 instance {host} is querying a low reputation domain of cryptocurrency.", "The EC2 instance {host} is querying the low reputation domain {domain} that is associated with cryptocurrency-related activity.", false},
	intel.Generated:         {"Trojan:EC2/DGADomainRequest.C!DNS", High, "The EC2 instance {host} is querying an algorithmically generated domain.", "The EC2 instance {host} is querying the algorithmically generated domain {domain}. Such domains are commonly used by malware and could be an indication of a compromised instance.", false},
	intel.Tor:               {"UnauthorizedAccess:EC2/TorClient", High, "The EC2 instance {host} is querying a Tor domain.", "The EC2 instance {host} is querying the domain {domain} of the Tor Anonymizing Proxy network.", false},
}

// testDomain is what AWS tells its users to ask for to see a finding.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-ec2.html#backdoor-ec2-ccactivitybdns
const testDomain = "guarddutyc2activityb.com"

// listedPeer judges traffic with addresses on lists.
func listedPeer() *Detector {
	relays := NewTable[relay](maxRelays)
	d := &Detector{Name: "listed peer", Types: append(kinds(byAddress), torRelay, portProbe, emrProbe), State: memory[relay]{relays, 1}}
	d.Flow = func(ev *Event) {
		p := &ev.Peer
		if !p.Remote.IsValid() {
			return
		}
		hit := ev.Intel().Addr(p.Remote)
		if hit == nil {
			return
		}
		// What was refused at the door is not communication; the Internet knocks all
		// day.
		if ev.Flow.Reject && !p.Out {
			return
		}
		ev.Found(hit)
		ev.listed(hit, relays)
		ev.Found(nil)
	}
	return d
}

func (ev *Event) listed(hit *intel.Hit, relays *Table[relay]) {
	p, kind := &ev.Peer, hit.List.Kind
	switch {
	case kind == intel.Tor && ev.relays(relays):
		return
	case kind == intel.Malicious && !p.Client:
		if !p.Out { // the answer is no probe more
			ev.probed()
		}
		return
	}
	t, ok := byAddress[kind]
	if !ok {
		t = byAddress[intel.Custom]
	}
	if t.out && !p.Client {
		return
	}
	ev.Raise(&Sighting{Type: t.kind, Severity: t.severity, Title: t.title, Text: t.text, Same: p.Remote.String()})
}

func listedDomain() *Detector {
	d := &Detector{Name: "listed domain", Types: kinds(byDomain)}
	d.Query = func(ev *Event) {
		hit := ev.Intel().Domain(ev.Query.Name)
		if hit == nil {
			if n := len(ev.Query.Name); n-len(testDomain) <= 1 && n >= len(testDomain) && strings.EqualFold(strings.TrimSuffix(ev.Query.Name, "."), testDomain) {
				t := byDomain[intel.CommandAndControl]
				ev.Raise(&Sighting{Type: t.kind, Severity: t.severity, Title: t.title, Text: t.text, Same: testDomain})
			}
			return
		}
		t, ok := byDomain[hit.List.Kind]
		if !ok {
			t = byDomain[intel.Custom]
		}
		ev.Found(hit)
		ev.Raise(&Sighting{Type: t.kind, Severity: t.severity, Title: t.title, Text: t.text, Same: strings.ToLower(strings.TrimSuffix(ev.Query.Name, "."))})
		ev.Found(nil)
	}
	return d
}

func kinds(m map[intel.Kind]listedTraffic) (out []string) {
	for k := intel.Custom; k <= intel.Trusted; k++ {
		if t, ok := m[k]; ok && !contains(out, t.kind) {
			out = append(out, t.kind)
		}
	}
	return out
}
