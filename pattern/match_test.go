package pattern

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
)

const readme = `{"version":"0","id":"ddddd4-aaaa-7777-4444-345dd43cc333","detail-type":"EC2 Instance State-change Notification",
 "source":"aws.ec2","account":"012345679012","time":"2017-10-02T16:24:49Z","region":"us-east-1","resources":["arn:aws:ec2:us-east-1:123456789012:instance/i-000000aaaaaa00000"],
 "detail":{"c-count":5,"d-count":3,"x-limit":301.8,"source-ip":"10.0.0.33","instance-id":"i-000000aaaaaa00000","state":"running","empty":"","nothing":null,"none":[],"obj":{"x":1},"big":123456789012,"yes":true}}`

const songs = `{"Year":1966,"Genres":[{"Pop":true},{"Classical":false}],"Songs":[
 {"Name":"Paperback Writer","Writers":[{"First":"John","Last":"Lennon"},{"First":"Paul","Last":"McCartney"}]},
 {"Name":"Paint It Black","Writers":[{"First":"Mick","Last":"Jagger"},{"First":"Keith","Last":"Richards"}]}]}`

// What AWS's documentation, Event Ruler's and others' tests against AWS say.
var matchCases = []struct {
	event, pattern string
	want           bool
}{
	{readme, `{"detail-type":["EC2 Instance State-change Notification"],"resources":["arn:aws:ec2:us-east-1:123456789012:instance/i-000000aaaaaa00000"],"detail":{"state":["initializing","running"]}}`, true},
	{readme, `{"time":[{"prefix":"2017-10-02"}],"detail":{"state":[{"anything-but":"initializing"}],"c-count":[{"numeric":[">",0,"<=",5]}],"d-count":[{"numeric":["<",10]}],"x-limit":[{"anything-but":[100,200,300]}],"source-ip":[{"cidr":"10.0.0.0/8"}]}}`, true},
	{readme, `{"detail":{"x-limit":[{"numeric":["=",3.018e2]}]}}`, true},
	{readme, `{"detail":{"c-count":[{"numeric":["<",5]}]}}`, false},
	{readme, `{"source":[{"suffix":"ec2"}]}`, true},
	{readme, `{"source":[{"equals-ignore-case":"AWS.EC2"}]}`, true},
	{readme, `{"source":[{"prefix":{"equals-ignore-case":"AWS."}}],"detail":{"state":[{"suffix":{"equals-ignore-case":"ING"}}]}}`, true},
	{readme, `{"source":[{"prefix":"AWS."}]}`, false},
	{readme, `{"source":[{"wildcard":"a*s.*2"}]}`, true},
	{readme, `{"SOURCE":["aws.ec2"]}`, false},
	{readme, `{"detail":{"c-count":[{"exists":true}]}}`, true},
	{readme, `{"detail":{"c-count":[{"exists":false}]}}`, false},
	{readme, `{"detail":{"e-count":[{"exists":false}]}}`, true},
	{readme, `{"detail":{"obj":[{"exists":true}]}}`, false}, // only leaves exist
	{readme, `{"detail":{"obj":[{"exists":false}]}}`, true},
	{readme, `{"detail":{"none":[{"exists":true}]}}`, false}, // an empty array has no leaf
	{readme, `{"detail":{"none":[{"exists":false}]}}`, true},
	{readme, `{"detail":{"none":[null]}}`, false},
	{readme, `{"detail":{"nothing":[null]}}`, true},
	{readme, `{"detail":{"nothing":[""]}}`, false},
	{readme, `{"detail":{"nothing":[{"exists":true}]}}`, true},
	{readme, `{"detail":{"nothing":[{"anything-but":["x"]}]}}`, true},
	{readme, `{"detail":{"nothing":[{"anything-but":{"prefix":"x"}}]}}`, true},
	{readme, `{"detail":{"nothing":[{"numeric":["=",0]}]}}`, false},
	{readme, `{"detail":{"missing":[{"anything-but":["x"]}]}}`, false},
	{readme, `{"detail":{"missing":[{"anything-but":["x"]},{"exists":false}]}}`, true},
	{readme, `{"detail":{"missing":{"deeper":[{"anything-but":["x"]},{"exists":false}]}}}`, true},
	{readme, `{"detail":{"empty":[""],"yes":[true]}}`, true},
	{readme, `{"detail":{"yes":["true"]}}`, false},
	{readme, `{"detail":{"empty":[{"equals-ignore-case":""}]}}`, true},
	{readme, `{"detail":{"empty":[{"prefix":""}],"state":[{"prefix":""},{"suffix":"x"}]}}`, true},
	{readme, `{"detail":{"c-count":[{"prefix":""}]}}`, false}, // a number is no string
	{readme, `{"detail":{"c-count":[5.0]}}`, true},            // though the documentation denies it
	{readme, `{"detail":{"c-count":["5"]}}`, false},
	{readme, `{"detail":{"c-count":[{"anything-but":"5"}]}}`, true},
	{readme, `{"detail":{"c-count":[{"anything-but":5.0}]}}`, false},
	{readme, `{"detail":{"state":[{"anything-but":0}]}}`, true},
	{readme, `{"detail":{"big":[123456789012]}}`, true}, // not comparable, but the same text
	{readme, `{"detail":{"big":[123456789013]}}`, false},
	{readme, `{"detail":{"big":[{"numeric":[">",0]}]}}`, false},
	{readme, `{"detail":{"source-ip":["10.0.0.33"]}}`, true},
	{readme, `{"detail":{"source-ip":["010.0.0.033"]}}`, true}, // the same address
	{readme, `{"detail":{"source-ip":[{"exactly":"010.0.0.033"}]}}`, false},
	{readme, `{"detail":{"source-ip":[{"cidr":"10.0.0.99/24"}]}}`, true}, // host bits do not matter
	{readme, `{"detail":{"source-ip":[{"cidr":"::/0"}]}}`, false},
	{readme, `{"detail":{"state":[{"anything-but":{"wildcard":["*x*","run*"]}}]}}`, false},
	{readme, `{"detail":{"state":[{"anything-but":{"wildcard":""}}]}}`, true},
	{readme, `{"detail":{"state":[{"anything-but":{"equals-ignore-case":["Stopped","OverLoaded"]}}]}}`, true},
	{readme, `{"detail":{"state":[{"anything-but":{"suffix":["ing","ed"]}}]}}`, false},
	{readme, `{"source":["aws.ec2"],"$or":[{"detail":{"c-count":[6]}},{"detail":{"d-count":[3]}}]}`, true},
	{readme, `{"source":["aws.ec2"],"$or":[{"detail":{"c-count":[6]}},{"detail":{"d-count":[4]}}]}`, false},
	{readme, `{"detail":{"$or":[{"c-count":[6]},{"state":["running"],"$or":[{"yes":[false]},{"big":[{"exists":true}]}]}]}}`, true},
	{readme, `{"detail.state":["running"]}`, true}, // dots join
	{readme, `{"source":["x"],"source":["aws.ec2"]}`, true},
	{readme, `{"source":["aws.ec2"],"source":["x"]}`, false},
	{`{"detail":{"state.status":"running"}}`, `{"detail":{"state":{"status":["running"]}}}`, true},
	{`{"detail":{"state.status":{"status":"running"}}}`, `{"detail":{"state":{"status":["running"]}}}`, false},
	{`{"a":"*","b":"\\"}`, `{"a":["*"],"b":["\\"]}`, true},
	{`{"a":"x*y"}`, `{"a":[{"wildcard":"x\\*y"}]}`, true},
	{`{"a":"xzy"}`, `{"a":[{"wildcard":"x\\*y"}]}`, false},
	{`{"a":"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t"}`, "{\"a\":[\"é😀\\\"\\\\/\\b\\f\\n\\r\\t\"]}", true},
	{`{"a":"STRASSE ÄÖ"}`, `{"a":[{"equals-ignore-case":"strasse äö"}]}`, true},
	{`{"\u0061":"x"}`, `{"a":["x"]}`, true},
	{`{"a":["x","y"]}`, `{"a":[{"anything-but":"x"}]}`, true},
	{`{"a":["x"]}`, `{"a":[{"anything-but":"x"}]}`, false},
	{`{"a":[[["x"]]]}`, `{"a":["x"]}`, true},
	{`{"a":"2001:db8::1"}`, `{"a":[{"cidr":"2001:db8::/32"}]}`, true},
	{`{"a":"2001:db9::1"}`, `{"a":[{"cidr":"2001:db8::/32"}]}`, false},
	{songs, `{"Year":[1966],"Songs":{"Name":["Paperback Writer"],"Writers":{"First":["Paul"],"Last":["McCartney"]}}}`, true},
	{songs, `{"Genres":{"Pop":[true]},"Songs":{"Name":["Paint It Black"]}}`, true},
	{songs, `{"Year":[1966],"Songs":{"Name":["Paperback Writer"],"Writers":{"First":["Mick"]}}}`, false},
	{songs, `{"Songs":{"Writers":{"First":["Mick"],"Last":["McCartney"]}}}`, false},
	{songs, `{"Genres":{"Pop":[true],"Classical":[false]}}`, false},
	{`{"d":[{"a":1},{"b":2}]}`, `{"d":{"a":[{"exists":true}],"b":[{"exists":true}]}}`, false},
	{`{"d":[{"a":1},{"b":2},{"a":3,"b":4}]}`, `{"d":{"a":[{"exists":true}],"b":[{"exists":true}]}}`, true},
	{`{"d":[{"a":1},{"b":2}]}`, `{"d":{"a":[{"exists":true}],"b":[{"exists":false}]}}`, true},
	{`{"d":[{"a":1,"b":2}]}`, `{"d":{"a":[{"exists":true}],"b":[{"exists":false}]}}`, false},
	{`{"d":[{"b":1},{"c":2}]}`, `{"d":{"b":[{"exists":false}],"c":[2]}}`, false}, // asked in the paths' order: b is there
	{`{"lines":[{"intensities":[[0.5]],"points":[[[{"pp":"index0"},483.3474497412421,287.48116291799363],[{"pp":"index1"},489.9,299.9]]]}]}`,
		`{"lines":{"points":[287.48116291799363],"points":{"pp":["index0"]}}}`, true},
}

func TestMatch(t *testing.T) {
	set := NewSet[int]()
	all := map[int]*Pattern{}
	for i, x := range matchCases {
		p, err := Parse(x.pattern)
		if err != nil {
			t.Fatalf("%s: %v", x.pattern, err)
		}
		all[i] = p
		if got, err := p.Match([]byte(x.event)); got != x.want || err != nil {
			t.Errorf("%s\n%s\ngot %v %v", x.event, x.pattern, got, err)
		}
		// The naive one keeps the last of two names, as Go decodes.
		twice := strings.Contains(x.pattern, `"points":[287`)
		if got := naiveMatch(decodeNumbers(t, []byte(x.pattern)).(map[string]any), decodeNumbers(t, []byte(x.event))); got != x.want && !twice {
			t.Errorf("naive: %s\n%s\ngot %v", x.event, x.pattern, got)
		}
	}
	set.Update(all) // and all at once
	for i, x := range matchCases {
		ids, err := set.Match(nil, []byte(x.event))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for k, id := range ids {
			found = found || id == i
			if k > 0 && ids[k-1] >= id {
				t.Fatal("not in order", ids)
			}
		}
		if found != x.want {
			t.Errorf("in the set: %s\n%s\ngot %v", x.event, x.pattern, found)
		}
	}
}

func TestBrokenEvents(t *testing.T) {
	p, err := Parse(`{"a":{"b":["x"]},"c":[1]}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []string{``, `[]`, `"a"`, `{`, `{"a"`, `{"a":`, `{"a":}`, `{"a":{"b":"x}`, `{"c":01}`, `{"c":tru}`, `{"c":1`, `{"c":1,}`, `{"c":1}x`, `{"a":{"b":"\x"}}`, `{"z":[1,{]`, `{a:1}`, `{"c" 1}`} {
		if ok, err := p.Match([]byte(e)); ok || !errors.Is(err, ErrEvent) {
			t.Errorf("%s: %v %v", e, ok, err)
		}
	}
	deep := `{"c":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + "}"
	if _, err := p.Match([]byte(deep)); !errors.Is(err, ErrDepth) {
		t.Error(err)
	}
	if ok, err := p.Match([]byte(`{"other":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `,"c":1,"a":{"b":"x"}}`)); !ok || err != nil {
		t.Error("what no rule names is not entered:", err)
	}
}

// An event made to be hard stays cheap, or is said to be undecided.
func TestHardEvents(t *testing.T) {
	list := strings.Repeat(`{"a":1,"c":[{"x":1},{"x":2}]},{"b":2,"c":[{"y":1}]},`, 3000)
	event := []byte(`{"d":[` + strings.TrimSuffix(list, ",") + `]}`)
	p, err := Parse(`{"d":{"a":[1],"b":[2],"c":{"x":[1],"y":[1]}}}`)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := p.Match(event); ok || err != nil {
		t.Error(ok, err)
	}
	long := []byte(`{"x":"` + strings.Repeat("a", 250_000) + `"}`)
	wild, err := Parse(`{"x":[{"wildcard":"*` + strings.Repeat("a", 10) + `b*"},{"wildcard":"*bb` + strings.Repeat("a", 5) + `*b*"}]}`)
	if err == nil {
		t.Error("too complex, and was accepted")
	}
	wild, err = Limits{Complexity: 3000}.Parse(`{"x":[{"wildcard":"*` + strings.Repeat("a", 900) + `b*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := wild.Match(long); ok || err != nil {
		t.Error(ok, err)
	}
	set := NewSet[string]()
	absent, err := Parse(`{"d":{"a":[1,{"exists":false}],"b":[2,{"exists":false}],"c":{"x":[1],"y":[1],"z":[{"exists":false}]}}}`)
	if err != nil {
		t.Fatal(err)
	}
	simple, err := Parse(`{"d":{"a":[1]}}`)
	if err != nil {
		t.Fatal(err)
	}
	set.Put("absent", absent)
	set.Put("simple", simple)
	ids, err := set.Match(nil, event)
	if !errors.Is(err, ErrUndecided) || len(ids) != 1 || ids[0] != "simple" {
		t.Error(ids, err)
	}
}

func TestNoAllocations(t *testing.T) {
	b := benchSet(t, 500, -1)
	events := benchEvents()
	dst := make([]int, 0, 64)
	for _, e := range events {
		dst, _ = b.set.Match(dst[:0], e)
	}
	n := testing.AllocsPerRun(200, func() {
		for _, e := range events[:8] {
			dst, _ = b.set.Match(dst[:0], e)
		}
	})
	if n >= 1 {
		t.Errorf("%v allocations", n)
	}
}

// Readers go on while the set changes, and always see a whole set: the two
// rules are put and removed together.
func TestConcurrentChanges(t *testing.T) {
	set := NewSet[string]()
	a, _ := Parse(`{"a":["x"]}`)
	b, _ := Parse(`{"a":[{"prefix":"x"}],"b":[{"exists":false}]}`)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			var ids []string
			for {
				select {
				case <-stop:
					return
				default:
				}
				var err error
				if ids, err = set.Match(ids[:0], []byte(`{"a":"x"}`)); err != nil || len(ids) == 1 {
					t.Error(ids, err)
					return
				}
			}
		})
	}
	for range 2000 {
		set.Update(map[string]*Pattern{"a": a, "b": b})
		set.Update(map[string]*Pattern{"a": nil, "b": nil})
	}
	close(stop)
	wg.Wait()
	set.Put("a", a)
	if !set.Delete("a") || set.Delete("a") || set.Len() != 0 {
		t.Error("delete")
	}
	if len(set.build.clauses)+len(set.build.fields) != 0 {
		t.Error("an empty set still holds clauses")
	}
}

func TestNumbers(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "1": 1e6, "-1.5": -15e5, "1e2": 1e8, "0.0000019": 1, "-0.0000019": -1, "12e-1": 12e5, "0.00e9": 0, "5e9": 5e15, "100000e-11": 1} {
		v, ok, valid := number([]byte(s))
		if !ok || !valid || v != want {
			t.Error(s, v, ok, valid)
		}
	}
	for _, s := range []string{"5000000000.000001", "1e400", "123456789012345678901234567890"} {
		if _, ok, valid := number([]byte(s)); ok || !valid {
			t.Error(s)
		}
	}
	for _, s := range []string{"", "-", "01", "1.", ".5", "1e", "1e+", "+1", "1x", "0x1", "--1"} {
		if _, _, valid := number([]byte(s)); valid {
			t.Error(s)
		}
		if json.Valid([]byte(s)) {
			t.Error(s, "is valid JSON after all")
		}
	}
}
