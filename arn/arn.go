// Package arn parses and builds Amazon Resource Names.
//
// The format is arn:partition:service:region:account:resource, where the
// resource may itself contain colons and slashes.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
package arn

import (
	"errors"
	"strings"
)

// Partition is the only partition Bartizan serves.
const Partition = "aws"

// MaxLength is the longest ARN that Parse accepts, in bytes; it is the
// arnType limit of the IAM model.
const MaxLength = 2048

// ARN is a parsed name. The zero value is no name at all.
type ARN struct {
	Partition string
	Service   string
	Region    string // empty for global services
	Account   string // 12 digits, "aws" for AWS's own policies, or empty
	Resource  string // everything after the fifth colon
}

var errFormat = errors.New("arn: want arn:partition:service:region:account:resource")

// Parse splits s into its six parts. The resource may be empty only in
// patterns, so Parse refuses it.
func Parse(s string) (ARN, error) {
	if len(s) > MaxLength {
		return ARN{}, errFormat
	}
	rest, ok := strings.CutPrefix(s, "arn:")
	if !ok {
		return ARN{}, errFormat
	}
	var a ARN
	for _, field := range []*string{&a.Partition, &a.Service, &a.Region, &a.Account} {
		if *field, rest, ok = strings.Cut(rest, ":"); !ok {
			return ARN{}, errFormat
		}
	}
	a.Resource = rest
	if a.Partition == "" || a.Service == "" || a.Resource == "" {
		return ARN{}, errFormat
	}
	return a, nil
}

// String is the inverse of Parse.
func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}

// New returns the text of an ARN in Bartizan's partition.
func New(service, region, account, resource string) string {
	return ARN{Partition, service, region, account, resource}.String()
}

// Type returns the part of the resource before the first slash or colon
// ("user" in user/path/name), and the part after it. A resource without a
// separator has no type.
func (a ARN) Type() (kind, id string) {
	if i := strings.IndexAny(a.Resource, "/:"); i >= 0 {
		return a.Resource[:i], a.Resource[i+1:]
	}
	return "", a.Resource
}

// IsAccount reports whether s has the form of an account id: 12 digits.
func IsAccount(s string) bool {
	if len(s) != 12 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
