package script

import (
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kfake"
)

// cmdStream starts NATS with JetStream, or a broker that speaks Kafka's protocol,
// in this process.
func cmdStream(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: stream nats|kafka VAR")
	}
	switch args[0] {
	case "nats":
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: ts.MkAbs("jetstream"), NoSigs: true, NoLog: true})
		ts.Check(err)
		s.Start()
		if !s.ReadyForConnections(10 * time.Second) {
			ts.Fatalf("NATS does not start")
		}
		ts.Defer(func() { s.Shutdown(); s.WaitForShutdown() })
		ts.Setenv(args[1], "nats://"+s.Addr().String())
	case "kafka":
		c, err := kfake.NewCluster(kfake.NumBrokers(1))
		ts.Check(err)
		ts.Defer(c.Close)
		ts.Setenv(args[1], "kafka://"+strings.Join(c.ListenAddrs(), ","))
	default:
		ts.Fatalf("no log of the kind %s", args[0])
	}
}
