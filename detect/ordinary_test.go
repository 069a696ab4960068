package detect

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
)

// TestFortnight: two weeks of ordinary hosts raise nothing: a web server with its
// clients, a worker that calls services and fetches packages, a mail server, a
// resolver, a host that sends its backup every night, a VPN gateway.
func TestFortnight(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	e := New(Config{}, All()...)
	public := func() netip.Addr {
		return netip.AddrFrom4([4]byte{byte(20 + r.IntN(180)), byte(r.IntN(256)), byte(r.IntN(256)), byte(1 + r.IntN(250))})
	}
	var few [40]netip.Addr // services that are called again and again
	for i := range few {
		few[i] = public()
	}
	n := 0
	at := logs.Time(0)
	// both is a connection from a to b, with what goes there and what comes back.
	both := func(eni string, a, b netip.Addr, protocol uint8, from, to uint16, sent, got uint64) {
		start := at + logs.Time(r.IntN(3500))*logs.Second
		f := logs.Flow{Version: 2, Account: logstest.Account, Interface: eni, Src: a, Dst: b, SrcPort: from, DstPort: to, Protocol: protocol, Packets: 4 + sent/1200, Bytes: 300 + sent, Start: start, End: start + logs.Minute, Status: "OK"}
		e.Flow(&f)
		f.Src, f.Dst, f.SrcPort, f.DstPort, f.Packets, f.Bytes = b, a, to, from, 4+got/1200+sent/2400, 300+got
		e.Flow(&f)
		n += 2
	}
	local := func(i int) (string, netip.Addr) {
		return fmt.Sprint("eni-", i), netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
	}
	high := func() uint16 { return uint16(32768 + r.IntN(28000)) }
	for hour := range 14 * 24 {
		at = logs.TimeOf(logstest.Start) + logs.Time(hour)*logs.Hour
		load := 10 + 20*(hour%24)/8
		web, webAddr := local(1)
		for range load {
			both(web, public(), webAddr, tcp, high(), 443, 2000, uint64(r.IntN(20<<20)))
		}
		both(web, webAddr, few[0], tcp, high(), 443, 30_000, 5000)
		worker, workerAddr := local(2)
		for range load {
			both(worker, workerAddr, few[r.IntN(len(few))], tcp, high(), 443, uint64(r.IntN(3<<20)), uint64(r.IntN(3<<20)))
		}
		both(worker, workerAddr, public(), udp, 123, 123, 76, 76)
		if hour%24 == 6 { // packages
			both(worker, workerAddr, public(), tcp, high(), 80, 40_000, 900<<20)
		}
		mails, mailAddr := local(3)
		for range load {
			both(mails, mailAddr, public(), tcp, high(), 25, uint64(r.IntN(200_000)), 3000)
			both(mails, public(), mailAddr, tcp, high(), 25, uint64(r.IntN(200_000)), 3000)
		}
		dns, dnsAddr := local(4)
		for range 5 * load {
			both(dns, dnsAddr, public(), udp, high(), 53, 70, 300)
		}
		backup, backupAddr := local(5)
		both(backup, backupAddr, few[1], tcp, high(), 443, 9000, 9000)
		if hour%24 == 2 {
			for range 20 {
				both(backup, backupAddr, few[2+hour/24%5], tcp, high(), 443, uint64(200+r.IntN(100))<<20, 100_000)
			}
		}
		vpn, vpnAddr := local(6)
		both(vpn, vpnAddr, few[7], 50, 0, 0, uint64(r.IntN(2<<30)), uint64(r.IntN(2<<30)))
	}
	for _, f := range e.Findings() {
		t.Errorf("%s %s %d times: %s", f.Type, f.Resource.Instance.Interfaces[0].ID, f.Service.Count, f.Description)
	}
	t.Logf("%d flows", n)
}
