package cloudtrail

import (
	"context"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/wire"
)

// ListPublicKeys returns the public keys that were valid in a time, now without
// one: those of the account in the Region, if it has digests there.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListPublicKeys.html
func (s *Service) ListPublicKeys(ctx context.Context, in *cloudtrailapi.ListPublicKeysRequest) (*cloudtrailapi.ListPublicKeysResponse, error) {
	if err := noToken(in.NextToken); err != nil {
		return nil, err
	}
	start, end := in.StartTime, in.EndTime
	if end.IsZero() {
		end = s.Clock.Now()
	}
	if start.IsZero() {
		start = end
	}
	if end.Before(start) {
		return nil, wire.Errorf("InvalidTimeRangeException", "Invalid time range: the end time must not be before the start time.")
	}
	list, err := s.keys.List(ctx, s.Store, keyPrefix(placeOf(ctx)), "", 0)
	if err != nil {
		return nil, err
	}
	out := &cloudtrailapi.ListPublicKeysResponse{PublicKeyList: []cloudtrailapi.PublicKey{}}
	for _, e := range list {
		if k := e.Value; !k.From.After(end) && !k.To.Before(start) {
			out.PublicKeyList = append(out.PublicKeyList, cloudtrailapi.PublicKey{
				Value: k.Public, ValidityStartTime: k.From, ValidityEndTime: k.To, Fingerprint: &k.Fingerprint,
			})
		}
	}
	return out, nil
}
