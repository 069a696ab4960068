package iam

import (
	"context"
	"maps"
	"slices"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// roleManager is the one namespace of account properties that AWS documents.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_role-manager.html
const (
	roleManager        = "RoleManager"
	roleManagerEnabled = "RoleManager/Enabled"
)

func (s *Service) accountPropertyRules() policy.Rules {
	return policy.Rules{
		"GetAccountProperties": policy.OnAny(policy.Touch{
			Action: "iam:GetAccountProperties",
			Keys:   []policy.Pair{{Key: "iam:AccountPropertyNamespaces", Values: []string{roleManager}, Multi: true}},
		}),
		"PutAccountProperties": policy.On(func(_ context.Context, in *iamapi.PutAccountPropertiesRequest) ([]policy.Touch, error) {
			names := map[string]bool{}
			for key := range in.Properties {
				name, _, _ := strings.Cut(key, "/")
				names[name] = true
			}
			return []policy.Touch{{
				Action: "iam:PutAccountProperties",
				Keys:   []policy.Pair{{Key: "iam:AccountPropertyNamespaces", Values: slices.Sorted(maps.Keys(names)), Multi: true}},
			}}, nil
		}),
		"SetSecurityTokenServicePreferences": policy.OnAny(policy.Touch{Action: "iam:SetSecurityTokenServicePreferences"}),
	}
}

// GetAccountProperties tells the account's properties. There is no role manager
// here, so it is never enabled.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountProperties.html
func (s *Service) GetAccountProperties(context.Context, *iamapi.GetAccountPropertiesRequest) (*iamapi.GetAccountPropertiesResponse, error) {
	return &iamapi.GetAccountPropertiesResponse{Properties: map[string]string{roleManagerEnabled: "false"}}, nil
}

// PutAccountProperties sets properties of one namespace. To enable role manager
// is refused: it makes roles for the consoles of AWS's services.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutAccountProperties.html
func (s *Service) PutAccountProperties(_ context.Context, in *iamapi.PutAccountPropertiesRequest) (*iamapi.PutAccountPropertiesResponse, error) {
	namespace := ""
	for i, key := range slices.Sorted(maps.Keys(in.Properties)) {
		name, property, ok := strings.Cut(key, "/")
		if !ok || name == "" || property == "" || strings.Contains(property, "/") {
			return nil, invalidInput("Property key must be in format Namespace/PropertyName: %s", key)
		}
		if i > 0 && name != namespace {
			return nil, invalidInput("All properties must belong to the same namespace")
		}
		namespace = name
	}
	if namespace != roleManager {
		return nil, invalidInput("Unsupported namespace: %s", namespace)
	}
	value, ok := in.Properties[roleManagerEnabled]
	if !ok {
		return nil, invalidInput("RoleManager namespace requires Enabled property")
	}
	if len(in.Properties) > 1 {
		return nil, invalidInput("RoleManager has no property but Enabled")
	}
	switch value {
	case "false":
		return &iamapi.PutAccountPropertiesResponse{}, nil
	case "true":
		return nil, invalidInput("Role manager cannot be enabled: Bartizan has no role templates, which AWS's own services make.")
	}
	return nil, invalidInput("Enabled must be 'true' or 'false'")
}

// SetSecurityTokenServicePreferences chooses the version of session tokens that
// the global endpoint gives. All Regions are enabled here, so tokens of both
// versions are good in all of them; GetAccountSummary shows the choice.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_SetSecurityTokenServicePreferences.html
func (s *Service) SetSecurityTokenServicePreferences(ctx context.Context, in *iamapi.SetSecurityTokenServicePreferencesRequest) (*iamapi.SetSecurityTokenServicePreferencesOutput, error) {
	err := s.changeAccount(ctx, func(_ store.Tx, a *account) error {
		a.TokenVersion = 1
		if in.GlobalEndpointTokenVersion == iamapi.GlobalEndpointTokenVersion_v2Token {
			a.TokenVersion = 2
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.SetSecurityTokenServicePreferencesOutput{}, nil
}
