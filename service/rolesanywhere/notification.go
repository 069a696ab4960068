package rolesanywhere

import (
	"context"
	"maps"

	rolesapi "bartizan.dev/api/rolesanywhere"
	"bartizan.dev/store"
)

// defaultThreshold is how many days before an end AWS notifies.
// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/customize-notification-settings.html
const defaultThreshold = 45

// events are the notification events, in the order of answers.
var events = [...]rolesapi.NotificationEvent{
	rolesapi.NotificationEvent_CA_CERTIFICATE_EXPIRY, rolesapi.NotificationEvent_END_ENTITY_CERTIFICATE_EXPIRY,
}

// notifications adds customized settings to those that are there. There is one
// channel, ALL, which is also the default.
func notifications(old map[string]notification, add []rolesapi.NotificationSetting) (map[string]notification, error) {
	if len(add) == 0 {
		return old, nil
	}
	out := maps.Clone(old)
	if out == nil {
		out = map[string]notification{}
	}
	seen := map[rolesapi.NotificationEvent]bool{}
	for _, n := range add {
		if seen[n.Event] {
			return nil, invalid("Duplicate notification setting for event %s and channel %s", n.Event, channelOf(n.Channel))
		}
		seen[n.Event] = true
		if n.Enabled && n.Threshold == nil {
			return nil, invalid("Threshold is required for a notification setting that is enabled")
		}
		setting := notification{Enabled: n.Enabled}
		if n.Threshold != nil {
			setting.Threshold = *n.Threshold
		}
		out[string(n.Event)] = setting
	}
	return out, nil
}

func channelOf(c rolesapi.NotificationChannel) rolesapi.NotificationChannel {
	if c == "" {
		return rolesapi.NotificationChannel_ALL
	}
	return c
}

// notificationDetails are the settings in force: customized ones, and AWS's
// default for the other events.
func (a *anchor) notificationDetails() []rolesapi.NotificationSettingDetail {
	var out []rolesapi.NotificationSettingDetail
	for _, event := range events {
		d := rolesapi.NotificationSettingDetail{
			Enabled: true, Event: event, Threshold: new(int32(defaultThreshold)),
			Channel: rolesapi.NotificationChannel_ALL, ConfiguredBy: new(principal),
		}
		if n, ok := a.Notifications[string(event)]; ok {
			d.Enabled, d.Threshold, d.ConfiguredBy = n.Enabled, nil, new(a.Account)
			if n.Threshold > 0 {
				d.Threshold = new(n.Threshold)
			}
		}
		out = append(out, d)
	}
	return out
}

// PutNotificationSettings customizes settings of a trust anchor.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_PutNotificationSettings.html
func (s *Service) PutNotificationSettings(ctx context.Context, in *rolesapi.PutNotificationSettingsRequest) (*rolesapi.PutNotificationSettingsResponse, error) {
	a, err := s.anchors.change(ctx, s, in.TrustAnchorId, func(_ store.Tx, a *anchor) (err error) {
		a.Notifications, err = notifications(a.Notifications, in.NotificationSettings)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &rolesapi.PutNotificationSettingsResponse{TrustAnchor: s.anchorDetail(a)}, nil
}

// ResetNotificationSettings goes back to AWS's defaults.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_ResetNotificationSettings.html
func (s *Service) ResetNotificationSettings(ctx context.Context, in *rolesapi.ResetNotificationSettingsRequest) (*rolesapi.ResetNotificationSettingsResponse, error) {
	a, err := s.anchors.change(ctx, s, in.TrustAnchorId, func(_ store.Tx, a *anchor) error {
		for _, key := range in.NotificationSettingKeys {
			if channelOf(key.Channel) == rolesapi.NotificationChannel_ALL {
				delete(a.Notifications, string(key.Event))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &rolesapi.ResetNotificationSettingsResponse{TrustAnchor: s.anchorDetail(a)}, nil
}
