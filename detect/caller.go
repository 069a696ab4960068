package detect

import (
	"strings"

	"bartizan.dev/intel"
	"bartizan.dev/logs"
)

// Detectors that look at who calls, and from where, whatever is called.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-iam.html

var everyCall = []On{{}}

// root finds uses of the root user. A service that acts for it is not one.
func root() *Detector {
	const long, short = "Policy:IAMUser/RootCredentialUsage", "Policy:IAMUser/ShortTermRootCredentialUsage"
	return &Detector{Name: "root", Types: []string{long, short}, On: everyCall, Call: func(ev *Event) {
		id := &ev.Call.Identity
		if id.Type != "Root" && id.AssumedRoot != logs.Yes || id.InvokedBy != "" || ev.Call.Type == "AwsServiceEvent" {
			return
		}
		s := Sighting{Type: long, Severity: Low, Title: "The API {api} was invoked using root credentials.", Text: "The API {api} was invoked using root credentials from IP address {ip}."}
		if id.AssumedRoot == logs.Yes {
			s = Sighting{Type: short, Severity: Low, Title: "The API {api} was invoked using short-term root credentials.", Text: "The API {api} was invoked by using restricted root user credentials from IP address {ip}."}
		}
		ev.Raise(&s)
	}}
}

// distributions are the penetration testing systems whose kernels and releases
// show in user agents.
var distributions = [...]struct{ word, kind, name string }{
	{"kali", "PenTest:IAMUser/KaliLinux", "Kali Linux"},
	{"parrot", "PenTest:IAMUser/ParrotLinux", "Parrot Security Linux"},
	{"pentoo", "PenTest:IAMUser/PentooLinux", "Pentoo Linux"},
}

// maxAgents bounds the memory for user agents, of at most 1 KB each, to a megabyte.
const maxAgents = 1024

func penTest() *Detector {
	d := &Detector{Name: "pentest", On: everyCall}
	for _, x := range distributions {
		d.Types = append(d.Types, x.kind)
	}
	known := map[string]uint8{} // of the user agents seen lately, which of the distributions they name
	d.Call = func(ev *Event) {
		agent := ev.Call.UserAgent
		found, ok := known[agent]
		if !ok {
			for i := range distributions {
				if names(agent, distributions[i].word) {
					found |= 1 << i
				}
			}
			if len(known) >= maxAgents {
				clear(known)
			}
			known[strings.Clone(agent)] = found
		}
		if found == 0 {
			return
		}
		for i := range distributions {
			if x := &distributions[i]; found&(1<<i) != 0 {
				ev.Raise(&Sighting{Type: x.kind, Severity: Medium, Title: "The API {api} was invoked from a remote host potentially running " + x.name + ".",
					Text: "The API {api} was invoked from a remote host with IP address {ip} that is potentially running the " + x.name + " penetration testing tool."})
			}
		}
	}
	return d
}

// names looks for a word of its own, though digits may touch it, behind one of the
// signs that separate the parts of a system's name: 6.6.9-kali1-amd64,
// distrib#parrot, Linux/6.1-pentoo.
func names(agent, word string) bool {
	for {
		i := indexFold(agent, word)
		if i < 0 {
			return false
		}
		end := i + len(word)
		if i > 0 && strings.IndexByte("-#/_+. (0123456789", agent[i-1]) >= 0 && (end == len(agent) || agent[end]|0x20 < 'a' || agent[end]|0x20 > 'z') {
			return true
		}
		agent = agent[end:]
	}
}

// indexFold finds a lower-case word in any case.
func indexFold(s, word string) int {
	for i := 0; i+len(word) <= len(s); i++ {
		if s[i]|0x20 == word[0] && strings.EqualFold(s[i:i+len(word)], word) {
			return i
		}
	}
	return -1
}

// listedCaller finds calls from addresses on threat lists and of Tor exit nodes.
func listedCaller() *Detector {
	d := &Detector{Name: "listed caller", On: everyCall}
	for _, tactic := range [...]string{"Recon", "UnauthorizedAccess"} {
		for _, kind := range [...]string{"MaliciousIPCaller", "MaliciousIPCaller.Custom", "TorIPCaller"} {
			d.Types = append(d.Types, tactic+":IAMUser/"+kind)
		}
	}
	d.Call = func(ev *Event) {
		c := ev.Call
		if !c.Addr.IsValid() || c.Identity.Type == "AWSService" {
			return
		}
		hit := ev.Intel().Addr(c.Addr)
		if hit == nil {
			return
		}
		s := callerSighting(hit, discovers(c))
		s.Same = c.SourceIP
		ev.Found(hit)
		ev.Raise(&s)
		ev.Found(nil)
	}
	return d
}

func callerSighting(hit *intel.Hit, recon bool) Sighting {
	s := Sighting{Type: "UnauthorizedAccess:IAMUser/", Severity: Medium}
	title, text, why := "The API {api} was invoked ", "The API {api} was invoked ", ""
	if recon {
		s.Type = "Recon:IAMUser/"
		title, text = "Reconnaissance API {api} was invoked ", "API {api}, commonly used in reconnaissance attacks, was invoked "
		why = " Unauthorized actors perform such activity to gather information and discover resources like databases, S3 buckets etc., in order to further tailor the attack."
	}
	switch hit.List.Kind {
	case intel.Custom:
		s.Type += "MaliciousIPCaller.Custom"
		s.Title, s.Text = title+"from an IP address on a custom threat list.", text+"from an IP address {ip} on the custom threat list {list}."+why
	case intel.Tor:
		s.Type += "TorIPCaller"
		s.Title, s.Text = title+"from a Tor exit node.", text+"from a Tor exit node IP address {ip}."+why
	default:
		s.Type += "MaliciousIPCaller"
		s.Title, s.Text = title+"from a known malicious IP address.", text+"from a known malicious IP address {ip}."+why
	}
	return s
}

// discovers says whether a call lists or describes.
func discovers(c *logs.Call) bool {
	if c.ReadOnly == logs.No {
		return false
	}
	for _, p := range [...]string{"List", "Describe", "Get", "Search", "Lookup", "BatchGet"} {
		if strings.HasPrefix(c.Name, p) {
			return !secretReads[c.Name]
		}
	}
	return false
}

// secretReads read what is protected, rather than find out what there is.
var secretReads = map[string]bool{"GetSecretValue": true, "BatchGetSecretValue": true, "GetPasswordData": true, "GetObject": true, "GetParameter": true, "GetParameters": true,
	"GetSessionToken": true, "GetFederationToken": true, "GetCredentialsForIdentity": true, "GetAuthorizationToken": true}
