package guardduty

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/detect"
	"bartizan.dev/store"
)

// sampleTypes are the types of findings that there are samples of: those that a
// detector of ours raises.
var sampleTypes = sync.OnceValue(func() []string {
	var out []string
	for _, d := range detect.All() {
		out = append(out, d.Types...)
	}
	slices.Sort(out)
	return slices.Compact(out)
})

// CreateSampleFindings makes one finding of each type, or of all types.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateSampleFindings.html
func (s *Service) CreateSampleFindings(ctx context.Context, in *guarddutyapi.CreateSampleFindingsRequest) (*guarddutyapi.CreateSampleFindingsResponse, error) {
	types := in.FindingTypes
	if len(types) == 0 {
		types = sampleTypes()
	}
	for _, t := range types {
		if !slices.Contains(sampleTypes(), t) {
			return nil, invalid("findingTypes")
		}
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		d, err := s.find(ctx, tx, in.DetectorId)
		if err != nil {
			return err
		}
		for _, t := range types {
			if err := s.keep(ctx, tx, sample(d, t, s.now())); err != nil {
				return err
			}
		}
		return nil
	})
	return &guarddutyapi.CreateSampleFindingsResponse{}, err
}

// sample is a finding about nothing that exists.
// https://docs.aws.amazon.com/guardduty/latest/ug/sample_findings.html
func sample(d *detector, kind string, now time.Time) *detect.Finding {
	sum := sha256.Sum256([]byte("sample\x00" + d.ID + "\x00" + kind))
	id, seen := hex.EncodeToString(sum[:16]), now.UTC().Format(time.RFC3339)
	f := &detect.Finding{
		SchemaVersion: "2.0", AccountID: d.Place.Account, Region: d.Place.Region, Partition: "aws", ID: id, ARN: d.under("finding", id), Type: kind, Severity: detect.Medium,
		Title: "[SAMPLE] " + kind, Description: "[SAMPLE] A finding of the type " + kind + " about a resource that does not exist.",
		CreatedAt: stamp(now), UpdatedAt: stamp(now),
		Service: detect.Service{
			Name: "guardduty", DetectorID: d.ID, ResourceRole: "TARGET", EventFirstSeen: seen, EventLastSeen: seen, Count: 1,
			AdditionalInfo: &detect.AdditionalInfo{Value: `{"sample":true}`, Type: "default"},
		},
	}
	remote := &detect.RemoteIP{V4: "198.51.100.0", Country: &detect.Country{Name: "GeneratedFindingCountryName"}, City: &detect.City{Name: "GeneratedFindingCityName"},
		Organization: &detect.Organization{ASN: "-1", ASNOrg: "GeneratedFindingASNOrg", ISP: "GeneratedFindingISP", Org: "GeneratedFindingORG"}}
	purpose, rest, _ := strings.Cut(kind, ":")
	family, name, _ := strings.Cut(rest, "/")
	call := &detect.APICall{API: "GeneratedFindingAPIName", CallerType: "Remote IP", ServiceName: "GeneratedFindingAPIServiceName", RemoteIP: remote}
	key := &detect.AccessKey{AccessKeyID: "GeneratedFindingAccessKeyId", PrincipalID: "GeneratedFindingPrincipalId", UserName: "GeneratedFindingUserName", UserType: "IAMUser"}
	action := &f.Service.Action
	switch {
	case family == "S3":
		f.Resource = detect.Resource{Type: "S3Bucket", AccessKey: key, Buckets: []detect.Bucket{{ARN: "arn:aws:s3:::bucketName", Name: "bucketName", Type: "Destination"}}}
		action.Type, action.APICall = "AWS_API_CALL", call
	case family == "EC2" && custom(purpose):
		f.Resource = detect.Resource{Type: "AccessKey", AccessKey: key}
		action.Type, action.APICall = "AWS_API_CALL", call
	case family == "EC2":
		f.Resource = detect.Resource{Type: "Instance", Instance: &detect.InstanceDetails{InstanceID: "i-99999999", Zone: "GeneratedFindingInstaceAvailabilityZone",
			Interfaces: []detect.NetworkInterface{{ID: "eni-bfcffe88", PrivateIPAddress: "10.0.0.1", SubnetID: "GeneratedFindingSubnetId", VPCID: "GeneratedFindingVPCId"}}}}
		sampleTraffic(action, name, remote)
	default:
		f.Resource = detect.Resource{Type: "AccessKey", AccessKey: key}
		action.Type, action.APICall = "AWS_API_CALL", call
	}
	return f
}

// custom says whether findings of the family EC2 with a purpose are about a call,
// as those of custom detection rules are, and not about traffic.
func custom(purpose string) bool {
	switch purpose {
	case "CredentialAccess", "DefenseImpairment", "Exfiltration", "LateralMovement", "Persistence":
		return true
	}
	return false
}

func sampleTraffic(a *detect.Action, name string, remote *detect.RemoteIP) {
	local := &detect.LocalIP{V4: "10.0.0.23"}
	switch {
	case strings.Contains(name, "DNS") || strings.Contains(name, "Domain"):
		a.Type, a.DNSRequest = "DNS_REQUEST", &detect.DNSRequest{Domain: "GeneratedFindingDomainName", Protocol: "UDP"}
	case strings.HasPrefix(name, "PortProbe"):
		a.Type, a.PortProbe = "PORT_PROBE", &detect.PortProbe{Probes: []detect.PortProbeDetail{{LocalPort: detect.Port{Port: 22, Name: "SSH"}, LocalIP: local, RemoteIP: remote}}}
	default:
		a.Type, a.Connection = "NETWORK_CONNECTION", &detect.NetworkConnection{Direction: "OUTBOUND", Protocol: "TCP", LocalIP: local, RemoteIP: remote,
			LocalPort: detect.Port{Port: 39677, Name: "Unknown"}, RemotePort: detect.Port{Port: 80, Name: "HTTP"}}
	}
}
