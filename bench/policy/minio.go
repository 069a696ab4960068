package main

import (
	"bytes"
	"encoding/json"

	minio "github.com/minio/pkg/v3/policy"
)

type minioEngine struct {
	policy   *minio.Policy
	requests []minio.Args
}

// newMinIO reads the same document as Bartizan.
func newMinIO(statements []statement, requests []request) (engine, error) {
	text, err := json.Marshal(iamDocument(statements))
	if err != nil {
		return nil, err
	}
	e := &minioEngine{}
	if e.policy, err = minio.ParseConfig(bytes.NewReader(text)); err != nil {
		return nil, err
	}
	for _, r := range requests {
		e.requests = append(e.requests, minio.Args{
			AccountName: r.user, Action: minio.Action("s3:" + r.action), BucketName: r.bucket, ObjectName: r.object,
			ConditionValues: map[string][]string{"username": {r.user}, "SourceIp": {r.ip}},
		})
	}
	return e, nil
}

func (e *minioEngine) decide(request int) bool { return e.policy.IsAllowed(e.requests[request]) }
