package policy

import (
	"strconv"
	"strings"
)

// checkLegacy finds what AWS's oldest parser chokes on.
func (d *Document) checkLegacy() *Error {
	for i := range d.Statements {
		s := &d.Statements[i]
		if s.badEffect || !legacyConditions(s.Condition) || !legacyResources(s.Resource) || !legacyResources(s.NotResource) {
			return refuse(s.Start, "The policy failed legacy parsing")
		}
	}
	return nil
}

func legacyConditions(list []Condition) bool {
	for i := range list {
		op, _ := parseOperator(list[i].Operator)
		if op.test < dateEquals || op.test > dateGreaterEquals {
			continue
		}
		for _, v := range list[i].Values {
			if !legacyDate(v) {
				return false
			}
		}
	}
	return true
}

// legacyResources: an ARN that has an empty part needs all of them, and its
// service. ARNs with other faults are refused with a better message later.
func legacyResources(list []string) bool {
	for _, r := range list {
		rest, isARN := strings.CutPrefix(r, "arn:aws:")
		if !isARN {
			continue
		}
		if strings.HasPrefix(rest, ":") || strings.Contains(r, "::") && strings.Count(r, ":") < 5 {
			return false
		}
	}
	return true
}

// checkResources tests the form of ARNs.
func checkResources(s *Statement) *Error {
	for _, list := range [][]string{s.Resource, s.NotResource} {
		for _, r := range list {
			if err := checkResourceARN(s, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// iamResources are the types an IAM ARN may name.
var iamResources = []string{
	"user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/",
	"policy/", "sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/",
}

func checkResourceARN(s *Statement, r string) *Error {
	if r == "*" {
		return nil
	}
	_, rest, found := strings.Cut(r, ":")
	if !found {
		return refuse(s.Start, "Resource %s must be in ARN format or \"*\".", r)
	}
	partition, rest, found := strings.Cut(rest, ":")
	if partition != "aws" && partition != "*" {
		full := append([]string{"arn", partition}, strings.Split(rest, ":")...)
		if !found {
			full = full[:2]
		}
		for len(full) < 6 {
			full = append(full, "*")
		}
		return refuse(s.Start, "Partition \"%s\" is not valid for resource \"%s\".", partition, strings.Join(full, ":"))
	}
	if !found {
		return refuse(s.Start, "Resource vendor must be fully qualified and cannot contain regexes.")
	}
	parts := strings.SplitN(rest, ":", 4) // service, region, account, resource
	for len(parts) < 4 {
		parts = append(parts, "*")
	}
	switch service, region, resource := parts[0], parts[1], parts[3]; {
	case service == "iam" && region != "" && region != "*":
		return refuse(s.Start, "IAM resource %s cannot contain region information.", r)
	case service == "s3" && region != "" && !strings.ContainsAny(region, "*?") && !strings.HasPrefix(resource, "accesspoint/") && parts[2] == "":
		return refuse(s.Start, "Resource %s can not contain region information.", r)
	case service == "iam" && !iamResource(resource):
		return refuse(s.Start, "IAM resource path must either be \"*\" or start with %s.", strings.Join(iamResources, ", "))
	}
	return nil
}

// iamResource: besides the listed types AWS takes the account's root user, and
// wildcards.
func iamResource(s string) bool {
	if s == "root" || strings.HasPrefix(s, "*") {
		return true
	}
	for _, prefix := range iamResources {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

// legacyDate accepts what AWS accepts for a date, which is more than ISO 8601:
// seconds since 1970, or years, months, days, then T, hours, minutes and
// seconds with a zone, each in its range, of any length.
func legacyDate(s string) bool {
	s = strings.ToLower(s)
	if !strings.ContainsAny(s, "t-") {
		_, err := strconv.ParseInt(s, 10, 64)
		return err == nil
	}
	date, clock, _ := strings.Cut(s, "t")
	sign := ""
	if after, ok := strings.CutPrefix(date, "-"); ok {
		date, sign = after, "-"
	}
	fields := strings.Split(date, "-")
	if len(fields) > 3 || !within(sign+fields[0], -292275054, 292278993) {
		return false
	}
	if len(fields) > 1 && !within(fields[1], 1, 12) || len(fields) > 2 && !within(fields[2], 1, 31) {
		return false
	}
	return clock == "" || legacyClock(clock)
}

func legacyClock(s string) bool {
	fields := strings.SplitN(s, ":", 3)
	if !within(fields[0], 0, 23) || len(fields) > 1 && !within(fields[1], 0, 59) {
		return false
	}
	if len(fields) < 3 {
		return true
	}
	seconds, zone := fields[2], ""
	if i := strings.IndexAny(seconds, "z+-"); i >= 0 {
		seconds, zone = seconds[:i], seconds[i:]
	}
	whole, fraction, found := strings.Cut(seconds, ".")
	if !within(whole, 0, 59) || found && !within(fraction, 0, 999999999) {
		return false
	}
	if zone == "" || zone == "z" {
		return true
	}
	hours, minutes, found := strings.Cut(zone[1:], ":")
	return len(hours) == 2 && within(hours, 0, 23) && (!found || len(minutes) == 2 && within(minutes, 0, 59))
}

func within(s string, low, high int64) bool {
	n, err := strconv.ParseInt(s, 10, 64)
	return err == nil && low <= n && n <= high
}
