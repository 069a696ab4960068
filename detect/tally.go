package detect

import "bartizan.dev/logs"

// tally counts different things that a principal's calls name within a stretch of
// time, and reports a mass of them, unless the principal is learnt and had nearly
// as many before.
type tally struct {
	kind   string
	on     []On
	period logs.Time
	least  int
	failed bool // calls that were refused or went wrong count too
	only   bool // they alone
	once   bool // a stretch: the things lie in several Regions
	// add notes what a call names. It returns true for a call that speaks against.
	add    func(*logs.Call, *Distinct) bool
	why    string
	number int
}

// tallied is 88 bytes.
type tallied struct {
	Start   logs.Time
	Things  Distinct
	Against uint32
	Peak    uint32 // of the stretches before
	Raised  uint64
}

// maxTallies bounds the table to 8 MB.
const maxTallies = 1 << 16

// late is how late events may be.
const late = 15 * logs.Minute

func (b *behaviour) count(ev *Event, t *tally) {
	c := ev.Call
	if c.Failed() && !t.failed || t.only && !c.Failed() {
		return
	}
	v, _ := b.tallies.At(mix(b.now.key + uint64(t.number)*0x9e3779b97f4a7c15))
	switch {
	case v.Start == 0 || ev.Time-v.Start >= t.period:
		*v = tallied{Start: ev.Time, Peak: max(v.Peak, uint32(v.Things.Count()))}
	case ev.Time < v.Start-late:
		return // of a stretch that is gone
	}
	if t.add(c, &v.Things) {
		v.Against++
		return
	}
	n := v.Things.Count()
	if n < t.least || n <= int(v.Against) || t.once && v.Raised != 0 || b.now.learnt && n < 2*int(v.Peak) {
		return
	}
	v.Raised = 1
	severity := Low
	if t.kind != anomalousDiscovery {
		severity = min(tactics[t.kind].severity, Medium)
	}
	ev.mass = true
	b.raise(ev, t.kind, severity, t.why)
	ev.mass = false
}

// storm is for refused calls of every name.
var storm = tally{kind: anomalousDiscovery, period: late, least: 10, failed: true, only: true, number: 1000,
	add: func(c *logs.Call, d *Distinct) bool { d.Add(Key(c.Source, c.Name)); return false },
	why: "was denied many different calls within minutes, which is how permissions are found out: {api}"}

func (b *behaviour) refused(ev *Event) { b.count(ev, &storm) }

// byParameter counts by one parameter.
func byParameter(path ...string) func(*logs.Call, *Distinct) bool {
	return func(c *logs.Call, d *Distinct) bool {
		if v := c.Params.Get(path...); v.Exists() {
			d.Add(Key(v.Text()))
		}
		return false
	}
}

// The least of each is a little below what its text says: Distinct is an estimate.
func tallies() []tally {
	return []tally{
		{kind: anomalousCredential, on: calls("secretsmanager", "GetSecretValue", "BatchGetSecretValue"), period: logs.Hour, least: 9, add: secretsRead, why: "read many secrets within an hour: {api}"},
		{kind: anomalousCredential, on: calls("ssm", "GetParameter", "GetParameters", "GetParametersByPath"), period: logs.Hour, least: 18, add: parametersRead, why: "read and decrypted many parameters within an hour: {api}"},
		{kind: anomalousCredential, on: calls("ec2", "DescribeInstanceAttribute"), period: logs.Hour, least: 5, failed: true, add: func(c *logs.Call, d *Distinct) bool {
			if c.Params.Get("attribute").Text() != "userData" {
				return true // who reads every attribute keeps an inventory
			}
			return byParameter("instanceId")(c, d)
		}, why: "read the user data of many instances within an hour: {api}"},
		{kind: anomalousCredential, on: calls("ec2", "GetPasswordData"), period: logs.Hour, least: 5, failed: true, add: byParameter("instanceId"), why: "asked for the passwords of many instances within an hour: {api}"},
		{kind: anomalousDiscovery, on: append(calls("ec2", "DescribeInstances", "DescribeVpcs", "DescribeSecurityGroups", "DescribeRegions", "DescribeSnapshots"), append(calls("lambda", "ListFunctions20150331"), append(calls("ses", "GetSendQuota", "GetAccount", "ListIdentities"), calls("bedrock", "ListFoundationModels", "InvokeModel")...)...)...),
			period: logs.Hour, least: 10, failed: true, once: true, add: func(c *logs.Call, d *Distinct) bool { d.Add(Key(c.Region)); return false }, why: "looked for resources in many Regions within an hour: {api}"},
		{kind: anomalousDiscovery, on: calls("iam", "UpdateAssumeRolePolicy"), period: logs.Hour, least: 10, failed: true, only: true, add: func(c *logs.Call, d *Distinct) bool { d.Add(Key(c.ID)); return false }, why: "tries out names of principals in trust policies: {api}"},
		{kind: anomalousEscalation, on: calls("sts", "AssumeRole"), period: logs.Hour, least: 9, failed: true, only: true, add: byParameter("roleArn"), why: "tried to assume many roles within an hour: {api}"},
		{kind: anomalousAccess, on: calls("signin", "ConsoleLogin"), period: logs.Hour, least: 9, failed: true, only: true, add: func(c *logs.Call, d *Distinct) bool { d.Add(Key(c.ID)); return false }, why: "failed to sign in many times within an hour: {api}"},
		{kind: anomalousImpact, on: append(calls("ec2", "DeleteSnapshot", "DeregisterImage"), calls("rds", "DeleteDBSnapshot", "DeleteDBClusterSnapshot")...), period: logs.Hour, least: 9, add: func(c *logs.Call, d *Distinct) bool { d.Add(Key(c.Params.Raw())); return false }, why: "deleted many snapshots or images within an hour: {api}"},
		{kind: anomalousImpact, on: calls("s3", "DeleteObject", "DeleteObjects"), period: logs.Hour, least: 45, add: deletedObjects, why: "deleted many objects within an hour: {api}"},
		{kind: anomalousImpact, on: calls("s3", "PutObject", "CopyObject", "UploadPart", "CreateMultipartUpload"), period: logs.Hour, least: 4, add: customerKey, why: "encrypted objects with keys that AWS does not keep: {api}"},
		{kind: anomalousImpact, on: calls("bedrock", "InvokeModel", "InvokeModelWithResponseStream", "Converse", "ConverseStream"), period: logs.Hour, least: 4, failed: true, add: byParameter("modelId"), why: "tried many models within an hour: {api}"},
		{kind: anomalousImpact, on: calls("ec2", "RunInstances"), period: logs.Hour, least: 20, add: launched, why: "launched many instances within an hour: {api}"},
	}
}

func secretsRead(c *logs.Call, d *Distinct) bool {
	if c.Name == "GetSecretValue" {
		return byParameter("secretId")(c, d)
	}
	list := c.Params.Get("secretIdList")
	for v := range list.Items() {
		d.Add(Key(v.Text()))
	}
	if !list.Exists() { // by filters: up to 20 a page
		several(d, c.Params.Raw(), 20)
	}
	return false
}

func parametersRead(c *logs.Call, d *Distinct) bool {
	p := c.Params
	if p.Get("withDecryption").Bool() != logs.Yes {
		return false
	}
	switch c.Name {
	case "GetParameter":
		return byParameter("name")(c, d)
	case "GetParameters":
		for v := range p.Get("names").Items() {
			d.Add(Key(v.Text()))
		}
	default:
		several(d, p.Raw(), 10) // a page
	}
	return false
}

// several stands for things that a call has named together.
func several(d *Distinct, what string, n int) {
	h := Key(what)
	for i := range n {
		d.Add(mix(h + uint64(i)))
	}
}

func deletedObjects(c *logs.Call, d *Distinct) bool {
	if c.Name == "DeleteObject" {
		d.Add(Key(c.Params.Get("bucketName").Text(), c.Params.Get("key").Text()))
		return false
	}
	several(d, c.ID, 10) // up to a thousand; CloudTrail does not say how many
	return false
}

func customerKey(c *logs.Call, d *Distinct) bool {
	if c.Params.Get("x-amz-server-side-encryption-customer-algorithm").Exists() || c.Additional.Get("SSEApplied").Text() == "SSE_C" {
		d.Add(Key(c.Params.Get("bucketName").Text(), c.Params.Get("key").Text()))
	}
	return false
}

func launched(c *logs.Call, d *Distinct) bool {
	for v := range c.Params.Get("instancesSet", "items").Items() {
		n, _ := v.Get("maxCount").Int()
		several(d, c.ID, int(min(max(n, 1), 100)))
	}
	return false
}
