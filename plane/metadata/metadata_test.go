package metadata

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

var testStart = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// fixture is a plane with a clock and a source that the test moves.
type fixture struct {
	*Plane
	t     testing.TB
	clock time.Time
	asked int
	life  time.Duration
	err   error
}

func (f *fixture) source(context.Context) (Credentials, error) {
	f.asked++
	if f.err != nil {
		return Credentials{}, f.err
	}
	return Credentials{AccessKey: "ASIA", Secret: "secret", Token: "token", Expires: f.clock.Add(f.life), Account: "111122223333"}, nil
}

func newFixture(t testing.TB) *fixture {
	f := &fixture{t: t, clock: testStart, life: time.Hour}
	f.Plane = New(func() time.Time { return f.clock }, slog.New(slog.DiscardHandler))
	return f
}

func (f *fixture) apply(c Config) {
	f.t.Helper()
	if err := f.Apply(c); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) instance(change func(*Instance)) {
	f.t.Helper()
	i := &Instance{
		ID: "i-1", Account: "111122223333", Region: "eu-west-1", Zone: "eu-west-1a", Address: netip.MustParseAddr("10.0.0.7"), Hostname: "h", Launched: testStart,
		Profile: "arn:aws:iam::111122223333:instance-profile/p", ProfileID: "AIPA1", Role: "host", Source: f.source,
	}
	if change != nil {
		change(i)
	}
	f.apply(Config{Instance: i})
}

// ask makes a request; headers are name: value.
func ask(h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Host = "169.254.169.254"
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func (f *fixture) token() string {
	f.t.Helper()
	w := ask(f.Instance(), "PUT", "/latest/api/token", headerTTL+": 21600")
	if w.Code != 200 || w.Header().Get(headerTTL) != "21600" {
		f.t.Fatal(w.Code, w.Header())
	}
	return headerToken + ": " + w.Body.String()
}

func TestToken(t *testing.T) {
	f := newFixture(t)
	if w := ask(f.Instance(), "PUT", "/latest/api/token", headerTTL+": 60"); w.Code != 404 {
		t.Errorf("before Apply: %d", w.Code)
	}
	f.instance(nil)
	for _, c := range []struct {
		ttl  string
		more string
		want int
	}{
		{"1", "", 200}, {"21600", "", 200}, {"0", "", 400}, {"21601", "", 400}, {"-1", "", 400}, {"x", "", 400}, {"", "", 400},
		{"60", "X-Forwarded-For: 10.0.0.1", 403}, {"60", "X-Forwarded-For: ", 403},
	} {
		headers := []string{headerTTL + ": " + c.ttl}
		if c.more != "" {
			headers = append(headers, c.more)
		}
		if w := ask(f.Instance(), "PUT", "/latest/api/token", headers...); w.Code != c.want {
			t.Errorf("%q %q: %d, want %d", c.ttl, c.more, w.Code, c.want)
		}
	}
	token := ask(f.Instance(), "PUT", "/latest/api/token", headerTTL+": 60").Body.String()
	get := func(token string) int {
		return ask(f.Instance(), "GET", "/latest/meta-data/instance-id", headerToken+": "+token).Code
	}
	for _, bad := range []string{"", "x", token[:len(token)-4], "A" + token[1:], token + "AAAA", strings.ToLower(token)} {
		if got := get(bad); got != 401 {
			t.Errorf("token %q: %d", bad, got)
		}
	}
	f.clock = f.clock.Add(59 * time.Second)
	if got := get(token); got != 200 {
		t.Errorf("within its time: %d", got)
	}
	f.clock = f.clock.Add(time.Second)
	if got := get(token); got != 401 {
		t.Errorf("after its time: %d", got)
	}
	other := newFixture(t)
	other.instance(nil)
	if w := ask(other.Instance(), "GET", "/latest/meta-data/instance-id", f.token()); w.Code != 401 {
		t.Errorf("another plane's token: %d", w.Code)
	}
	if w := ask(f.Instance(), "POST", "/latest/api/token", headerTTL+": 60"); w.Code != 405 {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestTree(t *testing.T) {
	f := newFixture(t)
	f.instance(nil)
	token := f.token()
	for path, want := range map[string]string{
		"/": "latest/", "/latest/": "dynamic/\nmeta-data/", "/latest/meta-data/": "hostname\niam/\ninstance-id\nlocal-hostname\nlocal-ipv4\nplacement/\nservices/",
		"/latest/meta-data/iam/": "info\nsecurity-credentials/", "/latest/meta-data/iam/security-credentials": "host", "/latest/meta-data/iam/security-credentials/": "host",
		"/latest/meta-data/placement": "availability-zone\nregion", "/latest/meta-data/placement/region": "eu-west-1", "/latest/meta-data/local-ipv4": "10.0.0.7",
		"/latest/meta-data/services/partition": "aws",
	} {
		if w := ask(f.Instance(), "GET", path, token); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
		if w := ask(f.Instance(), "GET", path); w.Code != 401 {
			t.Errorf("%s without a token: %d", path, w.Code)
		}
	}
	for _, path := range []string{"/latest/meta-data/ami-id", "/latest/meta-data/instance", "/latest/user-data", "/1.0/", "/latest/meta-data/iam/security-credentials/other",
		"/latest/dynamic/instance-identity/signature", "/latest/meta-data/iam/security-credentials-extended/"} {
		if w := ask(f.Instance(), "GET", path, token); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	var doc map[string]any
	if err := json.Unmarshal(ask(f.Instance(), "GET", "/latest/dynamic/instance-identity/document", token).Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc["instanceId"] != "i-1" || doc["accountId"] != "111122223333" || doc["region"] != "eu-west-1" || doc["imageId"] != nil || doc["pendingTime"] != "2026-11-23T12:00:00Z" {
		t.Errorf("%v", doc)
	}
	f.instance(func(i *Instance) { i.AllowV1 = true })
	if w := ask(f.Instance(), "GET", "/latest/meta-data/instance-id"); w.Code != 200 || w.Body.String() != "i-1" {
		t.Errorf("version 1: %d", w.Code)
	}
	if w := ask(f.Instance(), "GET", "/latest/meta-data/instance-id", headerToken+": wrong"); w.Code != 401 {
		t.Errorf("version 1 with a wrong token: %d", w.Code)
	}
	f.instance(func(i *Instance) { i.Role, i.Source, i.Profile = "", nil, "" })
	if w := ask(f.Instance(), "GET", "/latest/meta-data/iam/", token); w.Code != 404 {
		t.Errorf("without a role: %d %s", w.Code, w.Body)
	}
}

func TestInstanceCredentials(t *testing.T) {
	f := newFixture(t)
	f.instance(nil)
	token := f.token()
	get := func() (int, map[string]string) {
		w := ask(f.Instance(), "GET", "/latest/meta-data/iam/security-credentials/host", token)
		var doc map[string]string
		if w.Code == 200 {
			if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
				t.Fatal(err)
			}
		}
		return w.Code, doc
	}
	if code, doc := get(); code != 200 || doc["Code"] != "Success" || doc["Type"] != "AWS-HMAC" || doc["AccessKeyId"] != "ASIA" || doc["SecretAccessKey"] != "secret" ||
		doc["Token"] != "token" || doc["Expiration"] != "2026-11-23T13:00:00Z" || doc["LastUpdated"] != "2026-11-23T12:00:00Z" {
		t.Errorf("%d %v", code, doc)
	}
	f.clock = f.clock.Add(20 * time.Minute)
	if get(); f.asked != 1 {
		t.Errorf("asked %d times in 20 minutes of 60", f.asked)
	}
	f.clock = f.clock.Add(11 * time.Minute)
	if _, doc := get(); f.asked != 2 || doc["Expiration"] != "2026-11-23T13:31:00Z" {
		t.Errorf("asked %d times after half of the life: %v", f.asked, doc)
	}
	f.err = errors.New("away")
	f.clock = f.clock.Add(45 * time.Minute)
	if code, doc := get(); code != 200 || doc["Expiration"] != "2026-11-23T13:31:00Z" {
		t.Errorf("the last good ones are gone: %d %v", code, doc)
	}
	asked := f.asked
	if get(); f.asked != asked {
		t.Error("a source that failed was asked again at once")
	}
	f.clock = f.clock.Add(15 * time.Minute) // their end
	if code, _ := get(); code != 503 {
		t.Errorf("ended credentials were served: %d", code)
	}
	f.err = ErrDenied
	if code, doc := get(); code != 200 || doc["Code"] != "AssumeRoleUnauthorizedAccess" || doc["AccessKeyId"] != "" {
		t.Errorf("%d %v", code, doc)
	}
	f.err, f.life = nil, 0
	if code, _ := get(); code != 503 {
		t.Errorf("credentials that had ended were taken: %d", code)
	}
}

// TestSlowSource: with usable credentials nobody waits long, and many who wait
// are one question.
func TestSlowSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		p := New(time.Now, slog.New(slog.DiscardHandler))
		r := p.refresher(func(ctx context.Context) (Credentials, error) {
			asked++
			time.Sleep(5 * time.Second)
			return Credentials{AccessKey: "ASIA", Expires: time.Now().Add(time.Hour)}, ctx.Err()
		})
		start := time.Now()
		for range 10 {
			go func() {
				if _, _, err := r.get(t.Context()); err != nil {
					t.Error(err)
				}
			}()
		}
		if _, _, err := r.get(t.Context()); err != nil || asked != 1 || time.Since(start) != 5*time.Second {
			t.Errorf("%v, asked %d, after %v", err, asked, time.Since(start))
		}
		time.Sleep(31 * time.Minute)
		start = time.Now()
		if c, _, err := r.get(t.Context()); err != nil || c.AccessKey != "ASIA" || time.Since(start) != patience {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if c, _, err := r.get(t.Context()); err != nil || time.Until(c.Expires) < 59*time.Minute || asked != 2 {
			t.Errorf("%v, asked %d", err, asked)
		}
		time.Sleep(2 * time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := r.get(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("waited longer than the caller:", err)
		}
		time.Sleep(5 * time.Second) // until the source has answered
	})
}

func TestContainer(t *testing.T) {
	f := newFixture(t)
	if w := ask(f.Container(), "GET", "/credentials"); w.Code != 404 {
		t.Errorf("before Apply: %d", w.Code)
	}
	f.apply(Config{Container: &Container{Path: "/credentials", Token: "a token", Role: "arn:aws:iam::111122223333:role/task", Source: f.source}})
	const auth = "Authorization: a token"
	w := ask(f.Container(), "GET", "/credentials", auth)
	var doc map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if w.Code != 200 || doc["AccessKeyId"] != "ASIA" || doc["RoleArn"] != "arn:aws:iam::111122223333:role/task" || doc["Expiration"] != "2026-11-23T13:00:00Z" || doc["AccountId"] != "111122223333" {
		t.Errorf("%d %v", w.Code, doc)
	}
	for _, c := range []struct {
		method, path string
		headers      []string
		want         int
	}{
		{"GET", "/credentials", nil, 401}, {"GET", "/credentials", []string{"Authorization: another"}, 401}, {"GET", "/credentials", []string{"Authorization: a token "}, 401},
		{"POST", "/credentials", []string{auth}, 405}, {"GET", "/other", []string{auth}, 404}, {"GET", "/credentials", []string{auth, "X-Forwarded-For: 1.2.3.4"}, 403},
	} {
		w := ask(f.Container(), c.method, c.path, c.headers...)
		if w.Code != c.want || !strings.Contains(w.Body.String(), `"code":`) {
			t.Errorf("%+v: %d %s", c, w.Code, w.Body)
		}
	}
	f.clock, f.err = f.clock.Add(2*time.Hour), ErrDenied
	if w := ask(f.Container(), "GET", "/credentials", auth); w.Code != 403 {
		t.Errorf("denied: %d", w.Code)
	}
	f.err = errors.New("away")
	if w := ask(f.Container(), "GET", "/credentials", auth); w.Code != 503 || strings.Contains(w.Body.String(), "away") {
		t.Errorf("away: %d %s", w.Code, w.Body)
	}
}

func TestPods(t *testing.T) {
	f := newFixture(t)
	exchanged := map[string]int{}
	f.apply(Config{Pods: &Pods{Exchange: func(_ context.Context, token string) (Credentials, error) {
		exchanged[token]++
		if token == "bad" {
			return Credentials{}, ErrDenied
		}
		return Credentials{AccessKey: "ASIA " + token, Expires: f.clock.Add(time.Hour)}, nil
	}}})
	get := func(token string) *httptest.ResponseRecorder {
		return ask(f.Pods(), "GET", "/v1/credentials", "Authorization: "+token)
	}
	for _, pod := range []string{"a", "b", "a"} {
		if w := get(pod); w.Code != 200 || !strings.Contains(w.Body.String(), `"ASIA `+pod+`"`) {
			t.Errorf("%s: %d %s", pod, w.Code, w.Body)
		}
	}
	if exchanged["a"] != 1 || exchanged["b"] != 1 {
		t.Errorf("%v", exchanged)
	}
	if w := get("bad"); w.Code != 403 {
		t.Errorf("%d", w.Code)
	}
	for token, want := range map[string]int{"": 400, strings.Repeat("x", maxPodToken+1): 400} {
		if w := get(token); w.Code != want {
			t.Errorf("%d", w.Code)
		}
	}
	if w := ask(f.Pods(), "GET", "/v1/other", "Authorization: a"); w.Code != 404 {
		t.Errorf("%d", w.Code)
	}
	if w := ask(f.Pods(), "PUT", "/v1/credentials", "Authorization: a"); w.Code != 405 {
		t.Errorf("%d", w.Code)
	}
	for i := range 2 * maxPods {
		get(strings.Repeat("t", i+1))
	}
	if n := len(f.config.Load().pods.kept); n > maxPods {
		t.Errorf("%d tokens are kept", n)
	}
}

func TestApplyRefuses(t *testing.T) {
	f := newFixture(t)
	f.instance(nil)
	for _, c := range []Config{
		{Instance: &Instance{Role: "host"}}, {Instance: &Instance{Source: f.source}}, {Instance: &Instance{Role: "a/b", Source: f.source}},
		{Container: &Container{Path: "/credentials", Source: f.source}}, {Container: &Container{Path: "credentials", Token: "t", Source: f.source}},
		{Container: &Container{Path: "/credentials", Token: "t"}}, {Pods: &Pods{}},
	} {
		if err := f.Apply(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	if w := ask(f.Instance(), "GET", "/latest/meta-data/instance-id", f.token()); w.Code != 200 {
		t.Error("a config that was refused changed something")
	}
	f.apply(Config{Container: &Container{Path: "/" + strings.Repeat("secret", 6), Source: f.source}})
	if w := ask(f.Container(), "GET", "/"+strings.Repeat("secret", 6)); w.Code != 200 {
		t.Error(w.Code)
	}
}

// TestHops looks at what the system will put into the packets of a connection.
func TestHops(t *testing.T) {
	for address, v6 := range map[string]bool{"127.0.0.1:0": false, "[::1]:0": true} {
		l, err := Listen(t.Context(), address, 1)
		if err != nil && v6 {
			t.Log("no IPv6 here:", err)
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		raw, err := conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		level, option := syscall.IPPROTO_IP, syscall.IP_TTL
		if v6 {
			level, option = syscall.IPPROTO_IPV6, syscall.IPV6_UNICAST_HOPS
		}
		if err := raw.Control(func(fd uintptr) {
			if hops, err := syscall.GetsockoptInt(int(fd), level, option); err != nil || hops != 1 {
				t.Errorf("%s: %d hops, %v", address, hops, err)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Listen(t.Context(), "127.0.0.1:0", 65); err == nil {
		t.Error("65 hops")
	}
}

// FuzzInstance sends what it will; without a token nobody reads anything.
func FuzzInstance(f *testing.F) {
	fix := newFixture(f)
	fix.instance(nil)
	f.Add("GET", "/latest/meta-data/iam/security-credentials/host", "AAAA")
	f.Add("PUT", "/latest/api/token", "60")
	f.Fuzz(func(t *testing.T, method, path, header string) {
		r := &http.Request{Method: method, Header: http.Header{headerToken: {header}}}
		r.URL = &url.URL{Path: path}
		w := httptest.NewRecorder()
		fix.Instance().ServeHTTP(w, r)
		if w.Code == 200 {
			t.Fatalf("%s %s: %s", method, path, w.Body)
		}
	})
}

func BenchmarkCredentials(b *testing.B) {
	f := newFixture(b)
	f.instance(nil)
	token := f.token()
	b.ReportAllocs()
	for b.Loop() {
		if w := ask(f.Instance(), "GET", "/latest/meta-data/iam/security-credentials/host", token); w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
