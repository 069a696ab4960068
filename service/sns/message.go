package sns

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// The types of messages, as endpoints see them.
const (
	kindNotification = "Notification"
	kindSubscribe    = "SubscriptionConfirmation"
	kindUnsubscribe  = "UnsubscribeConfirmation"
)

// version is the API's, which names the service in calls without a signature.
const version = "2010-03-31"

// letter is a message for one endpoint, before it is written.
type letter struct {
	kind, id, topic string
	token           string // of a confirmation
	subject         *string
	message         string
	subscribe       string // URL of a confirmation
	unsubscribe     string // URL of a notification
	at              time.Time
	attributes      []attribute
	version         string // of the signature
}

func (s *Service) confirmURL(topic, token string) string {
	return s.URL() + "/?Action=ConfirmSubscription&TopicArn=" + query(topic) + "&Token=" + token + "&Version=" + version
}

func (s *Service) unsubscribeURL(subscription string) string {
	return s.URL() + "/?Action=Unsubscribe&SubscriptionArn=" + query(subscription) + "&Version=" + version
}

// query escapes a value and leaves colons, as AWS does.
func query(v string) string { return strings.ReplaceAll(url.QueryEscape(v), "%3A", ":") }

// timestamp is a time as messages have it.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// signed is the string that is signed: names and values, each with a line break,
// in the order of the names.
// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
func (l *letter) signed() string {
	var b strings.Builder
	line := func(name, value string) { b.WriteString(name + "\n" + value + "\n") }
	line("Message", l.message)
	line("MessageId", l.id)
	if l.kind == kindNotification {
		if l.subject != nil {
			line("Subject", *l.subject)
		}
		line("Timestamp", timestamp(l.at))
	} else {
		line("SubscribeURL", l.subscribe)
		line("Timestamp", timestamp(l.at))
		line("Token", l.token)
	}
	line("TopicArn", l.topic)
	line("Type", l.kind)
	return b.String()
}

// writer writes a JSON object as SNS does: a member on each line.
type writer struct {
	bytes.Buffer
	indent string
}

func (w *writer) member(name, value string) {
	w.open(name)
	w.Write(quoted(value))
}

func (w *writer) open(name string) {
	if w.Len() == 0 || bytes.HasSuffix(w.Bytes(), []byte("{")) {
		w.WriteString("\n" + w.indent)
	} else {
		w.WriteString(",\n" + w.indent)
	}
	w.Write(quoted(name))
	w.WriteString(" : ")
}

// quoted leaves < > & as they are.
func quoted(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// body is the message as JSON, signed.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
func (l *letter) body(k *signer, base string) ([]byte, error) {
	signature, err := k.sign(l.version, l.signed())
	if err != nil {
		return nil, err
	}
	w := &writer{indent: "  "}
	w.WriteByte('{')
	w.member("Type", l.kind)
	w.member("MessageId", l.id)
	if l.kind != kindNotification {
		w.member("Token", l.token)
	}
	w.member("TopicArn", l.topic)
	if l.subject != nil {
		w.member("Subject", *l.subject)
	}
	w.member("Message", l.message)
	if l.kind != kindNotification {
		w.member("SubscribeURL", l.subscribe)
	}
	w.member("Timestamp", timestamp(l.at))
	w.member("SignatureVersion", l.version)
	w.member("Signature", signature)
	w.member("SigningCertURL", base+k.path)
	if l.kind == kindNotification {
		w.member("UnsubscribeURL", l.unsubscribe)
	}
	if len(l.attributes) > 0 {
		w.open("MessageAttributes")
		w.WriteByte('{')
		w.indent = "    "
		for _, a := range l.attributes {
			w.open(a.Name)
			w.WriteString(`{"Type":`)
			w.Write(quoted(a.Type))
			w.WriteString(`,"Value":`)
			w.Write(quoted(a.Value))
			w.WriteByte('}')
		}
		w.WriteString("\n  }")
	}
	w.WriteString("\n}")
	return w.Bytes(), nil
}
