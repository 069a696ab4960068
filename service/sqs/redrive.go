package sqs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bartizan.dev/store"
)

func (r *redrive) String() string {
	target, _ := json.Marshal(r.Target) // a string always encodes
	return fmt.Sprintf(`{"deadLetterTargetArn":%s,"maxReceiveCount":%d}`, target, r.Max)
}

func badRedrive(value, reason string) error {
	return invalid("Value %s for parameter RedrivePolicy is invalid. Reason: %s", value, reason)
}

// checkRedrive reads a RedrivePolicy. maxReceiveCount may be a number or a string.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
func (s *Service) checkRedrive(ctx context.Context, tx store.Tx, q *queue, value string) (*redrive, error) {
	if value == "" {
		return nil, nil
	}
	var in struct {
		Target *string         `json:"deadLetterTargetArn"`
		Max    json.RawMessage `json:"maxReceiveCount"`
	}
	if json.Unmarshal([]byte(value), &in) != nil {
		return nil, badRedrive(value, "Redrive policy is not a valid JSON map.")
	}
	if in.Target == nil || in.Max == nil {
		return nil, badRedrive(value, "Redrive policy must contain deadLetterTargetArn and maxReceiveCount.")
	}
	n, err := strconv.Atoi(strings.Trim(string(in.Max), `"`))
	if err != nil || n < 1 || n > 1000 {
		return nil, badRedrive(value, "Invalid value for maxReceiveCount: "+string(in.Max)+", valid values are from 1 to 1000 both inclusive.")
	}
	p, ok := placeOfARN(*in.Target)
	if !ok || p.home() != q.Place.home() || p == q.Place {
		return nil, badRedrive(value, "Invalid value for deadLetterTargetArn.")
	}
	dead, err := s.queues.Get(ctx, tx, p.key())
	if errors.Is(err, store.ErrNotFound) {
		return nil, badRedrive(value, "Dead letter target does not exist.")
	} else if err != nil {
		return nil, err
	}
	if dead.Allow != "" {
		a, err := parseAllow(dead.Allow)
		if err != nil {
			return nil, err
		}
		if a.Permission == "denyAll" || a.Permission == "byQueue" && !slices.Contains(a.Sources, q.Place.arn()) {
			return nil, badRedrive(value, "The dead-letter queue does not allow this source queue.")
		}
	}
	return &redrive{*in.Target, n}, nil
}

// allow is a RedriveAllowPolicy.
type allow struct {
	Permission string   `json:"redrivePermission"`
	Sources    []string `json:"sourceQueueArns"`
}

func parseAllow(value string) (*allow, error) {
	a := new(allow)
	err := json.Unmarshal([]byte(value), a)
	if err != nil || !slices.Contains([]string{"allowAll", "denyAll", "byQueue"}, a.Permission) || (a.Permission == "byQueue") != (len(a.Sources) > 0) || len(a.Sources) > 10 {
		return nil, badAttribute("RedriveAllowPolicy")
	}
	return a, nil
}
