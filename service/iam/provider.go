package iam

import (
	"context"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// identityProviders are the collections of the identity providers' chapters.
//
//	openid/{account}/{url without scheme}   openIDProvider
//	saml/{account}/{name}                   samlProvider
//	samldoc/{account}/{name}/{part}         samlPart
type identityProviders struct {
	openids  store.Collection[openIDProvider]
	samls    store.Collection[samlProvider]
	samlDocs store.Collection[samlPart]
}

func newIdentityProviders() identityProviders {
	return identityProviders{
		openids:  store.Collection[openIDProvider]{Name: "openid"},
		samls:    store.Collection[samlProvider]{Name: "saml"},
		samlDocs: store.Collection[samlPart]{Name: "samldoc"},
	}
}

// Kinds of identity providers, as their ARNs have them.
const (
	openIDKind = "oidc-provider"
	samlKind   = "saml-provider"
)

// splitProvider takes a provider's ARN apart.
func splitProvider(kind, name string) (account, rest string, err error) {
	a, err := arn.Parse(name)
	if err != nil {
		return "", "", wire.Errorf("ValidationError", "Invalid ARN:  Could not be parsed!")
	}
	rest, ok := strings.CutPrefix(a.Resource, kind+"/")
	if !ok || rest == "" || len(rest) > maxIssuer || a.Partition != arn.Partition || a.Service != "iam" || a.Region != "" || !arn.IsAccount(a.Account) {
		return "", "", invalidInput("ARN %s is not valid.", name)
	}
	return a.Account, rest, nil
}

// onProvider declares an operation on an identity provider, whose tags find
// reads. The resource is what the caller names: another account's is that
// account's.
func onProvider[I any](kind, action string, name func(*I) string, tags func(ctx context.Context, arn string) ([]tag, error), more func(*I, *policy.Touch)) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		account, _, err := splitProvider(kind, name(in))
		if err != nil {
			return nil, err
		}
		t := policy.Touch{Action: "iam:" + action, Account: account, Resource: name(in)}
		have, err := tags(ctx, name(in))
		if err != nil {
			return nil, err
		}
		t.ResourceTags = policyTags(have)
		if more != nil {
			more(in, &t)
		}
		return []policy.Touch{t}, nil
	})
}

// onProviders declares a List operation: it touches all providers of a kind.
func onProviders(kind, action string) policy.Rule {
	return policy.Rule{Touches: func(ctx context.Context, _ any) ([]policy.Touch, error) {
		account := accountOf(ctx)
		return []policy.Touch{{Action: "iam:" + action, Account: account, Resource: arn.New("iam", "", account, kind+"/*")}}, nil
	}}
}
