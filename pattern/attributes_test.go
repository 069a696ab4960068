package pattern

import (
	"encoding/json"
	"testing"
)

// The examples of SNS's documentation of filter policies.
func TestAttributes(t *testing.T) {
	attributes := []Attribute{
		{"store", "String", "example_corp"}, {"event", "String", "order_placed"}, {"price_usd", "Number", "301.50"}, {"quoted", "String.mine", `a"b<`},
		{"customer_interests", "String.Array", `["soccer", "rugby", true, null, 5]`}, {"image", "Binary", "AAAA"}, {"none", "Number", "x"}, {"bad", "String.Array", "null"},
		{"dotted.name", "String", "x"},
	}
	event := AttributeEvent(nil, attributes)
	if !json.Valid(event) {
		t.Fatalf("%s", event)
	}
	for src, want := range map[string]bool{
		`{"store":["example_corp"],"event":[{"anything-but":"order_cancelled"}],"customer_interests":["rugby","football","baseball"]}`: true,
		`{"price_usd":[{"numeric":["=",301.5]}]}`:                true,
		`{"price_usd":[{"numeric":[">",0,"<=",300]}]}`:           false,
		`{"customer_interests":[{"anything-but":["rugby"]}]}`:    true,
		`{"customer_interests":[true]}`:                          true,
		`{"customer_interests":[null,"x"]}`:                      true,
		`{"quoted":["a\"b<"]}`:                                   true,
		`{"image":[{"exists":true}]}`:                            false,
		`{"none":[{"exists":false}],"bad":[{"exists":false}]}`:   true,
		`{"dotted.name":["x"]}`:                                  true,
		`{"store":["example_corp"],"missing":[{"exists":true}]}`: false,
	} {
		p, err := Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Match(event); got != want || err != nil {
			t.Errorf("%s: %v %v", src, got, err)
		}
	}
	if got := AttributeEvent(nil, nil); string(got) != "{}" {
		t.Errorf("%s", got)
	}
}

func TestShape(t *testing.T) {
	for src, want := range map[string]Shape{
		`{"a":[1,2,3],"b":[{"anything-but":["x","y"]}]}`: {2, 6, false},
		`{"a":{"b":[1]}}`: {1, 1, true},
		`{"a":[1,2],"$or":[{"b":[1,2,3]},{"c":[1]}]}`:          {3, 6, false},
		`{"x":[{"prefix":"a"},{"exists":false}],"y.z":[true]}`: {2, 2, false},
	} {
		p, err := Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Shape(); got != want {
			t.Errorf("%s: %+v, want %+v", src, got, want)
		}
	}
}
