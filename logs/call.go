package logs

import "net/netip"

// Call is one CloudTrail event.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
type Call struct {
	Time     Time
	ID       string // eventID
	Source   string // eventSource: iam.amazonaws.com
	Name     string // eventName: CreateUser
	Type     string // eventType: AwsApiCall, AwsConsoleSignIn …
	Category string // eventCategory: Management, Data, NetworkActivity
	Version  string // eventVersion
	Region   string // awsRegion
	Account  string // recipientAccountId

	Identity Identity

	SourceIP  string     // sourceIPAddress: an address or the name of a service
	Addr      netip.Addr // SourceIP, if it is an address
	UserAgent string

	ErrorCode    string
	ErrorMessage string
	ReadOnly     Flag
	Management   Flag // managementEvent

	RequestID      string
	SharedEventID  string
	VPCEndpointID  string
	VPCEndpoint    string // vpcEndpointAccountId
	FromConsole    Flag   // sessionCredentialFromConsole
	Params         Value  // requestParameters
	Response       Value  // responseElements
	Additional     Value  // additionalEventData
	ServiceDetails Value  // serviceEventDetails
	Resources      Value  // resources: an array of ARN, accountId, type
	TLS            Value  // tlsDetails
	InsightDetails Value  // insightDetails, of events that this package skips
	seen           uint64 // which members have been read
}

// Identity is who called.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
type Identity struct {
	Type      string // Root, IAMUser, AssumedRole, Role, FederatedUser, Directory, AWSAccount, AWSService, IdentityCenterUser, SAMLUser, WebIdentityUser, Unknown
	Principal string // principalId
	ARN       string
	Account   string // accountId
	User      string // userName
	AccessKey string // accessKeyId
	InvokedBy string // the service that called on the caller's behalf
	Provider  string // identityProvider, of web identities
	OnBehalf  string // onBehalfOf.userId, in IAM Identity Center

	// Of temporary credentials:
	Issuer         Issuer
	MFA            Flag // mfaAuthenticated
	Created        Time // creationDate
	SourceIdentity string
	RoleDelivery   string // ec2RoleDelivery: the version of the instance metadata service
	AssumedRoot    Flag
	Federation     string // webIdFederationData.federatedProvider
}

// Issuer is the role, user or account that temporary credentials came from.
type Issuer struct {
	Type, Principal, ARN, Account, User string
}

// Failed says whether the call was refused or went wrong.
func (c *Call) Failed() bool { return c.ErrorCode != "" || c.ErrorMessage != "" }
