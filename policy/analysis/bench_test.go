//go:build unix

package analysis

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"bartizan.dev/policy"
)

// large makes a policy as close to size characters as its statements allow,
// as organisations write them: many statements, lists, wildcards and conditions.
func large(t testing.TB, seed uint64, typ policy.Type, size int) *policy.Document {
	w := world{rand.New(rand.NewPCG(seed, 5))}
	services := []string{"s3", "kms", "sqs", "dynamodb", "ec2", "secretsmanager", "logs", "lambda"}
	verbs := []string{"Get*", "List*", "Describe*", "Put*", "GetItem", "PutItem", "DeleteItem", "Create*", "UpdateThing", "*", "Tag*", "*Policy"}
	var list []any
	length := 50
	for n := 0; ; n++ {
		svc := pick(w, services...)
		var actions, resources []string
		for range 1 + w.IntN(5) {
			actions = append(actions, svc+":"+pick(w, verbs...))
		}
		for range 1 + w.IntN(4) {
			resources = append(resources, fmt.Sprintf("arn:aws:%s:%s:%s:thing/%s", svc, pick(w, "*", "eu-west-1", "us-east-1"), pick(w, "*", "111122223333", "444455556666"),
				pick(w, "*", fmt.Sprintf("team-%d/*", w.IntN(9)), fmt.Sprintf("app-%d-*-log", w.IntN(9)), fmt.Sprintf("x%d", w.IntN(99)), "*-prod", "*/secret/*")))
		}
		s := map[string]any{"Effect": pick(w, "Allow", "Allow", "Allow", "Allow", "Deny"), "Action": actions, "Resource": resources, "Sid": fmt.Sprintf("S%d", n)}
		if w.chance(60) {
			s["Condition"] = pick(w,
				map[string]any{"Bool": map[string]any{"aws:SecureTransport": "true"}},
				map[string]any{"StringEquals": map[string]any{"aws:PrincipalTag/team": fmt.Sprintf("t%d", w.IntN(5)), "aws:RequestedRegion": []string{"eu-west-1", "eu-central-1"}}},
				map[string]any{"IpAddress": map[string]any{"aws:SourceIp": []string{"10.0.0.0/8", fmt.Sprintf("203.0.%d.0/24", w.IntN(200))}}},
				map[string]any{"StringLike": map[string]any{"aws:PrincipalArn": fmt.Sprintf("arn:aws:iam::*:role/team-%d-*", w.IntN(5))}},
				map[string]any{"ForAllValues:StringEquals": map[string]any{"aws:TagKeys": []string{"team", "stage", fmt.Sprintf("k%d", w.IntN(4))}}},
				map[string]any{"StringNotEquals": map[string]any{"aws:SourceVpce": fmt.Sprintf("vpce-%d", w.IntN(20))}, "NumericLessThan": map[string]any{"s3:max-keys": fmt.Sprint(w.IntN(50))}},
				map[string]any{"DateLessThan": map[string]any{"aws:CurrentTime": fmt.Sprintf("2027-0%d-01T00:00:00Z", 1+w.IntN(9))}},
			)
		}
		if typ == policy.Resource {
			var names []string
			for range 1 + w.IntN(4) {
				names = append(names, fmt.Sprintf("arn:aws:iam::%012d:role/team-%d-deploy", 100000000000+w.IntN(12), w.IntN(9)))
			}
			s["Principal"] = map[string]any{"AWS": names}
			if w.chance(25) {
				s["Principal"] = "*"
			}
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if length += len(b) + 1; length > size {
			return marshal(t, list)
		}
		list = append(list, s)
	}
}

// changed returns the policy with statements in another order and one small
// change, most of the time none that grants more.
func changed(d *policy.Document, seed uint64) *policy.Document {
	w := world{rand.New(rand.NewPCG(seed, 11))}
	c := clone(d)
	w.Shuffle(len(c.Statements), func(i, j int) { c.Statements[i], c.Statements[j] = c.Statements[j], c.Statements[i] })
	i := w.IntN(len(c.Statements))
	switch s := &c.Statements[i]; w.IntN(4) {
	case 0:
		s.Resource = append(s.Resource, "arn:aws:s3:::new/*")
	case 1:
		s.Action = s.Action[:1]
	case 2:
		s.Condition = nil
	default:
		if s.Effect == policy.Allow {
			c.Statements = slices.Delete(c.Statements, i, i+1)
		}
	}
	return c
}

var sizes = []struct {
	name string
	typ  policy.Type
	size int
}{{"managed", policy.Identity, 6144}, {"resource", policy.Resource, 20480}}

// BenchmarkNoNewAccess compares policies of AWS's greatest sizes and reports
// the 99th percentile of the time of one comparison, and of the processor time
// of it, which other programs disturb less.
func BenchmarkNoNewAccess(b *testing.B) {
	for _, size := range sizes {
		for _, kind := range []string{"changed", "unrelated"} {
			b.Run(size.name+"/"+kind, func(b *testing.B) {
				var took, used []time.Duration
				var complex int
				for i := uint64(0); b.Loop(); i++ {
					b.StopTimer()
					old := large(b, i%100, size.typ, size.size)
					updated := changed(old, i)
					if kind == "unrelated" {
						updated = large(b, 1000+i, size.typ, size.size)
					}
					b.StartTimer()
					began, before := time.Now(), processor()
					_, err := known.NoNewAccess([]*policy.Document{old}, []*policy.Document{updated}, size.typ)
					took, used = append(took, time.Since(began)), append(used, processor()-before)
					if errors.Is(err, ErrTooComplex) {
						complex++
					} else if err != nil {
						b.Fatal(err)
					}
				}
				for name, list := range map[string][]time.Duration{"p99-ms": took, "p99-cpu-ms": used} {
					slices.Sort(list)
					b.ReportMetric(float64(list[len(list)*99/100].Microseconds())/1000, name)
				}
				b.ReportMetric(float64(complex), "complex")
			})
		}
	}
}

// processor returns the processor time that this program has used.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkPublic(b *testing.B) {
	d := large(b, 1, policy.Resource, 20480)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := known.Public(d, "AWS::S3::Bucket"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNotGranted(b *testing.B) {
	d := large(b, 1, policy.Identity, 6144)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := known.NotGranted(d, policy.Identity, []string{"iam:PassRole", "kms:Decrypt"}, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAccess(b *testing.B) {
	d := large(b, 1, policy.Resource, 20480)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := known.Access(d, Zone{Accounts: []string{"100000000001"}, Organization: "o-1"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMinimise(b *testing.B) {
	d := large(b, 1, policy.Identity, 6144)
	for b.Loop() {
		if _, _, err := known.Minimise(d, policy.Identity); err != nil {
			b.Fatal(err)
		}
	}
}
