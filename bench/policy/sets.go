package main

import "fmt"

// statement is one statement of the set, from which each engine's own form is
// made: effect, action, resources that begin with prefix, and a condition.
type statement struct {
	deny      bool
	action    string // of S3, without the service
	bucket    string
	folder    string // objects below it
	condition condition
	user      string // value of the condition
}

type condition int

const (
	always   condition = iota
	equals             // aws:username is alice or the statement's user
	like               // aws:username begins with al
	internal           // aws:SourceIp is in 10.0.0.0/8
)

// prefix is what the ARNs of the statement's resources begin with.
func (s statement) prefix() string { return "arn:aws:s3:::" + s.bucket + "/" + s.folder + "/" }

// request is one question with the right answer.
type request struct {
	action, bucket, object string
	user, ip               string
	allowed                bool
}

func (r request) resource() string { return "arn:aws:s3:::" + r.bucket + "/" + r.object }

// actions are those that MinIO knows as well. Their number has no factor in
// common with the other periods of makeStatements.
var actions = []string{
	"GetObject", "PutObject", "DeleteObject", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging", "AbortMultipartUpload",
}

// makeStatements makes n statements. Each allows one action on one folder; each
// tenth denies a part of what the one before it allows.
func makeStatements(n int) []statement {
	out := make([]statement, n)
	for i := range out {
		s := statement{
			action: actions[i%len(actions)], bucket: bucket(i), folder: "data",
			condition: condition(i % 4), user: fmt.Sprintf("user-%05d", i),
		}
		if i%10 == 9 {
			s = out[i-1]
			s.deny, s.folder, s.condition = true, "data/secret", like
		}
		out[i] = s
	}
	return out
}

func bucket(i int) string { return fmt.Sprintf("bucket-%05d", i) }

// makeRequests makes requests that touch the beginning, the middle and the end
// of n statements, and some that touch none.
func makeRequests(n int) []request {
	var out []request
	for _, i := range []int{0, 1, 2, 3, n/2 + 1, n/2 + 2, n/2 + 3, n - 4, n - 3, n - 2} {
		ok := request{action: actions[i%len(actions)], bucket: bucket(i), object: "data/report.txt", user: "alice", ip: "10.1.2.3", allowed: true}
		stranger := ok
		stranger.user, stranger.ip, stranger.allowed = "bob", "192.0.2.1", i%4 == int(always)
		secret := ok
		secret.object, secret.allowed = "data/secret/key.pem", i%10 != 8
		elsewhere := ok
		elsewhere.object, elsewhere.allowed = "other/report.txt", false
		other := ok
		other.action, other.allowed = actions[(i+1)%len(actions)], false
		out = append(out, ok, stranger, secret, elsewhere, other)
	}
	return append(out, request{action: "GetObject", bucket: "nobody", object: "data/report.txt", user: "alice", ip: "10.1.2.3"})
}
