package wire

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hostile bodies, 4 MiB each: what is refused may be refused, what is read must
// be read within the bounds.
func hostileJSON() map[string]string {
	return map[string]string{
		"deep lists":       nest(`{"Anything":`, `[`, ``),
		"deep objects":     nest(`{"Anything":`, `{"a":`, ``),
		"deep members":     nest(``, `{"Next":`, ``),
		"unknown keys":     `{` + repeat(`"a":1,`) + `"Name":"x"}`,
		"same key":         `{` + repeat(`"Name":"x",`) + `"Name":"x"}`,
		"map":              `{"Labels":{` + count(`"%d":"",`) + `"":""}}`,
		"map of numbers":   `{"Sized":{` + count(`"%d":1,`) + `"":1}}`,
		"same map key":     `{"Labels":{` + repeat(`"a":"",`) + `"a":""}}`,
		"strings":          `{"Words":[` + repeat(`"",`) + `""]}`,
		"empty structures": `{"Tags":[` + repeat(`{},`) + `{}]}`,
		"lists of lists":   `{"Rows":[` + repeat(`[],`) + `[]]}`,
		"a long number":    `{"Big":` + repeat(`1`) + `}`,
		"a long fraction":  `{"Ratio":0.` + repeat(`1`) + `}`,
		"escapes":          `{"Name":"` + repeat(`\u0041`) + `"}`,
		"a long string":    `{"Name":"` + repeat(`a`) + `"}`,
		"a long key":       `{"` + repeat(`a`) + `":1}`,
		"spaces":           `{` + repeat(` `) + `}`,
		"invalid UTF-8":    `{"Name":"` + repeat("\xff") + `"}`,
		"bad enums":        `{"Next":` + strings.Repeat(`{"Kind":"X","Next":`, 50) + `{}` + strings.Repeat(`}`, 51),
		"base64":           `{"Data":"` + repeat(`AAAA`) + `"}`,
	}
}

func hostileForms() map[string]string {
	return map[string]string{
		"parameters":       count(`p%d=&`),
		"same parameter":   repeat(`Name=x&`),
		"list indices":     count(`Words.member.%d=&`),
		"sparse indices":   count(`Words.member.9%d=&`),
		"backwards":        countDown(`Words.member.%d=&`),
		"deep":             repeat(`Next.`) + `Name=x`,
		"deep and wide":    repeat(strings.Repeat(`Next.`, 60) + `Name=x&`),
		"a huge index":     `Words.member.` + repeat(`9`) + `=x`,
		"map entries":      count(`Labels.entry.%d.key=%[1]d&`),
		"ampersands":       repeat(`&`),
		"percent":          `Name=` + repeat(`%41`),
		"bad percent":      `Name=` + repeat(`%`),
		"invalid UTF-8":    `Name=` + repeat(`%FF`),
		"a long name":      repeat(`a`) + `=1`,
		"empty structures": count(`Tags.member.%d.Key=&`),
	}
}

func hostileXML() map[string]string {
	return map[string]string{
		"elements":   `<Sink><Words>` + repeat(`<member/>`) + `</Words></Sink>`,
		"deep":       repeat(`<a>`),
		"attributes": `<Sink` + count(` a%d=""`) + `/>`,
		"comments":   `<Sink><Name>` + repeat(`a<!---->`) + `</Name></Sink>`,
		"cdata":      `<Sink><Name>` + repeat(`<![CDATA[a]]>`) + `</Name></Sink>`,
		"references": `<Sink><Name>` + repeat(`&#x41;`) + `</Name></Sink>`,
		"laughs":     `<!DOCTYPE a [<!ENTITY a "` + repeat(`a`) + `">]><Sink>&a;</Sink>`,
		"doctype":    `<!` + repeat(`<`),
		"a name":     `<` + repeat(`a`),
		"ends":       repeat(`</a>`),
		"open":       repeat(`<`),
		"text":       repeat(`a`),
		"long text":  `<Sink><Name>` + repeat(`a`) + `</Name></Sink>`,
		"carriage":   `<Sink><Name>` + repeat("\r") + `</Name></Sink>`,
		"utf8":       "<Sink>" + repeat("\xff") + "</Sink>",
		"processing": `<?xml ` + repeat(`a`),
	}
}

func hostileCBOR() map[string]string {
	words := "\xa1\x65Words"
	return map[string]string{
		"deep arrays":     repeat("\x81"),
		"deep unknown":    "\xa1\x61a" + repeat("\x9f"),
		"deep tags":       "\xa1\x61a" + repeat("\xc1"),
		"members":         "\xa1\x64Next" + repeat("\xa1\x64Next"),
		"a huge array":    words + "\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
		"a huge text":     "\xa1\x64Name\x7b\x7f\xff\xff\xff\xff\xff\xff\xff",
		"texts":           words + "\x9f" + repeat("\x60") + "\xff",
		"empty maps":      "\xa1\x64Tags\x9f" + repeat("\xa0") + "\xff",
		"lists of lists":  "\xa1\x64Rows\x9f" + repeat("\x80") + "\xff",
		"pieces":          "\xa1\x64Name\x7f" + repeat("\x60") + "\xff",
		"nested pieces":   "\xa1\x64Name" + repeat("\x7f"),
		"same key":        "\xbf" + repeat("\x64Name\x61x") + "\xff",
		"unknown keys":    "\xbf" + repeat("\x61a\x01") + "\xff",
		"a map":           "\xa1\x66Labels\xbf" + count("\x6a%010d\x60") + "\xff",
		"reserved":        repeat("\x1c"),
		"breaks":          repeat("\xff"),
		"a map of itself": repeat("\xbf"),
	}
}

const hostileSize = 4 << 20 >> (4 * racing) // the race detector multiplies time and memory

func repeat(s string) string { return strings.Repeat(s, hostileSize/len(s)) }

func nest(before, open, after string) string { return before + repeat(open) + after }

func count(format string) string {
	var b strings.Builder
	for i := 1; b.Len() < hostileSize; i++ {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func countDown(format string) string {
	var b strings.Builder
	for i := hostileSize; b.Len() < hostileSize; i-- {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// TestHostile reads each body with 200 ms and 64 MiB to spend.
func TestHostile(t *testing.T) {
	for _, c := range []struct {
		name   string
		op     Operation
		header http.Header
		bodies map[string]string
	}{
		{"JSON", sinkOp("sinks", JSON11), nil, hostileJSON()},
		{"restJson1", sinkOp("sinks", RESTJSON), nil, hostileJSON()},
		{"query", sinkOp("sinks", Query), nil, hostileForms()},
		{"ec2", sinkOp("sinks", EC2), nil, hostileForms()},
		{"empty query", emptyOp(), nil, hostileForms()},
		{"XML", sinkOp("sinks", RESTXML), nil, hostileXML()},
		{"CBOR", sinkOp("sinks", JSON11), cborHeader, hostileCBOR()},
	} {
		for name, body := range c.bodies {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				r := &Request{Method: "POST", Path: "/sinks", Header: c.header, Body: []byte(body)}
				within(t, func() error { _, err := c.op.Decode(r); return err })
			})
		}
	}
}

// TestHostileREST does the same outside the body, with the most that net/http
// lets through by default: 1 MiB of request line and headers.
func TestHostileREST(t *testing.T) {
	const size = 1 << 20
	op := boundOp(RESTJSON)
	header := http.Header{}
	for i := range 20_000 {
		header[fmt.Sprintf("X-Meta-%d", i)] = []string{"v"}
	}
	for name, r := range map[string]*Request{
		"slashes":    {Path: strings.Repeat("/", size)},
		"a label":    {Path: "/bounds/" + strings.Repeat("a", size)},
		"percents":   {Path: "/bounds/" + strings.Repeat("%41", size/3)},
		"parameters": {Path: "/bounds/a", Query: strings.Repeat("word=&", size/6)},
		"names":      {Path: "/bounds/a", Query: count("%d=&")[:min(size, hostileSize)]},
		"a list":     {Path: "/bounds/a", Header: http.Header{"X-List": {strings.Repeat("a,", size/2)}}},
		"quotes":     {Path: "/bounds/a", Header: http.Header{"X-List": {strings.Repeat(`"`, size)}}},
		"prefixed":   {Path: "/bounds/a", Header: header},
	} {
		t.Run(name, func(t *testing.T) {
			router := NewRouter(op.Service)
			within(t, func() error {
				router.Find("PUT", r.Path, r.Query, r.Header)
				_, err := op.Decode(r)
				return err
			})
		})
	}
}

func within(t *testing.T, decode func() error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := cpu(t)
	err := decode()
	took := cpu(t) - start
	runtime.ReadMemStats(&after)
	if took > 200*time.Millisecond*(1+9*racing) {
		t.Errorf("took %v", took)
	}
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 64<<20 {
		t.Errorf("allocated %d MiB", spent>>20)
	}
	if err != nil {
		if e := AsError(err); e.Code == "InternalFailure" {
			t.Errorf("not an error for the caller: %v", err)
		} else if len(e.Message) > 16<<10 {
			t.Errorf("an error of %d bytes", len(e.Message))
		}
	}
	t.Logf("%v, %d KiB: %.100v", took, (after.TotalAlloc-before.TotalAlloc)>>10, err)
}

// cpu is the time this process has spent on a processor: other work on the
// machine does not count.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestLongStrings: a string read from a long message does not keep it alive.
func TestLongStrings(t *testing.T) {
	for name, c := range map[string]struct {
		op   Operation
		body string
	}{
		"JSON":  {sinkOp("sinks", JSON11), `{"Name":"x","Anything":"%s"}`},
		"query": {sinkOp("sinks", Query), `Name=x&Ignored=%s`},
	} {
		for _, size := range []int{10, 2 * maxShared} {
			body := []byte(fmt.Sprintf(c.body, strings.Repeat("a", size)))
			in, err := c.op.Decode(&Request{Body: body})
			if err != nil {
				t.Fatal(name, err)
			}
			for i := range body { // nor does it change with the buffer
				body[i] = '!'
			}
			if got := in.(*sink).Name; got != "x" {
				t.Errorf("%s, %d bytes: Name became %q", name, size, got)
			}
		}
	}
}
