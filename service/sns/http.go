package sns

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// toHTTP posts a message to an endpoint. Redirects are not followed.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html#http-header
func (s *Service) toHTTP(ctx context.Context, d *delivery, t *topic, v *subscription, policy *delivering) error {
	l, err := s.letter(ctx, d, t, v)
	if err != nil {
		return err
	}
	raw := v.Raw && d.Kind == kindNotification
	body := []byte(l.message)
	if !raw {
		k, err := s.signerFor(ctx)
		if err != nil {
			return err
		}
		if body, err = l.body(k, s.URL()); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.Endpoint, bytes.NewReader(body))
	if err != nil {
		return errFinal
	}
	h := req.Header
	h.Set("User-Agent", "Amazon Simple Notification Service Agent")
	h.Set("Content-Type", plainText)
	h.Set("X-Amz-Sns-Message-Type", d.Kind)
	h.Set("X-Amz-Sns-Message-Id", d.MessageID)
	h.Set("X-Amz-Sns-Topic-Arn", l.topic)
	if d.Kind != kindSubscribe {
		h.Set("X-Amz-Sns-Subscription-Arn", v.arn())
	}
	if d.Kind == kindNotification {
		h.Set("Content-Type", policy.request.ContentType)
	}
	if raw {
		h.Set("X-Amz-Sns-Rawdelivery", "true")
	}
	return s.answered(req)
}

// answered sends a request and judges the answer: "Amazon SNS considers all 5XX
// errors and 429 (too many requests sent) errors as retryable. All other errors
// are considered permanent failures."
// https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html
func (s *Service) answered(req *http.Request) error {
	res, err := s.HTTP.Do(req)
	if err != nil {
		if e, ok := err.(*url.Error); ok {
			err = e.Err // the whole would show the address with its credentials
		}
		return fmt.Errorf("sns: %s does not answer: %w", req.URL.Host, err)
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	switch code := res.StatusCode; {
	case code/100 == 2:
		return err
	case code/100 == 5 || code == http.StatusTooManyRequests:
		return fmt.Errorf("sns: %s answers %d", req.URL.Host, code)
	default:
		return fmt.Errorf("%w: %s answers %d", errFinal, req.URL.Host, code)
	}
}
