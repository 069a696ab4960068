package sns

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"slices"
	"strings"
	"time"
)

// retry is how deliveries to HTTP endpoints are tried again.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
type retry struct {
	MinDelay  int    `json:"minDelayTarget"`
	MaxDelay  int    `json:"maxDelayTarget"`
	Retries   int    `json:"numRetries"`
	AtMax     int    `json:"numMaxDelayRetries"`
	Immediate int    `json:"numNoDelayRetries"`
	AtMin     int    `json:"numMinDelayRetries"`
	Backoff   string `json:"backoffFunction"`
}

type throttle struct {
	PerSecond int `json:"maxReceivesPerSecond"`
}

type request struct {
	ContentType string `json:"headerContentType"`
}

// delivering is a delivery policy with everything filled in.
type delivering struct {
	retry     retry
	throttle  *throttle
	request   request
	overrides bool // of subscriptions are disabled
}

const plainText = "text/plain; charset=UTF-8"

func defaultDelivery() *delivering {
	return &delivering{retry: retry{MinDelay: 20, MaxDelay: 20, Retries: 3, Backoff: "linear"}, request: request{plainText}}
}

// topic is the policy in the form that GetTopicAttributes shows.
func (d *delivering) topic() string {
	type http struct {
		Retry    retry     `json:"defaultHealthyRetryPolicy"`
		Disable  bool      `json:"disableSubscriptionOverrides"`
		Throttle *throttle `json:"defaultThrottlePolicy,omitempty"`
		Request  request   `json:"defaultRequestPolicy"`
	}
	return encode(struct {
		HTTP http `json:"http"`
	}{http{d.retry, d.overrides, d.throttle, d.request}})
}

// subscription is the policy in the form that GetSubscriptionAttributes shows.
func (d *delivering) subscription() string {
	return encode(struct {
		Healthy    retry     `json:"healthyRetryPolicy"`
		Sickly     *retry    `json:"sicklyRetryPolicy"`
		Throttle   *throttle `json:"throttlePolicy"`
		Request    request   `json:"requestPolicy"`
		Guaranteed bool      `json:"guaranteed"`
	}{d.retry, nil, d.throttle, d.request, false})
}

func encode(v any) string {
	raw, _ := json.Marshal(v) // numbers and strings always encode
	return string(raw)
}

// strict reads JSON that must have no other members.
func strict(raw string, v any) error {
	d := json.NewDecoder(strings.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("it is not as it must be: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the object")
	}
	return nil
}

// parseTopicDelivery reads the DeliveryPolicy of a topic.
// https://docs.aws.amazon.com/sns/latest/dg/set-topic-attributes-delivery-policy-json.html
func parseTopicDelivery(raw string) (*delivering, error) {
	d := defaultDelivery()
	var in struct {
		HTTP struct {
			Retry    *retry    `json:"defaultHealthyRetryPolicy"`
			Disable  bool      `json:"disableSubscriptionOverrides"`
			Throttle *throttle `json:"defaultThrottlePolicy"`
			Request  *request  `json:"defaultRequestPolicy"`
		} `json:"http"`
	}
	in.HTTP.Retry, in.HTTP.Request = &d.retry, &d.request
	if err := strict(raw, &in); err != nil {
		return nil, err
	}
	return d.with(in.HTTP.Retry, in.HTTP.Throttle, in.HTTP.Request, in.HTTP.Disable)
}

// parseSubscriptionDelivery reads the DeliveryPolicy of a subscription on top of
// its topic's.
// https://docs.aws.amazon.com/sns/latest/dg/set-sub-attributes-delivery-policy-json.html
func parseSubscriptionDelivery(d delivering, raw string) (*delivering, error) {
	var in struct {
		Retry      *retry    `json:"healthyRetryPolicy"`
		Sickly     *retry    `json:"sicklyRetryPolicy"`
		Throttle   *throttle `json:"throttlePolicy"`
		Request    *request  `json:"requestPolicy"`
		Guaranteed bool      `json:"guaranteed"`
	}
	in.Retry, in.Request = &d.retry, &d.request
	if err := strict(raw, &in); err != nil {
		return nil, err
	}
	if in.Sickly != nil || in.Guaranteed {
		return nil, errors.New("sicklyRetryPolicy and guaranteed are not supported")
	}
	if in.Throttle == nil {
		in.Throttle = d.throttle
	}
	return d.with(in.Retry, in.Throttle, in.Request, d.overrides)
}

// with checks what was read. null stands for what was there before.
func (d *delivering) with(r *retry, t *throttle, q *request, overrides bool) (*delivering, error) {
	if r != nil {
		d.retry = *r
	}
	if q != nil {
		d.request = *q
	}
	d.throttle, d.overrides = t, overrides
	if t != nil && t.PerSecond < 1 {
		return nil, errors.New("maxReceivesPerSecond must be 1 or more")
	}
	kind, params, err := mime.ParseMediaType(d.request.ContentType)
	if err != nil || !slices.Contains(contentTypes, kind) || len(params) > 1 || len(params) == 1 && !strings.EqualFold(params["charset"], "utf-8") {
		return nil, fmt.Errorf("headerContentType must be one of %s", strings.Join(contentTypes, ", "))
	}
	return d, d.retry.check()
}

// contentTypes are those that endpoints can get.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html#creating-delivery-policy
var contentTypes = []string{"application/atom+xml", "application/json", "application/octet-stream", "application/soap+xml", "application/x-www-form-urlencoded",
	"application/xhtml+xml", "application/xml", "text/css", "text/csv", "text/html", "text/plain", "text/xml"}

var backoffs = []string{"arithmetic", "exponential", "geometric", "linear"}

func (r *retry) check() error {
	switch {
	case r.MinDelay < 1 || r.MinDelay > r.MaxDelay:
		return errors.New("minDelayTarget must be from 1 to maxDelayTarget")
	case r.MaxDelay > 3600:
		return errors.New("maxDelayTarget must be at most 3600")
	case r.Retries < 0 || r.Retries > 100:
		return errors.New("numRetries must be from 0 to 100")
	case r.Immediate < 0 || r.AtMin < 0 || r.AtMax < 0 || r.Immediate > r.Retries || r.AtMin > r.Retries || r.AtMax > r.Retries || r.Immediate+r.AtMin+r.AtMax > r.Retries:
		return errors.New("numNoDelayRetries, numMinDelayRetries and numMaxDelayRetries must be no more than numRetries together")
	case !slices.Contains(backoffs, r.Backoff):
		return fmt.Errorf("backoffFunction must be one of %s", strings.Join(backoffs, ", "))
	}
	var all time.Duration
	for i := range r.Retries {
		all += r.delay(i)
	}
	// "The total policy retry time for an HTTP/S endpoint can't be greater than
	// 3,600 seconds."
	if all > time.Hour {
		return errors.New("the retries must not take more than 3600 seconds together")
	}
	return nil
}

// delay is how long to wait before retry i, which counts from 0.
func (r *retry) delay(i int) time.Duration {
	low, high := float64(r.MinDelay), float64(r.MaxDelay)
	backing := r.Retries - r.Immediate - r.AtMin - r.AtMax
	seconds := high
	switch k := i - r.Immediate - r.AtMin; {
	case i < r.Immediate:
		seconds = 0
	case k < 0:
		seconds = low
	case k < backing:
		x := 0.0 // how far it is through the phase
		if backing > 1 {
			x = float64(k) / float64(backing-1)
		}
		seconds = grow(r.Backoff, low, high, x)
	}
	return time.Duration(seconds * float64(time.Second))
}

// grow goes from low to high: steadily, ever faster, by a constant factor, or
// fastest at the end. AWS shows the curves and gives no formulas.
func grow(function string, low, high, x float64) float64 {
	switch function {
	case "arithmetic":
		return low + (high-low)*(x*x+x)/2
	case "geometric":
		return low * math.Pow(high/low, x)
	case "exponential":
		return low + (high-low)*(math.Pow(2, 10*x)-1)/1023
	}
	return low + (high-low)*x
}

// topicDelivery is the policy of a topic.
func topicDelivery(t *topic) (*delivering, error) {
	if t.Delivery == "" {
		return defaultDelivery(), nil
	}
	return parseTopicDelivery(t.Delivery)
}

// delivery is the policy that a subscription is delivered by.
func (v *subscription) delivery(t *topic) (*delivering, error) {
	d, err := topicDelivery(t)
	if err != nil || v.Delivery == "" || d.overrides {
		return d, err
	}
	return parseSubscriptionDelivery(*d, v.Delivery)
}
