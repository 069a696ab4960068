package sns

import (
	"bytes"
	"context"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"time"
)

// toEmail sends a message by e-mail: its text, or all of it as JSON.
// https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html
func (s *Service) toEmail(ctx context.Context, d *delivery, t *topic, v *subscription) error {
	if s.Mail == nil {
		return fmt.Errorf("sns: the server was started without --smtp")
	}
	l, err := s.letter(ctx, d, t, v)
	if err != nil {
		return err
	}
	subject, text, err := s.mailText(ctx, l, v)
	if err != nil {
		return err
	}
	display := t.Display
	if display == "" {
		display = "AWS Notifications"
	}
	raw, err := compose(mail.Address{Name: display, Address: s.Mail.From()}, v.Endpoint, subject, l.id, text, d.Time)
	if err != nil {
		return err
	}
	if err := s.Mail.Send(ctx, v.Endpoint, raw); s.Mail.Permanent(err) {
		return fmt.Errorf("%w: %w", errFinal, err)
	} else if err != nil {
		return err
	}
	return nil
}

// mailText is the subject and the text of an e-mail.
func (s *Service) mailText(ctx context.Context, l *letter, v *subscription) (subject, text string, err error) {
	subject = "AWS Notification Message"
	switch {
	case l.kind == kindSubscribe:
		subject = "AWS Notification - Subscription Confirmation"
	case l.kind == kindUnsubscribe:
		subject = "AWS Notification - Unsubscribe Confirmation"
	case l.subject != nil:
		subject = *l.subject
	}
	if v.Protocol == "email-json" {
		k, err := s.signerFor(ctx)
		if err != nil {
			return "", "", err
		}
		raw, err := l.body(k, s.URL())
		return subject, string(raw), err
	}
	switch l.kind {
	case kindSubscribe:
		text = "You have chosen to subscribe to the topic: \n" + l.topic + "\n\nTo confirm this subscription, visit the link below (If this was in error no action is necessary): \n" + l.subscribe + "\n"
	case kindUnsubscribe:
		text = "Your subscription to the topic below has been deactivated: \n" + l.topic + "\n\nIf this was in error, visit the link below to restore it: \n" + l.subscribe + "\n"
	default:
		text = l.message + "\n\n--\nIf you wish to stop receiving notifications from this topic, please visit the link below to unsubscribe:\n" + l.unsubscribe + "\n\nPlease do not reply directly to this email.\n"
	}
	return subject, text, nil
}

// compose writes an e-mail (RFC 5322, RFC 2045). No value can hold a line break:
// addresses are parsed, subjects checked, and names encoded.
func compose(from mail.Address, to, subject, id, text string, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	for _, h := range [][2]string{
		{"From", from.String()}, {"To", (&mail.Address{Address: to}).String()}, {"Subject", mime.QEncoding.Encode("utf-8", subject)},
		{"Date", at.Format(time.RFC1123Z)}, {"Message-ID", "<" + id + "@sns.bartizan>"}, {"Auto-Submitted", "auto-generated"}, {"MIME-Version", "1.0"},
		{"Content-Type", plainText}, {"Content-Transfer-Encoding", "quoted-printable"},
	} {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		return nil, err
	}
	return b.Bytes(), w.Close()
}
