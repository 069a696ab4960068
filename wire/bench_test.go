package wire

import (
	"testing"
)

// BenchmarkProtocols decodes and encodes one input of every kind of value in
// each protocol. The operations of services are measured in test/wire/speed,
// beside the SDK's codec.
func BenchmarkProtocols(b *testing.B) {
	for _, c := range []struct {
		name     string
		protocol Protocol
		cbor     bool
	}{{"json", JSON11, false}, {"cbor", JSON11, true}, {"query", Query, false}, {"xml", RESTXML, false}} {
		op := sinkOp("sinks", c.protocol)
		r := op.EncodeCBORRequest(fullSink())
		if !c.cbor {
			var err error
			if r, err = op.EncodeRequest(fullSink()); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(c.name+"/decode", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(r.Body)))
			for b.Loop() {
				if _, err := op.Decode(r); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/encode", func(b *testing.B) {
			out := fullSink()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := op.Encode(out, "id", c.cbor); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEmptyForm is GetCallerIdentity's decode, which may not allocate.
func BenchmarkEmptyForm(b *testing.B) {
	op := emptyOp()
	r := &Request{Body: []byte("Action=GetCallerIdentity&Version=2011-06-15")}
	if n := testing.AllocsPerRun(100, func() { _, _ = op.Decode(r) }); n > 0 {
		b.Fatalf("%v allocations", n)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := op.Decode(r); err != nil {
			b.Fatal(err)
		}
	}
}
