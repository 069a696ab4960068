package cloudtrail_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/bartizantest"
	"bartizan.dev/server"
	"bartizan.dev/service/cloudtrail/folder"
)

// reads answers the reads of S3 that validate-logs makes, from a folder: where
// the bucket is, ListObjects and GetObject.
func reads(t *testing.T, dir string) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		switch q := r.URL.Query(); {
		case bucket != "logs":
			http.Error(w, "<Error><Code>NoSuchBucket</Code></Error>", http.StatusNotFound)
		case q.Has("location"):
			fmt.Fprint(w, `<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>`)
		case key == "":
			type content struct{ Key string }
			var out struct {
				XMLName     xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
				IsTruncated bool
				Contents    []content
			}
			err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() && d.Name() == folder.Metadata {
					return filepath.SkipDir
				}
				k := strings.TrimPrefix(path, dir+"/")
				if err == nil && !d.IsDir() && strings.HasPrefix(k, q.Get("prefix")) && k > q.Get("marker") {
					out.Contents = append(out.Contents, content{k})
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
			if err := xml.NewEncoder(w).Encode(&out); err != nil {
				t.Error(err)
			}
		default:
			body, err := os.ReadFile(filepath.Join(dir, key))
			if err != nil {
				w.WriteHeader(http.StatusNotFound)
				fmt.Fprint(w, "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>")
				return
			}
			meta := map[string]string{}
			if text, err := os.ReadFile(filepath.Join(dir, folder.Metadata, key+".json")); err == nil {
				if err := json.Unmarshal(text, &meta); err != nil {
					t.Error(err)
				}
			}
			for k, v := range meta {
				w.Header()["x-amz-meta-"+k] = []string{v} // the letters count: botocore makes the key of them
			}
			w.Write(body)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// site is a server with a trail that has been digested for some hours.
type site struct {
	*bartizantest.Server
	t        *testing.T
	dir, s3  string
	arn      string
	from, to time.Time
}

func newSite(t *testing.T) *site {
	if _, err := exec.LookPath("aws"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("the AWS CLI is missing")
		}
		t.Skip("SKIPPED: the AWS CLI is missing, so its validate-logs judges nothing here")
	}
	dir := t.TempDir()
	s := bartizantest.New(t, bartizantest.Change(func(o *server.Options) { o.TrailBuckets = map[string]string{"logs": dir} }))
	api := cloudtrailapi.Client{Door: s.Door(s.Root(), bartizantest.Region, cloudtrailapi.Operations(cloudtrailapi.Unimplemented{}))}
	ctx := t.Context()
	out, err := api.CreateTrail(ctx, &cloudtrailapi.CreateTrailRequest{Name: "main", S3BucketName: "logs", S3KeyPrefix: new("audit"), EnableLogFileValidation: new(true), IsMultiRegionTrail: new(true)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.StartLogging(ctx, &cloudtrailapi.StartLoggingRequest{Name: "main"}); err != nil {
		t.Fatal(err)
	}
	x := &site{Server: s, t: t, dir: dir, s3: reads(t, dir), arn: *out.TrailARN, from: time.Now().Add(-time.Hour)}
	for i := range 3 {
		if i != 1 {
			s.NewUser("")
		}
		last := x.status(api)
		s.Advance(5 * time.Minute)
		x.until(func() bool { return x.status(api).LatestDeliveryTime.After(last.LatestDeliveryTime) })
		s.Advance(time.Hour)
		x.until(func() bool { return x.status(api).LatestDigestDeliveryTime.After(last.LatestDigestDeliveryTime) })
	}
	x.to = time.Now().Add(5 * time.Hour)
	return x
}

func (x *site) status(api cloudtrailapi.Client) *cloudtrailapi.GetTrailStatusResponse {
	x.t.Helper()
	out, err := api.GetTrailStatus(x.t.Context(), &cloudtrailapi.GetTrailStatusRequest{Name: "main"})
	if err != nil {
		x.t.Fatal(err)
	}
	if out.LatestDeliveryError != nil || out.LatestDigestDeliveryError != nil {
		x.t.Fatalf("status %+v", out)
	}
	return out
}

// until asks again and again: the server works beside us.
func (x *site) until(done func() bool) {
	x.t.Helper()
	for end := time.Now().Add(time.Minute); !done(); {
		if time.Now().After(end) {
			x.t.Fatal("nothing is delivered")
		}
	}
}

// validate runs the AWS CLI's own command.
func (x *site) validate() (string, error) {
	ctx, cancel := context.WithTimeout(x.t.Context(), time.Minute)
	defer cancel()
	const form = "2006-01-02T15:04:05Z"
	c := exec.CommandContext(ctx, "aws", "cloudtrail", "validate-logs", "--verbose", "--trail-arn", x.arn,
		"--start-time", x.from.UTC().Format(form), "--end-time", x.to.UTC().Format(form))
	c.Env = append(os.Environ(), x.Env(x.Root())...)
	c.Env = append(c.Env, "AWS_ENDPOINT_URL_S3="+x.s3, "AWS_ENDPOINT_URL_CLOUDTRAIL="+x.URL())
	text, err := c.CombinedOutput()
	return string(text), err
}

// digests are the files of digests, the oldest first; logs those of logs.
func (x *site) files(kind string) (files []string) {
	err := filepath.WalkDir(x.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == folder.Metadata {
			return filepath.SkipDir
		}
		// What begins with a dot is being written, and is renamed when it is whole.
		if err == nil && !d.IsDir() && !strings.HasPrefix(d.Name(), ".") && strings.Contains(path, "/"+kind+"/") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		x.t.Fatal(err)
	}
	return files
}

func (x *site) metadata(file string) string {
	return filepath.Join(x.dir, folder.Metadata, strings.TrimPrefix(file, x.dir+"/")+".json")
}

// during changes a file while do runs.
func (x *site) during(file string, change func([]byte) []byte, do func()) {
	x.t.Helper()
	was, err := os.ReadFile(file)
	if err != nil {
		x.t.Fatal(err)
	}
	if is := change(was); is == nil {
		err = os.Remove(file)
	} else {
		err = os.WriteFile(file, is, 0o600)
	}
	if err != nil {
		x.t.Fatal(err)
	}
	do()
	if err := os.WriteFile(file, was, 0o600); err != nil {
		x.t.Fatal(err)
	}
}

// TestValidateLogs: the AWS CLI finds our digests valid, and says what was done
// to files.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-cli.html
func TestValidateLogs(t *testing.T) {
	x := newSite(t)
	digests, logs := x.files("CloudTrail-Digest"), x.files("CloudTrail")
	if len(digests) < 3 || len(logs) < 2 {
		t.Fatalf("digests %v, logs %v", digests, logs)
	}
	want := func(what string, err error, text string, parts ...string) {
		t.Helper()
		for _, p := range parts {
			if !strings.Contains(text, p) {
				t.Errorf("%s: no %q in\n%s%v", what, p, text, err)
			}
		}
	}
	text, err := x.validate()
	all := fmt.Sprintf("%d/%d digest files valid", len(digests), len(digests))
	want("untouched", err, text, all, "Log file\ts3://logs/"+strings.TrimPrefix(logs[0], x.dir+"/")+"\tvalid")
	if err != nil || strings.Contains(text, "INVALID") {
		t.Fatalf("%v: %s", err, text)
	}
	gone := func([]byte) []byte { return nil }
	flipped := func(b []byte) []byte {
		b = append([]byte(nil), b...)
		b[len(b)/2] ^= 1
		return b
	}
	invalid := func(what string, parts ...string) {
		t.Helper()
		text, err := x.validate()
		want(what, err, text, parts...)
		if err == nil {
			t.Errorf("%s: the command succeeds", what)
		}
	}
	x.during(logs[0], gone, func() {
		x.during(logs[1], flipped, func() {
			invalid("deleted log, flipped byte", all, "Log file\ts3://logs/"+strings.TrimPrefix(logs[0], x.dir+"/")+"\tINVALID: not found",
				"Log file\ts3://logs/"+strings.TrimPrefix(logs[1], x.dir+"/")+"\tINVALID")
		})
	})
	x.during(digests[1], gone, func() {
		invalid("missing digest", "s3://logs/"+strings.TrimPrefix(digests[1], x.dir+"/")+"\tINVALID: not found")
	})
	other, err := os.ReadFile(digests[0])
	if err != nil {
		t.Fatal(err)
	}
	signature, err := os.ReadFile(x.metadata(digests[1]))
	if err != nil {
		t.Fatal(err)
	}
	x.during(digests[2], flipped, func() {
		x.during(digests[1], func([]byte) []byte { return other }, func() {
			x.during(x.metadata(digests[0]), func([]byte) []byte { return signature }, func() {
				invalid("digests: flipped byte, swapped, another's signature", "s3://logs/"+strings.TrimPrefix(digests[2], x.dir+"/")+"\tINVALID",
					"INVALID: has been moved from its original location", "INVALID: signature verification failed", "3/3 digest files INVALID")
			})
		})
	})
}
