package iam

import (
	"context"
	"errors"
	"slices"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/store"
)

// ListServiceSpecificCredentials lists the credentials of a user, or of all
// users of the account, without their secrets.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListServiceSpecificCredentials.html
func (s *Service) ListServiceSpecificCredentials(ctx context.Context, in *iamapi.ListServiceSpecificCredentialsRequest) (*iamapi.ListServiceSpecificCredentialsResponse, error) {
	all := orZero(in.AllUsers)
	if all && in.UserName != nil {
		return nil, invalidInput("Cannot list credentials for all users if a username is given")
	}
	p, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	service := ""
	if in.ServiceName != nil {
		if service, _, err = credentialService(*in.ServiceName); err != nil {
			return nil, err
		}
	}
	wanted := func(c *serviceCredential) bool { return service == "" || c.Service == service }
	out := &iamapi.ListServiceSpecificCredentialsResponse{ServiceSpecificCredentials: []iamapi.ServiceSpecificCredentialMetadata{}}
	var list []*serviceCredential
	names := map[string]string{} // of users by their ids
	if all {
		list, out.IsTruncated, out.Marker, err = listPage(ctx, s.Store, &s.serviceCreds, accountOf(ctx), p, wanted)
		if err == nil {
			names, err = s.ownerNames(ctx, list)
		}
	} else {
		list, err = s.ownServiceCredentials(ctx, in.UserName, names)
		list = slices.DeleteFunc(list, func(c *serviceCredential) bool { return !wanted(c) })
		list, out.IsTruncated, out.Marker = cut(p, list, func(c *serviceCredential) string { return c.ID })
	}
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		if name, ok := names[c.Owner]; ok { // not a user that was deleted meanwhile
			out.ServiceSpecificCredentials = append(out.ServiceSpecificCredentials, s.listedServiceCredential(c, name))
		}
	}
	return out, nil
}

// ownServiceCredentials reads the credentials of the user that a call names and
// notes its name.
func (s *Service) ownServiceCredentials(ctx context.Context, name *string, names map[string]string) ([]*serviceCredential, error) {
	o, err := s.owner(ctx, s.Store, name)
	if err != nil {
		return nil, err
	}
	names[o.id] = o.name
	return owned(ctx, s.Store, &s.serviceCreds, o.id)
}

// ownerNames reads the names of the users that have the credentials.
func (s *Service) ownerNames(ctx context.Context, list []*serviceCredential) (map[string]string, error) {
	names := map[string]string{}
	for _, c := range list {
		if _, known := names[c.Owner]; known {
			continue
		}
		e, err := s.users.OneBy(ctx, s.Store, "id", c.Owner)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		names[c.Owner] = e.Value.Name
	}
	return names, nil
}

func (s *Service) listedServiceCredential(c *serviceCredential, user string) iamapi.ServiceSpecificCredentialMetadata {
	v := s.apiServiceCredential(c, &owner{name: user}, "")
	return iamapi.ServiceSpecificCredentialMetadata{
		UserName: v.UserName, Status: v.Status, ServiceUserName: v.ServiceUserName, ServiceCredentialAlias: v.ServiceCredentialAlias,
		CreateDate: v.CreateDate, ExpirationDate: v.ExpirationDate,
		ServiceSpecificCredentialId: v.ServiceSpecificCredentialId, ServiceName: v.ServiceName,
	}
}
