package securityhub

import (
	"context"
	"slices"
	"strings"
	"time"

	"bartizan.dev/policy"
)

// ofKeys judges each customer managed key. What its policy keeps from AWS Config
// can't be judged.
func ofKeys(good func(k *key) (pass, applies bool)) judge {
	return func(ctx context.Context, f *facts) ([]verdict, error) {
		keys, err := f.getKeys(ctx)
		var out []verdict
		for i := range keys {
			k := &keys[i]
			if k.hidden {
				out = append(out, verdict{"AwsKmsKey", text(k.meta.Arn), "WARNING", "CONFIG_ACCESS_DENIED"})
			} else if pass, applies := good(k); applies {
				out = append(out, passIf(pass, "AwsKmsKey", text(k.meta.Arn)))
			}
		}
		return out, err
	}
}

var (
	judgeKeyDeletion = ofKeys(func(k *key) (bool, bool) { return k.meta.KeyState != "PendingDeletion", true })
	judgeKeyRotation = ofKeys(func(k *key) (bool, bool) { return k.rotates, k.rotation })
	judgeKeyPublic   = ofKeys(func(k *key) (bool, bool) { return !isPublic(k.policy), true })
)

// isPublic: somebody whom nothing limits to known principals is allowed something.
func isPublic(d *policy.Document) bool {
	return slices.ContainsFunc(d.Statements, func(s policy.Statement) bool {
		everyone := s.NotPrincipal != nil || s.Principal != nil && (s.Principal.All || slices.Contains(s.Principal.AWS, "*"))
		return s.Effect == policy.Allow && everyone && !slices.ContainsFunc(s.Condition, narrows)
	})
}

// narrowing are the condition keys whose fixed values make a policy not public.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
var narrowing = []string{
	"aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths", "aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceowner",
	"aws:sourcevpc", "aws:sourcevpce", "aws:userid", "kms:calleraccount", "kms:granteeprincipal",
}

func narrows(c policy.Condition) bool {
	op := strings.ToLower(c.Operator)
	positive := strings.HasPrefix(op, "string") || strings.HasPrefix(op, "arn") || strings.HasPrefix(op, "foranyvalue:")
	return positive && !strings.Contains(op, "not") && !strings.HasSuffix(op, "ifexists") && slices.Contains(narrowing, strings.ToLower(c.Key)) &&
		!slices.ContainsFunc(c.Values, func(v string) bool { return strings.Trim(v, "*") == "" })
}

// ofSecrets judges each secret of the account and Region that is its own.
func ofSecrets(good func(f *facts, s *secret) (pass, applies bool)) judge {
	return func(ctx context.Context, f *facts) ([]verdict, error) {
		list, err := f.getSecrets(ctx)
		var out []verdict
		for i := range list {
			v := &list[i]
			if text(v.OwningService) != "" || text(v.PrimaryRegion) != "" && text(v.PrimaryRegion) != f.at.region {
				continue
			}
			s := &secret{on(v.RotationEnabled), v.LastRotatedDate, v.LastChangedDate, v.LastAccessedDate, v.CreatedDate, v.NextRotationDate}
			if pass, applies := good(f, s); applies {
				out = append(out, passIf(pass, "AwsSecretsManagerSecret", text(v.ARN)))
			}
		}
		return out, err
	}
}

type secret struct {
	rotates                                   bool
	rotated, changed, accessed, created, next time.Time
}

func newest(all ...time.Time) (t time.Time) {
	for _, v := range all {
		if v.After(t) {
			t = v
		}
	}
	return t
}

var (
	judgeSecretRotation = ofSecrets(func(_ *facts, s *secret) (bool, bool) { return s.rotates, true })
	// judgeSecretRotated: a rotation that was due a day ago has been done.
	judgeSecretRotated = ofSecrets(func(f *facts, s *secret) (bool, bool) {
		return s.next.IsZero() || !older(f.now, s.next, 1), s.rotates
	})
	judgeSecretUnused = ofSecrets(func(f *facts, s *secret) (bool, bool) {
		return !older(f.now, newest(s.accessed, s.created), int(f.number(days90))), true
	})
	judgeSecretAge = ofSecrets(func(f *facts, s *secret) (bool, bool) {
		return !older(f.now, newest(s.rotated, s.changed, s.created), int(f.number("maxDaysSinceRotation"))), true
	})
)

func someTrail(good func(t *trail) bool) judge {
	return func(ctx context.Context, f *facts) ([]verdict, error) {
		all, err := f.getTrails(ctx)
		return ofAccount(f, slices.ContainsFunc(all, func(t trail) bool { return good(&t) }), err)
	}
}

var (
	judgeTrailEverywhere = someTrail(func(t *trail) bool { return t.logging && on(t.IsMultiRegionTrail) && t.all })
	judgeTrailEnabled    = someTrail(func(t *trail) bool { return t.logging })
)

func ofTrails(good func(t *trail) bool) judge {
	return func(ctx context.Context, f *facts) ([]verdict, error) {
		all, err := f.getTrails(ctx)
		var out []verdict
		for i := range all {
			out = append(out, passIf(good(&all[i]), "AwsCloudTrailTrail", text(all[i].TrailARN)))
		}
		return out, err
	}
}

var (
	judgeTrailEncrypted = ofTrails(func(t *trail) bool { return text(t.KmsKeyId) != "" })
	judgeTrailValidated = ofTrails(func(t *trail) bool { return on(t.LogFileValidationEnabled) })
	judgeTrailWatched   = ofTrails(func(t *trail) bool { return text(t.CloudWatchLogsLogGroupArn) != "" })
)
