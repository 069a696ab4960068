package sns

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	snsapi "bartizan.dev/api/sns"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// maxPage is how many are on a page.
const maxPage = 100

// from reads a NextToken: the last id of the page before, behind a letter. It is
// no secret and gives no rights.
func from(token *string) (string, error) {
	if text(token) == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(*token)
	if err != nil || len(raw) < 2 || raw[0] != 'T' || strings.ContainsRune(string(raw), 0) {
		return "", errPage
	}
	return string(raw[1:]), nil
}

func next(id string) *string { return new(base64.RawURLEncoding.EncodeToString([]byte("T" + id))) }

// CreateTopic makes a topic, or answers the one that is there as asked for.
// https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
func (s *Service) CreateTopic(ctx context.Context, in *snsapi.CreateTopicInput) (*snsapi.CreateTopicResponse, error) {
	c := caller.From(ctx)
	t := &topic{Place: place{c.Identity.Account, c.Region, in.Name}}
	if err := checkFIFO(in); err != nil {
		return nil, err
	}
	if !goodName(in.Name) {
		return nil, invalid("Topic Name")
	}
	if text(in.DataProtectionPolicy) != "" {
		return nil, invalid("DataProtectionPolicy Reason: Bartizan does not look for personal data in messages")
	}
	for _, name := range slices.Sorted(maps.Keys(in.Attributes)) {
		if err := s.setTopic(ctx, t, name, in.Attributes[name]); err != nil {
			return nil, err
		}
	}
	var err error
	if t.Tags, err = addTags(nil, in.Tags); err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		old, err := s.topics.Get(ctx, tx, t.Place.key())
		if err == nil {
			return sameTopic(old, t, in)
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err := s.count(ctx, tx, t.Place, 1); err != nil {
			return err
		}
		return s.topics.Insert(ctx, tx, t.Place.key(), t)
	})
	if err != nil {
		return nil, err
	}
	return &snsapi.CreateTopicResponse{TopicArn: new(t.Place.arn())}, nil
}

// checkFIFO: FIFO topics deliver to SQS queues and nothing else.
func checkFIFO(in *snsapi.CreateTopicInput) error {
	fifo, err := strconv.ParseBool(in.Attributes["FifoTopic"])
	if _, set := in.Attributes["FifoTopic"]; set && err != nil {
		return invalid("FifoTopic")
	}
	if fifo {
		return invalid("FifoTopic Reason: Bartizan has no FIFO topics: it delivers in no fixed order")
	}
	return nil
}

// goodName: "Topic names must be made up of only uppercase and lowercase ASCII
// letters, numbers, underscores, and hyphens, and must be between 1 and 256
// characters long."
func goodName(name string) bool {
	return name != "" && len(name) <= 256 && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-')
	})
}

// sameTopic: what is asked for must be what is there.
func sameTopic(old, t *topic, in *snsapi.CreateTopicInput) error {
	for name := range in.Attributes {
		same := true
		switch name {
		case "DisplayName":
			same = old.Display == t.Display
		case "Policy":
			same = old.Policy == t.Policy
		case "DeliveryPolicy":
			same = old.Delivery == t.Delivery
		case "KmsMasterKeyId":
			same = old.Key == t.Key
		case "SignatureVersion":
			same = old.SignatureVersion == t.SignatureVersion
		case "TracingConfig":
			same = old.Tracing == t.Tracing
		}
		if !same {
			return invalid("Attributes Reason: Topic already exists with different attributes")
		}
	}
	byKey := func(a, b tag) int { return strings.Compare(a.Key, b.Key) }
	if len(t.Tags) > 0 && !slices.Equal(slices.SortedFunc(slices.Values(old.Tags), byKey), slices.SortedFunc(slices.Values(t.Tags), byKey)) {
		return invalid("Tags Reason: Topic already exists with different tags")
	}
	return nil
}

// DeleteTopic deletes a topic and its subscriptions; one that is not there is no
// error.
// https://docs.aws.amazon.com/sns/latest/api/API_DeleteTopic.html
func (s *Service) DeleteTopic(ctx context.Context, in *snsapi.DeleteTopicInput) (*snsapi.DeleteTopicOutput, error) {
	p, err := topicPlace(ctx, in.TopicArn, "TopicArn")
	if err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.topics.Get(ctx, tx, p.key()); errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
			return nil
		} else if err != nil {
			return err
		}
		if err := s.count(ctx, tx, p, -1); err != nil {
			return err
		}
		all, err := s.subscriptions.List(ctx, tx, p.key()+"/", "", 0)
		if err != nil {
			return err
		}
		for _, e := range all {
			if err := s.subscriptions.Delete(ctx, tx, e.ID); err != nil {
				return err
			}
			if err := s.queue.Cancel(ctx, tx, jobExpire, e.ID); err != nil {
				return err
			}
		}
		return s.topics.Delete(ctx, tx, p.key())
	})
	if err != nil {
		return nil, err
	}
	return &snsapi.DeleteTopicOutput{}, nil
}

// count keeps the number of topics of an account in a Region.
func (s *Service) count(ctx context.Context, tx store.Tx, p place, more int) error {
	c, err := s.counts.Get(ctx, tx, p.home())
	if errors.Is(err, store.ErrNotFound) {
		c = new(counter)
	} else if err != nil {
		return err
	}
	if c.Topics += more; more > 0 && c.Topics > s.Quotas.Topics {
		return errTopics
	}
	return s.counts.Put(ctx, tx, p.home(), c)
}

// ListTopics lists the account's topics.
// https://docs.aws.amazon.com/sns/latest/api/API_ListTopics.html
func (s *Service) ListTopics(ctx context.Context, in *snsapi.ListTopicsInput) (*snsapi.ListTopicsResponse, error) {
	c := caller.From(ctx)
	after, err := from(in.NextToken)
	if err != nil {
		return nil, err
	}
	home := place{c.Identity.Account, c.Region, ""}.home()
	if after != "" {
		after = home + after
	}
	found, err := s.topics.List(ctx, s.Store, home, after, maxPage+1)
	if err != nil {
		return nil, err
	}
	out := &snsapi.ListTopicsResponse{Topics: []snsapi.Topic{}}
	if len(found) > maxPage {
		found = found[:maxPage]
		out.NextToken = next(found[maxPage-1].Value.Place.Name)
	}
	for _, e := range found {
		out.Topics = append(out.Topics, snsapi.Topic{TopicArn: new(e.Value.Place.arn())})
	}
	return out, nil
}
