package detect

// Finding is a GuardDuty finding, schema version 2.0, and marshals to AWS's JSON.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Finding.html
type Finding struct {
	SchemaVersion string   `json:"schemaVersion"`
	AccountID     string   `json:"accountId"`
	Region        string   `json:"region"`
	Partition     string   `json:"partition"`
	ID            string   `json:"id"`
	ARN           string   `json:"arn"`
	Type          string   `json:"type"`
	Resource      Resource `json:"resource"`
	Service       Service  `json:"service"`
	Severity      float64  `json:"severity"`
	CreatedAt     string   `json:"createdAt"`
	UpdatedAt     string   `json:"updatedAt"`
	Title         string   `json:"title"`
	Description   string   `json:"description"`

	// Rule is the name of the Custom Detection Rule that raised it.
	Rule string `json:"customDetectionRuleName,omitempty"`
	// Sequence is the ARN of the attack sequence it is a signal of.
	Sequence string `json:"associatedAttackSequenceArn,omitempty"`
}

// Resource is what the finding is about.
type Resource struct {
	Type      string           `json:"resourceType"` // AccessKey, Instance, S3Bucket
	AccessKey *AccessKey       `json:"accessKeyDetails,omitempty"`
	Buckets   []Bucket         `json:"s3BucketDetails,omitempty"`
	Instance  *InstanceDetails `json:"instanceDetails,omitempty"`
}

// AccessKey is whose credentials were used.
type AccessKey struct {
	AccessKeyID string `json:"accessKeyId,omitempty"`
	PrincipalID string `json:"principalId,omitempty"`
	UserName    string `json:"userName,omitempty"`
	UserType    string `json:"userType,omitempty"`
}

// Bucket is an S3 bucket.
type Bucket struct {
	ARN          string        `json:"arn,omitempty"`
	Name         string        `json:"name,omitempty"`
	Type         string        `json:"type,omitempty"` // Destination
	PublicAccess *PublicAccess `json:"publicAccess,omitempty"`
}

// PublicAccess says how public a bucket is; UNKNOWN when one event does not tell.
type PublicAccess struct {
	EffectivePermission string `json:"effectivePermission,omitempty"`
}

// InstanceDetails is an EC2 instance, as far as its traffic tells.
type InstanceDetails struct {
	InstanceID string             `json:"instanceId,omitempty"`
	Zone       string             `json:"availabilityZone,omitempty"`
	Interfaces []NetworkInterface `json:"networkInterfaces,omitempty"`
}

// NetworkInterface is an interface of an instance.
type NetworkInterface struct {
	ID               string   `json:"networkInterfaceId,omitempty"`
	PrivateIPAddress string   `json:"privateIpAddress,omitempty"`
	IPv6Addresses    []string `json:"ipv6Addresses,omitempty"`
	SubnetID         string   `json:"subnetId,omitempty"`
	VPCID            string   `json:"vpcId,omitempty"`
}

// Service is what was seen.
type Service struct {
	Name           string          `json:"serviceName"`
	DetectorID     string          `json:"detectorId"`
	Action         Action          `json:"action,omitzero"` // not of sequences
	Detection      *Detection      `json:"detection,omitempty"`
	ResourceRole   string          `json:"resourceRole"` // TARGET or ACTOR
	AdditionalInfo *AdditionalInfo `json:"additionalInfo,omitempty"`
	Evidence       *Evidence       `json:"evidence,omitempty"`
	Feature        string          `json:"featureName,omitempty"`
	EventFirstSeen string          `json:"eventFirstSeen"`
	EventLastSeen  string          `json:"eventLastSeen"`
	Archived       bool            `json:"archived"`
	Count          int             `json:"count"`
}

// AdditionalInfo is JSON in a string, as AWS has it.
type AdditionalInfo struct {
	Value string `json:"value,omitempty"`
	Type  string `json:"type,omitempty"`
}

// Evidence names the threat lists.
type Evidence struct {
	Threats []ThreatIntelligence `json:"threatIntelligenceDetails"`
}

// ThreatIntelligence is one list and what it says.
type ThreatIntelligence struct {
	List       string   `json:"threatListName,omitempty"`
	Names      []string `json:"threatNames,omitempty"`
	FileSHA256 string   `json:"threatFileSha256,omitempty"`
}

// Action is what happened; the member that fits Type is set.
type Action struct {
	Type       string             `json:"actionType"` // AWS_API_CALL, NETWORK_CONNECTION, DNS_REQUEST, PORT_PROBE
	APICall    *APICall           `json:"awsApiCallAction,omitempty"`
	Connection *NetworkConnection `json:"networkConnectionAction,omitempty"`
	DNSRequest *DNSRequest        `json:"dnsRequestAction,omitempty"`
	PortProbe  *PortProbe         `json:"portProbeAction,omitempty"`
}

// APICall is AWS_API_CALL.
type APICall struct {
	API               string            `json:"api"`
	CallerType        string            `json:"callerType,omitempty"` // Remote IP or Domain
	Domain            *Domain           `json:"domainDetails,omitempty"`
	ErrorCode         string            `json:"errorCode,omitempty"`
	UserAgent         string            `json:"userAgent,omitempty"`
	RemoteIP          *RemoteIP         `json:"remoteIpDetails,omitempty"`
	ServiceName       string            `json:"serviceName"`
	RemoteAccount     *RemoteAccount    `json:"remoteAccountDetails,omitempty"`
	AffectedResources map[string]string `json:"affectedResources,omitempty"`
}

// Domain is the AWS service that called.
type Domain struct {
	Name string `json:"domain"`
}

// RemoteAccount is the account that called, if it is another one.
type RemoteAccount struct {
	AccountID  string `json:"accountId,omitempty"`
	Affiliated bool   `json:"affiliated"`
}

// RemoteIP is an address and, when a data base of places is there, where it is.
type RemoteIP struct {
	V4           string        `json:"ipAddressV4,omitempty"`
	V6           string        `json:"ipAddressV6,omitempty"`
	City         *City         `json:"city,omitempty"`
	Country      *Country      `json:"country,omitempty"`
	Location     *Location     `json:"geoLocation,omitempty"`
	Organization *Organization `json:"organization,omitempty"`
}

// City is a city.
type City struct {
	Name string `json:"cityName,omitempty"`
}

// Country is a country.
type Country struct {
	Code string `json:"countryCode,omitempty"`
	Name string `json:"countryName,omitempty"`
}

// Location is a place on the Earth.
type Location struct {
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

// Organization is an autonomous system.
type Organization struct {
	ASN    string `json:"asn,omitempty"`
	ASNOrg string `json:"asnOrg,omitempty"`
	ISP    string `json:"isp,omitempty"`
	Org    string `json:"org,omitempty"`
}

// NetworkConnection is NETWORK_CONNECTION.
type NetworkConnection struct {
	Blocked    bool      `json:"blocked"`
	Direction  string    `json:"connectionDirection"` // INBOUND, OUTBOUND, UNKNOWN
	Protocol   string    `json:"protocol"`
	Interface  string    `json:"localNetworkInterface,omitempty"`
	LocalIP    *LocalIP  `json:"localIpDetails,omitempty"`
	LocalPort  Port      `json:"localPortDetails"`
	RemoteIP   *RemoteIP `json:"remoteIpDetails,omitempty"`
	RemotePort Port      `json:"remotePortDetails"`
}

// LocalIP is the host's own address.
type LocalIP struct {
	V4 string `json:"ipAddressV4,omitempty"`
	V6 string `json:"ipAddressV6,omitempty"`
}

// Port is a port and the service that it is known for.
type Port struct {
	Port int    `json:"port"`
	Name string `json:"portName"`
}

// DNSRequest is DNS_REQUEST.
type DNSRequest struct {
	Domain           string `json:"domain"`
	Protocol         string `json:"protocol"`
	Blocked          bool   `json:"blocked"`
	DomainWithSuffix string `json:"domainWithSuffix,omitempty"`
}

// PortProbe is PORT_PROBE.
type PortProbe struct {
	Blocked bool              `json:"blocked"`
	Probes  []PortProbeDetail `json:"portProbeDetails"`
}

// PortProbeDetail is one probed port.
type PortProbeDetail struct {
	LocalPort Port      `json:"localPortDetails"`
	LocalIP   *LocalIP  `json:"localIpDetails,omitempty"`
	RemoteIP  *RemoteIP `json:"remoteIpDetails,omitempty"`
}
