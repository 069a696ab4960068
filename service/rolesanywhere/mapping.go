package rolesanywhere

import (
	"context"
	"slices"
	"strconv"
	"strings"

	rolesapi "bartizan.dev/api/rolesanywhere"
	"bartizan.dev/store"
)

const (
	fieldIssuer  = string(rolesapi.CertificateField_x509Issuer)
	fieldSAN     = string(rolesapi.CertificateField_x509SAN)
	fieldSubject = string(rolesapi.CertificateField_x509Subject)

	everything = "*"
	anyName    = "Name/*"
)

// fields are the fields of a certificate, in the order of answers.
var fields = [...]string{fieldIssuer, fieldSAN, fieldSubject}

// defaultMappings are those of a new profile.
// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/attribute-mapping-default.html
func defaultMappings() map[string][]string {
	return map[string][]string{
		fieldIssuer: {everything}, fieldSubject: {everything}, fieldSAN: {"DNS", "URI", anyName},
	}
}

func (p *profile) mappingDetails() []rolesapi.AttributeMapping {
	out := []rolesapi.AttributeMapping{}
	for _, field := range fields {
		specifiers, ok := p.Mappings[field]
		if !ok {
			continue
		}
		m := rolesapi.AttributeMapping{CertificateField: rolesapi.CertificateField(field)}
		for _, s := range specifiers {
			m.MappingRules = append(m.MappingRules, rolesapi.MappingRule{Specifier: s})
		}
		out = append(out, m)
	}
	return out
}

// specifier returns the form in which a specifier is kept: "Both Name and Name/
// are equivalent to Name/*".
func specifier(field, s string) (string, error) {
	attribute := s
	if field == fieldSAN {
		switch s {
		case "DNS", "URI", anyName:
			return s, nil
		case "Name", "Name/":
			return anyName, nil
		}
		var ok bool
		if attribute, ok = strings.CutPrefix(s, "Name/"); !ok {
			return "", invalid("Invalid specifier %s for certificate field %s", s, field)
		}
	} else if s == everything {
		return s, nil
	}
	if !knownAttribute(attribute) && !isOID(attribute) {
		return "", invalid("Invalid specifier %s for certificate field %s", s, field)
	}
	return s, nil
}

// isOID reports whether s is an object identifier in dotted decimal form.
func isOID(s string) bool {
	parts := strings.Split(s, ".")
	for _, p := range parts {
		if _, err := strconv.ParseUint(p, 10, 31); err != nil || len(p) > 1 && p[0] == '0' {
			return false
		}
	}
	return len(parts) > 1
}

// PutAttributeMapping sets what of a certificate's field becomes session tags.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_PutAttributeMapping.html
func (s *Service) PutAttributeMapping(ctx context.Context, in *rolesapi.PutAttributeMappingRequest) (*rolesapi.PutAttributeMappingResponse, error) {
	field := string(in.CertificateField)
	var specifiers []string
	for _, rule := range in.MappingRules {
		one, err := specifier(field, rule.Specifier)
		if err != nil {
			return nil, err
		}
		if slices.Contains(specifiers, one) {
			return nil, invalid("Duplicate specifier %s", one)
		}
		specifiers = append(specifiers, one)
	}
	if specifiers == nil {
		return nil, invalid("At least one mapping rule is required")
	}
	p, err := s.profiles.change(ctx, s, in.ProfileId, func(_ store.Tx, p *profile) error {
		p.Mappings[field] = specifiers
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &rolesapi.PutAttributeMappingResponse{Profile: s.profileDetail(p)}, nil
}

// DeleteAttributeMapping takes rules of a field away: those named, or all.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_DeleteAttributeMapping.html
func (s *Service) DeleteAttributeMapping(ctx context.Context, in *rolesapi.DeleteAttributeMappingRequest) (*rolesapi.DeleteAttributeMappingResponse, error) {
	field := string(in.CertificateField)
	p, err := s.profiles.change(ctx, s, in.ProfileId, func(_ store.Tx, p *profile) error {
		left, ok := p.Mappings[field]
		if !ok {
			return notFound("Attribute mapping of " + field)
		}
		left = slices.Clone(left)
		for _, one := range in.Specifiers {
			one, err := specifier(field, one)
			if err != nil {
				return err
			}
			i := slices.Index(left, one)
			if i < 0 {
				return notFound("Specifier " + one + " of " + field)
			}
			left = slices.Delete(left, i, i+1)
		}
		if len(in.Specifiers) == 0 || len(left) == 0 {
			delete(p.Mappings, field)
			return nil
		}
		p.Mappings[field] = left
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &rolesapi.DeleteAttributeMappingResponse{Profile: s.profileDetail(p)}, nil
}
