package analysis

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

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
