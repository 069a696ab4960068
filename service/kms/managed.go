package kms

import (
	"context"
	"errors"
	"strings"

	api "bartizan.dev/api/kms"
	"bartizan.dev/caller"
	"bartizan.dev/service/kms/material"
	"bartizan.dev/store"
)

// AWS managed keys: one for each service of an account in a Region, made when
// the service first asks for alias/aws/SERVICE. The account sees it and cannot
// change it; its policy lets everybody in the account use it who comes by way of
// that service.
// https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key

// managedPolicy is the key policy that AWS gives such keys.
func managedPolicy(account, region, service string) string {
	via := service + "." + region + ".amazonaws.com"
	return `{
  "Version" : "2012-10-17",
  "Id" : "auto-` + service + `-1",
  "Statement" : [ {
    "Sid" : "Allow access through ` + service + ` for all principals in the account that are authorized to use it",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "*"
    },
    "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey" ],
    "Resource" : "*",
    "Condition" : {
      "StringEquals" : {
        "kms:CallerAccount" : "` + account + `",
        "kms:ViaService" : "` + via + `"
      }
    }
  }, {
    "Sid" : "Allow direct access to key metadata to the account",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "` + rootARN(account) + `"
    },
    "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant" ],
    "Resource" : "*"
  } ]
}`
}

// managed makes the key behind alias/aws/SERVICE if it is that service that
// asks, for an account of its caller. It returns the key's path, or "".
func (s *Service) managed(ctx context.Context, r *ref) (path string, err error) {
	call := caller.From(ctx)
	service := strings.TrimPrefix(r.alias, awsAliases)
	if len(call.Via) == 0 || serviceOf(call) != service || r.account != call.Identity.Account {
		return "", nil
	}
	now := s.now()
	k := &key{
		Account: r.account, Region: r.region, ID: newKeyID(false), Spec: api.KeySpec_SYMMETRIC_DEFAULT, Usage: encryptDecrypt, Origin: api.OriginType_AWS_KMS,
		Manager: api.KeyManagerType_AWS, Created: now, Rotation: defaultDays, Policy: managedPolicy(r.account, r.region, service),
		Description: "Default key that protects my data when no other key is defined: " + service,
	}
	secret, err := material.New(string(k.Spec))
	if err != nil {
		return "", err
	}
	defer clear(secret)
	m, err := s.newMaterial(ctx, k, secret, now)
	if err != nil {
		return "", err
	}
	name := r.account + "/" + r.region + "/" + r.alias
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		a, err := s.aliases.Get(ctx, tx, name)
		if err == nil { // another call was faster
			path = a.Target
			return nil
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		path, k.Current, k.Next = k.path(), m.ID, nil
		if err := s.planRotation(ctx, tx, k, now); err != nil {
			return err
		}
		if err := s.materials.Insert(ctx, tx, path+"/"+m.ID, m); err != nil {
			return err
		}
		if err := s.keys.Insert(ctx, tx, path, k); err != nil {
			return err
		}
		return s.aliases.Insert(ctx, tx, name, &alias{Target: path, Created: now, Updated: now})
	})
	return path, err
}
