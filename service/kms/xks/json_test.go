package xks

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestStrictReader(t *testing.T) {
	for body, want := range map[string]string{
		`{"a":"x"}`:                             "",
		" {\n\t\"a\" : \"x\" , \"b\":\"eA==\"}": "",
		`{"\u0061":"x"}`:                        "",
		`{"a":"x","new":{"a":["}",{"b":1}]},"other":[1,2,{}],"n":-1.5e3,"t":true}`: "",
		`{"a":"x","b":null}`:       "",
		``:                         "is not JSON",
		`{`:                        "is not JSON",
		`{"a":"x"} {}`:             "is not JSON",
		`{"a":"x",}`:               "is not JSON",
		"{\"a\":\"\xff\"}":         "is not JSON",
		`[]`:                       "is not a JSON object",
		`"a"`:                      "is not a JSON object",
		`{}`:                       "a is missing",
		`{"a":""}`:                 "a is missing",
		`{"a":null}`:               "a is missing",
		`{"A":"x"}`:                "a is missing",
		`{"a":"x","a":"x"}`:        "a is there twice",
		`{"a":"x","\u0061":"y"}`:   "a is there twice",
		`{"a":1}`:                  "a is not a string",
		`{"a":["x"]}`:              "a is not a string",
		`{"a":"toolong"}`:          "a is too long",
		`{"a":"x","b":"e"}`:        "b is not Base64",
		`{"a":"x","b":"eA"}`:       "b is not Base64",
		`{"a":"x","b":"eB=="}`:     "b is not Base64", // bits that nobody reads
		`{"a":"x","b":"eA==\n"}`:   "b is not Base64",
		`{"a":"x","b":"_-=="}`:     "b is not Base64", // the alphabet of URLs
		`{"a":"x","b":"eHh4eA=="}`: "b is longer than 3 bytes",
		`{"a":"x","b":"eHh4eHg="}`: "b is longer than 3 bytes",
		`{"a":"x","b":"eHh4"}`:     "",
		strings.Repeat(`{"c":`, 17) + `1` + strings.Repeat(`}`, 17): "is nested too deeply",
		`{"a":"` + strings.Repeat("x", maxBody) + `"}`:              "is too long",
	} {
		var a string
		var b []byte
		err := decode([]byte(body), field{name: "a", need: true, max: 4, text: &a}, field{name: "b", max: 3, blob: &b})
		switch {
		case want == "" && (err != nil || a != "x"):
			t.Errorf("%.60s: %v, a=%q", body, err, a)
		case want != "" && (err == nil || !strings.HasSuffix(err.Error(), want)):
			t.Errorf("%.60s: %v, want %s", body, err, want)
		}
	}
}

// FuzzReader compares with encoding/json where the two must agree.
func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"a":"x","b":{"c":[1,"]"]},"d":"\u00e4\\\""}`))
	f.Add([]byte(`{"a" :null , "a":"y"}`))
	f.Add([]byte(`{"":""}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if wellFormed(data) != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		if err := members(data, func(name string, value []byte) error {
			if !json.Valid(value) {
				t.Fatalf("%q is no value", value)
			}
			got[name] = string(value)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatal(len(got), len(want))
		}
		for name, value := range want {
			if got[name] != string(value) {
				t.Fatalf("%s: %q, want %q", name, got[name], value)
			}
		}
	})
}

// FuzzRequest reads bodies as the server does; what is read must be written
// and read again alike.
func FuzzRequest(f *testing.F) {
	m := RequestMetadata{PrincipalARN: "p", KeyARN: "k", Operation: "Encrypt", RequestID: "r", ViaService: "ebs"}
	f.Add(encryptRequest(&m, []byte("Hello World!"), []byte("aad")))
	f.Add(decryptRequest(&m, example(f), nil))
	f.Add(metadataRequest(&m))
	f.Add([]byte(`{"requestMetadata":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var e encryptBody
		if e.read(data) == nil {
			if len(e.plaintext) == 0 || len(e.plaintext) > serverPlaintext || len(e.aad) > MaxAAD || e.metadata.RequestID == "" {
				t.Fatal("read what must not be")
			}
			var again encryptBody
			if err := again.read(encryptRequest(&e.metadata, e.plaintext, e.aad)); err != nil && len(data) < maxBody/8 {
				t.Fatal(err)
			}
		}
		var d decryptBody
		if d.read(data) == nil && !d.ciphertext.valid() {
			t.Fatal("read what must not be")
		}
	})
}

// FuzzAnswer reads answers as the client does.
func FuzzAnswer(f *testing.F) {
	cdiv := example(f).CDIV([]byte("aad"))
	f.Add(encryptAnswer(example(f), cdiv[:]))
	f.Add(decryptAnswer([]byte("Hello World!")))
	f.Add(keyAnswer(&KeyMetadata{Spec: "AES_256", Usage: []string{"ENCRYPT"}, Status: "ENABLED"}))
	f.Add(healthAnswer(goodHealth()))
	f.Add(errorAnswer(&Fault{Name: ThrottlingException, Message: "slow"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := readEncryptAnswer(data, 12, []byte("aad")); err == nil {
			if sum := c.CDIV([]byte("aad")); !strings.Contains(string(encryptAnswer(c, sum[:])), "ciphertextDataIntegrityValue") || !c.valid() {
				t.Fatal("read what must not be")
			}
		}
		if p, err := readDecryptAnswer(data, 12); err == nil && len(p) != 12 {
			t.Fatal(len(p))
		}
		if k, err := readKeyAnswer(data); err == nil && (len(k.Usage) > 10 || k.Spec == "") {
			t.Fatal(k)
		}
		if h, err := readHealthAnswer(data); err == nil && (h.FleetSize < 1 || h.invalid() != "") {
			t.Fatal(h)
		}
		if e := readErrorAnswer(data); e != nil && (statuses[e.Name] == 0 || len(e.Detail) > 511) {
			t.Fatal(e)
		}
	})
}
