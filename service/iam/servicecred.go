package iam

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) serviceCredentialRules() policy.Rules {
	return policy.Rules{
		"CreateServiceSpecificCredential": onBearer(s, "CreateServiceSpecificCredential", aUser,
			func(in *iamapi.CreateServiceSpecificCredentialRequest) string { return in.UserName },
			func(in *iamapi.CreateServiceSpecificCredentialRequest) []policy.Pair {
				keys := []policy.Pair{pair(credentialServiceKey, fold(in.ServiceName))}
				if in.CredentialAgeDays != nil {
					keys = append(keys, pair("iam:ServiceSpecificCredentialAgeDays", strconv.Itoa(int(*in.CredentialAgeDays))))
				}
				return keys
			}),
		"DeleteServiceSpecificCredential": onServiceCredential(s, "DeleteServiceSpecificCredential",
			func(in *iamapi.DeleteServiceSpecificCredentialRequest) (*string, string) {
				return in.UserName, in.ServiceSpecificCredentialId
			}),
		"ListServiceSpecificCredentials": policy.On(func(ctx context.Context, in *iamapi.ListServiceSpecificCredentialsRequest) ([]policy.Touch, error) {
			if orZero(in.AllUsers) {
				account := accountOf(ctx)
				return []policy.Touch{{Action: "iam:ListServiceSpecificCredentials", Account: account, Resource: arn.New("iam", "", account, "user/*")}}, nil
			}
			return s.touchOwn(ctx, "ListServiceSpecificCredentials", in.UserName)
		}),
		"ResetServiceSpecificCredential": onServiceCredential(s, "ResetServiceSpecificCredential",
			func(in *iamapi.ResetServiceSpecificCredentialRequest) (*string, string) {
				return in.UserName, in.ServiceSpecificCredentialId
			}),
		"UpdateServiceSpecificCredential": onServiceCredential(s, "UpdateServiceSpecificCredential",
			func(in *iamapi.UpdateServiceSpecificCredentialRequest) (*string, string) {
				return in.UserName, in.ServiceSpecificCredentialId
			}),
	}
}

const credentialServiceKey = "iam:ServiceSpecificCredentialServiceName"

// onServiceCredential declares an operation on a user's credential, with the
// service that it is for as a condition key.
func onServiceCredential[I any](s *Service, action string, of func(*I) (name *string, id string)) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		name, id := of(in)
		touches, err := s.touchOwn(ctx, action, name)
		if err != nil {
			return nil, err
		}
		c, err := s.serviceCreds.Get(ctx, s.Store, accountOf(ctx)+"/"+id)
		if errors.Is(err, store.ErrNotFound) {
			return touches, nil
		} else if err != nil {
			return nil, err
		}
		touches[0].Keys = append(touches[0].Keys, pair(credentialServiceKey, c.Service))
		return touches, nil
	})
}

const (
	serviceCredentialPrefix = "ACCA"
	serviceSecretBytes      = 44 // 60 characters of base64
)

// credentialServices are the services that take such credentials: with a user
// name and password (""), or with an API key that begins so.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_service-specific-creds.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_api_keys_for_aws_services.html
func credentialService(name string) (service, keyPrefix string, err error) {
	switch service = fold(name); service {
	case "codecommit.amazonaws.com", "cassandra.amazonaws.com":
		return service, "", nil
	case "bedrock.amazonaws.com":
		return service, "ABSK", nil
	case "logs.amazonaws.com":
		return service, "ACWL", nil
	case "cloudwatch.amazonaws.com":
		return service, "APIAACWM", nil
	case "aws-external-anthropic.amazonaws.com":
		return service, "AEAA", nil
	}
	return "", "", wire.Errorf("NoSuchEntity", "No such service %s is supported for Service Specific Credentials", name).WithStatus(404)
}

// newServiceSecret makes a password, or an API key that carries its login. Only
// a hash of it is kept: it is random, so a fast one will do.
func newServiceSecret(keyPrefix, login string) (secret string, hash []byte) {
	raw := make([]byte, serviceSecretBytes)
	rand.Read(raw) // never fails: see crypto/rand
	secret = base64.StdEncoding.EncodeToString(raw)
	if keyPrefix != "" {
		secret = keyPrefix + base64.StdEncoding.EncodeToString([]byte(login+":"+secret))
	}
	sum := sha256.Sum256([]byte(secret))
	return secret, sum[:]
}

// status is Expired from the date of expiry on, whatever was set.
func (c *serviceCredential) status(now time.Time) iamapi.StatusType {
	if !c.Expires.IsZero() && !now.Before(c.Expires) {
		return iamapi.StatusType_Expired
	}
	return status(c.Active)
}

// apiServiceCredential shows a credential with its secret, which only the
// answers that make one have.
func (s *Service) apiServiceCredential(c *serviceCredential, o *owner, secret string) *iamapi.ServiceSpecificCredential {
	out := &iamapi.ServiceSpecificCredential{
		CreateDate: c.Created, ExpirationDate: c.Expires, ServiceName: c.Service,
		ServiceSpecificCredentialId: c.ID, UserName: o.name, Status: c.status(s.Now()),
	}
	if _, keyPrefix, err := credentialService(c.Service); err == nil && keyPrefix != "" {
		out.ServiceCredentialAlias, out.ServiceCredentialSecret = &c.Login, &secret
	} else {
		out.ServiceUserName, out.ServicePassword = &c.Login, &secret
	}
	return out
}

// freeLogin is the first of alice-at-111122223333, alice+1-at-111122223333 and
// so on that no credential of the service has.
func (s *Service) freeLogin(ctx context.Context, r store.Reader, service string, u *user) (string, error) {
	for n := 0; ; n++ {
		login := u.Name
		if n > 0 {
			login += "+" + strconv.Itoa(n)
		}
		login += "-at-" + u.Account
		ids, err := s.serviceCreds.By(ctx, r, "login", service+"/"+login, "", 1)
		if err != nil || len(ids) == 0 {
			return login, err
		}
	}
}

// CreateServiceSpecificCredential gives a user a password or API key for one
// service, two at most.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceSpecificCredential.html
func (s *Service) CreateServiceSpecificCredential(ctx context.Context, in *iamapi.CreateServiceSpecificCredentialRequest) (*iamapi.CreateServiceSpecificCredentialResponse, error) {
	c := &serviceCredential{Account: accountOf(ctx), ID: newID(serviceCredentialPrefix), Active: true, Created: s.now()}
	if in.CredentialAgeDays != nil {
		c.Expires = c.Created.AddDate(0, 0, int(*in.CredentialAgeDays))
	}
	var out *iamapi.ServiceSpecificCredential
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.owner(ctx, tx, &in.UserName)
		if err != nil {
			return err
		}
		var keyPrefix, secret string
		if c.Service, keyPrefix, err = credentialService(in.ServiceName); err != nil {
			return err
		}
		old, err := owned(ctx, tx, &s.serviceCreds, o.id)
		if err != nil {
			return err
		}
		same := 0
		for _, o := range old {
			if o.Service == c.Service {
				same++
			}
		}
		if same >= maxServiceCredentials {
			return exceeded("ServiceSpecificCredentialsPerUser", maxServiceCredentials)
		}
		if c.Login, err = s.freeLogin(ctx, tx, c.Service, o.user); err != nil {
			return err
		}
		c.Owner = o.id
		secret, c.Hash = newServiceSecret(keyPrefix, c.Login)
		out = s.apiServiceCredential(c, o, secret)
		return s.serviceCreds.Insert(ctx, tx, c.Account+"/"+c.ID, c)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.CreateServiceSpecificCredentialResponse{ServiceSpecificCredential: out}, nil
}

// changeServiceCredential changes a credential of the user that a call names, in
// a transaction; without change it is deleted.
func (s *Service) changeServiceCredential(ctx context.Context, name *string, id string, change func(*serviceCredential, *owner) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.owner(ctx, tx, name)
		if err != nil {
			return err
		}
		absent := wire.Errorf("NoSuchEntity", "No such credential %s exists", id).WithStatus(404)
		key := accountOf(ctx) + "/" + id
		c, err := s.serviceCreds.Get(ctx, tx, key)
		if c, err = found(c, err, absent); err != nil {
			return err
		}
		if c.Owner != o.id {
			return absent
		}
		if change == nil {
			return s.serviceCreds.Delete(ctx, tx, key)
		}
		if err := change(c, o); err != nil {
			return err
		}
		return s.serviceCreds.Put(ctx, tx, key, c)
	})
	return err
}

// DeleteServiceSpecificCredential deletes a credential.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteServiceSpecificCredential.html
func (s *Service) DeleteServiceSpecificCredential(ctx context.Context, in *iamapi.DeleteServiceSpecificCredentialRequest) (*iamapi.DeleteServiceSpecificCredentialOutput, error) {
	if err := s.changeServiceCredential(ctx, in.UserName, in.ServiceSpecificCredentialId, nil); err != nil {
		return nil, err
	}
	return &iamapi.DeleteServiceSpecificCredentialOutput{}, nil
}

// ResetServiceSpecificCredential makes a new secret; the old one is worth
// nothing from then on.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ResetServiceSpecificCredential.html
func (s *Service) ResetServiceSpecificCredential(ctx context.Context, in *iamapi.ResetServiceSpecificCredentialRequest) (*iamapi.ResetServiceSpecificCredentialResponse, error) {
	var out *iamapi.ServiceSpecificCredential
	err := s.changeServiceCredential(ctx, in.UserName, in.ServiceSpecificCredentialId, func(c *serviceCredential, o *owner) error {
		_, keyPrefix, err := credentialService(c.Service)
		if err != nil {
			return err
		}
		var secret string
		secret, c.Hash = newServiceSecret(keyPrefix, c.Login)
		out = s.apiServiceCredential(c, o, secret)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.ResetServiceSpecificCredentialResponse{ServiceSpecificCredential: out}, nil
}

// UpdateServiceSpecificCredential activates or deactivates a credential.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateServiceSpecificCredential.html
func (s *Service) UpdateServiceSpecificCredential(ctx context.Context, in *iamapi.UpdateServiceSpecificCredentialRequest) (*iamapi.UpdateServiceSpecificCredentialOutput, error) {
	err := s.changeServiceCredential(ctx, in.UserName, in.ServiceSpecificCredentialId, func(c *serviceCredential, _ *owner) (err error) {
		c.Active, err = active(in.Status)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UpdateServiceSpecificCredentialOutput{}, nil
}
