package cli

import (
	"encoding/json"
	"fmt"
	"os"

	"bartizan.dev/policy/lint"
	"bartizan.dev/policy/reference"
)

type policyLintCmd struct {
	Type         string   `help:"identity, resource, trust, boundary, session, scp, rcp or endpoint." enum:"identity,resource,trust,boundary,session,scp,rcp,endpoint" default:"identity"`
	ResourceType string   `help:"What a resource policy is attached to: AWS::S3::Bucket, AWS::S3::AccessPoint, AWS::S3::MultiRegionAccessPoint, AWS::S3ObjectLambda::AccessPoint, AWS::IAM::AssumeRolePolicyDocument or AWS::DynamoDB::Table." enum:",AWS::S3::Bucket,AWS::S3::AccessPoint,AWS::S3::MultiRegionAccessPoint,AWS::S3ObjectLambda::AccessPoint,AWS::IAM::AssumeRolePolicyDocument,AWS::DynamoDB::Table" default:""`
	Format       string   `help:"text or json." enum:"text,json" default:"text"`
	Strict       bool     `help:"Fail for warnings as well; suggestions never fail."`
	Files        []string `arg:"" type:"existingfile" help:"Policy documents."`
}

// linted is one file's findings in the JSON output.
type linted struct {
	File     string         `json:"file"`
	Findings []lint.Finding `json:"findings"`
}

func (c *policyLintCmd) Run(env Env) error {
	opt, err := c.options()
	if err != nil {
		return err
	}
	all := []linted{}
	failed, found := false, 0
	for _, file := range c.Files {
		text, err := readBounded(file)
		if err != nil {
			return err
		}
		findings := lint.Validate(text, opt)
		all = append(all, linted{file, findings})
		found += len(findings)
		for _, f := range findings {
			failed = failed || f.Type == lint.Error || c.Strict && f.Type != lint.Suggestion
		}
	}
	if c.Format == "json" {
		e := json.NewEncoder(env.Out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		err = e.Encode(all)
	} else {
		err = printFindings(env, all, found)
	}
	if err == nil && failed {
		return errSaid
	}
	return err
}

func printFindings(env Env, all []linted, found int) error {
	for _, l := range all {
		for _, f := range l.Findings {
			at := f.Locations[0].Span.Start
			if _, err := fmt.Fprintf(env.Out, "%s:%d:%d: %s %s: %s\n", l.File, at.Line, at.Column+1, f.Type, f.Code, f.Details); err != nil {
				return err
			}
		}
	}
	if found > 0 {
		return nil
	}
	_, err := fmt.Fprintf(env.Out, "documents: %d, nothing to say\n", len(all))
	return err
}

// options: boundaries and session policies have the form of identity policies,
// endpoint policies that of resource policies.
func (c *policyLintCmd) options() (lint.Options, error) {
	opt := lint.Options{ResourceType: c.ResourceType, Reference: reference.Open()}
	switch c.Type {
	case "resource", "endpoint":
		opt.Type = lint.Resource
	case "trust":
		opt.Type, opt.ResourceType = lint.Resource, lint.RoleTrust
	case "scp":
		opt.Type = lint.ServiceControl
	case "rcp":
		opt.Type = lint.ResourceControl
	default:
		opt.Type = lint.Identity
	}
	if c.ResourceType != "" && c.Type != "resource" {
		return opt, fmt.Errorf("--resource-type goes with --type resource, not with --type %s", c.Type)
	}
	return opt, nil
}

// readBounded reads a file no further than lint reads it.
func readBounded(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > 64<<20 {
		return nil, fmt.Errorf("%s: %d bytes are no policy", file, info.Size())
	}
	return os.ReadFile(file)
}
