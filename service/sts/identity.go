package sts

import (
	"context"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/wire"
)

// GetCallerIdentity tells who is calling.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func (s *Service) GetCallerIdentity(ctx context.Context, _ *stsapi.GetCallerIdentityRequest) (*stsapi.GetCallerIdentityResponse, error) {
	id := &caller.From(ctx).Identity
	return &stsapi.GetCallerIdentityResponse{Account: &id.Account, Arn: &id.ARN, UserId: &id.ID}, nil
}

// GetAccessKeyInfo reads the account out of an access key id, of any account
// and whether or not the key exists.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html
func (s *Service) GetAccessKeyInfo(_ context.Context, in *stsapi.GetAccessKeyInfoRequest) (*stsapi.GetAccessKeyInfoResponse, error) {
	account := caller.AccountOf(in.AccessKeyId)
	if account == "" {
		return nil, wire.Errorf("ValidationError", "The access key ID provided is not valid.")
	}
	return &stsapi.GetAccessKeyInfoResponse{Account: &account}, nil
}

// DecodeAuthorizationMessage opens the message of an UnauthorizedOperation
// error.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
func (s *Service) DecodeAuthorizationMessage(_ context.Context, in *stsapi.DecodeAuthorizationMessageRequest) (*stsapi.DecodeAuthorizationMessageResponse, error) {
	plain, err := s.Tokens.decodeDenial(in.EncodedMessage)
	if err != nil {
		return nil, wire.Errorf("InvalidAuthorizationMessageException", "Message is not valid").With(err)
	}
	return &stsapi.DecodeAuthorizationMessageResponse{DecodedMessage: new(string(plain))}, nil
}
