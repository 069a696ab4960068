package detect

import "bartizan.dev/logs"

const (
	spambot = "Backdoor:EC2/Spambot"
	smtp    = 25
)

// mail is 32 bytes: the mail servers that a host went to within an hour or two, as
// bits of their hashes.
type mail struct {
	Since logs.Time
	Peers [3]uint64
}

// maxMails bounds the table to 3 MB: hosts that send mail by port 25.
const maxMails = 50_000

// A host that has a history without port 25 is reported when it goes to a few mail
// servers; one without a history, when it goes to so many that it sends mail of its
// own. A mail server does that too, and is told by its own past.
const (
	mailNew  = 3
	mailMany = 50
)

// mail counts the mail servers that a host goes to.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-ec2.html#backdoor-ec2-spambot
func (ev *Event) mail(table *Table[mail], h *habits, learned bool) {
	if ev.Flow.Packets < minPackets {
		return
	}
	v, isNew := table.At(ev.hostKey())
	if isNew {
		v.Since = ev.Time
		if learned && !h.has(smtp) {
			v.Peers[0] |= novice
		}
	}
	if ev.Time-v.Since >= logs.Hour {
		*v = mail{Since: ev.Time, Peers: [3]uint64{v.Peers[0] & novice, 0, v.Peers[2] & server}}
	}
	bit := addrHash(ev.Peer.Remote) % 190
	v.Peers[(bit+1)/64] |= 1 << ((bit + 1) % 64)
	limit := mailMany
	if v.Peers[0]&novice != 0 {
		limit = mailNew
	}
	if n := ones(v.Peers[0]&^novice) + ones(v.Peers[1]) + ones(v.Peers[2]&^server); n < limit || v.Peers[2]&server != 0 {
		return
	}
	ev.Raise(&Sighting{Type: spambot, Severity: Medium, Title: "The EC2 instance {host} is communicating with remote hosts on port 25.",
		Text: "The EC2 instance {host} is communicating with a large number of remote hosts on port 25, {ip} among them. This port is commonly used to send email."})
}

// novice marks, in the first bit, a host that never sent mail while it was learnt.
const novice = 1

// server marks, in the last bit, a host that is sent mail too.
const server = 1 << 63

// receives notes a host that others bring mail to: it sends mail because it is a mail
// server.
func (ev *Event) receives(table *Table[mail]) {
	if ev.Flow.Packets >= minPackets {
		v, _ := table.At(ev.hostKey())
		v.Peers[2] |= server
	}
}

func (h *habits) has(port uint16) bool {
	bit := mix(uint64(port) + 1)
	return h.Ports[bit>>6&7]&(1<<(bit&63)) != 0
}
