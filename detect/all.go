package detect

// All makes every detector there is, without memory. Each engine needs its own.
func All() []*Detector {
	j := newJudge()
	return append([]*Detector{
		Rules("custom rules: IAM", customIAM(j)),
		Rules("custom rules: compute", customCompute()),
		Rules("custom rules: data", customData(j)),
		Rules("stealth", stealth()),
		Rules("S3 policy", s3Policy(j)),
		Rules("techniques", techniques()), anomalous(j), issuedCredentials(), consoleLogins(),
		root(), penTest(), listedCaller(),
		listedPeer(), listedDomain(),
	}, append(flowDetectors(), dnsDetectors()...)...)
}
