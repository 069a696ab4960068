package detect

import "bartizan.dev/logs"

// Findings about what hides an attacker's traces.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-iam.html
func stealth() []Rule {
	disabled := Rule{Type: "Stealth:IAMUser/CloudTrailLoggingDisabled", Severity: Low, Resource: "AWS::CloudTrail::Trail", Path: []string{"name"},
		Title: "AWS CloudTrail trail {resource} was disabled.",
		Text:  "AWS CloudTrail trail {resource} was disabled by {user} calling {api} under unusual circumstances. This can be attackers attempt to cover their tracks by eliminating any trace of activity performed while they accessed your account."}
	stopped, changed, selectors := disabled, disabled, disabled
	stopped.On = calls("cloudtrail", "StopLogging", "DeleteTrail")
	changed.On, changed.Match = calls("cloudtrail", "UpdateTrail"), trailWeakened
	selectors.On, selectors.Match, selectors.Path = calls("cloudtrail", "PutEventSelectors"), blinded, []string{"trailName"}
	weakened := Rule{Type: "Stealth:IAMUser/PasswordPolicyChange", Severity: Low, Failed: true, // an attempt counts
		Title: "Account password policy was weakened by {user}.",
		Text:  "The account password policy of {account} was weakened by {user} calling {api}. A weaker password policy permits passwords that are easy to remember and potentially easier to guess."}
	deleted := weakened
	weakened.On, weakened.Match = calls("iam", "UpdateAccountPasswordPolicy"), weakPasswords
	deleted.On = calls("iam", "DeleteAccountPasswordPolicy")
	return []Rule{stopped, changed, selectors, weakened, deleted,
		{Type: "DefenseEvasion:IAMUser/BedrockLoggingDisabled", Severity: Medium, On: calls("bedrock", "DeleteModelInvocationLoggingConfiguration"),
			Title: "Logging for Amazon Bedrock was disabled.",
			Text:  "Logging of model invocations of Amazon Bedrock was disabled in the account {account} by {user} calling {api}."},
		{Type: "Stealth:S3/ServerAccessLoggingDisabled", Severity: Low, On: calls("s3", "PutBucketLogging"), Resource: "AWS::S3::Bucket", Path: []string{"bucketName"},
			Match:  func(c *logs.Call) bool { return !c.Params.Get("BucketLoggingStatus", "LoggingEnabled").Exists() },
			Same:   bucketName,
			Finish: aboutBucket,
			Title:  "Amazon S3 server access logging was disabled for the S3 bucket {resource}.",
			Text:   "Amazon S3 server access logging was disabled for the S3 bucket {resource} by {user} calling {api}. This can be attackers attempt to cover their tracks by eliminating any trace of their activity."},
	}
}

// trailWeakened is an update that makes a trail see less or be checked less.
func trailWeakened(c *logs.Call) bool {
	for _, name := range [...]string{"isMultiRegionTrail", "includeGlobalServiceEvents", "enableLogFileValidation", "isOrganizationTrail"} {
		if c.Params.Get(name).Bool() == logs.No {
			return true
		}
	}
	return false
}

// blinded is a trail that no longer records all management events.
func blinded(c *logs.Call) bool {
	for v := range c.Params.Get("eventSelectors").Items() {
		if v.Get("includeManagementEvents").Bool() == logs.No {
			return true
		}
		if mode := v.Get("readWriteType").Text(); mode != "" && mode != "All" {
			return true
		}
	}
	advanced := c.Params.Get("advancedEventSelectors")
	if !advanced.Exists() {
		return false
	}
	for v := range advanced.Items() {
		management, narrowed := false, false
		for f := range v.Get("fieldSelectors").Items() {
			switch f.Get("field").Text() {
			case "eventCategory":
				management = has(f.Get("equals"), "Management")
			case "readOnly", "eventName", "userIdentity.arn":
				narrowed = true
			}
		}
		if management && !narrowed {
			return false
		}
	}
	return true
}

// weakPasswords compares with the policy that accounts have without one of their
// own: eight characters, with symbols and numbers among them. What an update
// leaves out falls back to false.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html
func weakPasswords(c *logs.Call) bool {
	p := c.Params
	n, ok := p.Get("minimumPasswordLength").Int()
	return ok && n < 8 || !ok || p.Get("requireSymbols").Bool() != logs.Yes || p.Get("requireNumbers").Bool() != logs.Yes
}
