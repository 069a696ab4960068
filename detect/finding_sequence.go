package detect

// Detection is what an attack sequence is made of.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Sequence.html
type Detection struct {
	Sequence *Sequence `json:"sequence,omitempty"`
}

// Sequence is the signals that came one after another.
type Sequence struct {
	UID         string      `json:"uid"`
	Description string      `json:"description"`
	Actors      []Actor     `json:"actors,omitempty"`
	Resources   []Resource2 `json:"resources,omitempty"`
	Endpoints   []Endpoint  `json:"endpoints,omitempty"`
	Signals     []Signal    `json:"signals"`
	Indicators  []Indicator `json:"sequenceIndicators,omitempty"`
}

// Actor is who acted.
type Actor struct {
	ID      string        `json:"id"`
	User    *ActorUser    `json:"user,omitempty"`
	Session *ActorSession `json:"session,omitempty"`
}

// ActorUser is an actor's identity.
type ActorUser struct {
	Name       string        `json:"name"`
	UID        string        `json:"uid"`
	Type       string        `json:"type"`
	Credential string        `json:"credentialUid,omitempty"`
	Account    *ActorAccount `json:"account,omitempty"`
}

// ActorAccount is an actor's account.
type ActorAccount struct {
	UID string `json:"uid"`
}

// ActorSession is an actor's session.
type ActorSession struct {
	UID     string  `json:"uid,omitempty"`
	MFA     string  `json:"mfaStatus,omitempty"` // ENABLED, DISABLED
	Created float64 `json:"createdTime,omitempty"`
	Issuer  string  `json:"issuer,omitempty"`
}

// Resource2 is AWS's second form of a resource.
type Resource2 struct {
	UID       string        `json:"uid"`
	Name      string        `json:"name,omitempty"`
	AccountID string        `json:"accountId,omitempty"`
	Type      string        `json:"resourceType"` // ACCESS_KEY
	Region    string        `json:"region,omitempty"`
	Service   string        `json:"service,omitempty"`
	Partition string        `json:"cloudPartition,omitempty"`
	Data      *ResourceData `json:"data,omitempty"`
}

// ResourceData is about the resource.
type ResourceData struct {
	AccessKey *AccessKey2 `json:"accessKey,omitempty"`
}

// AccessKey2 is whose key it is.
type AccessKey2 struct {
	PrincipalID string `json:"principalId,omitempty"`
	UserName    string `json:"userName,omitempty"`
	UserType    string `json:"userType,omitempty"`
}

// Endpoint is where calls came from.
type Endpoint struct {
	ID       string         `json:"id"`
	IP       string         `json:"ip,omitempty"`
	Domain   string         `json:"domain,omitempty"`
	Location *EndpointPlace `json:"location,omitempty"`
	System   *EndpointASN   `json:"autonomousSystem,omitempty"`
}

// EndpointPlace is where an endpoint is.
type EndpointPlace struct {
	City    string  `json:"city"`
	Country string  `json:"country"`
	Lat     float64 `json:"lat"`
	Lon     float64 `json:"lon"`
}

// EndpointASN is whose network it is in.
type EndpointASN struct {
	Name   string `json:"name"`
	Number int    `json:"number"`
}

// Signal is one finding among those of a sequence. Times are seconds since 1970.
type Signal struct {
	UID         string      `json:"uid"`
	Type        string      `json:"type"` // FINDING
	Name        string      `json:"name"`
	Description string      `json:"description,omitempty"`
	Severity    float64     `json:"severity"`
	Count       int         `json:"count"`
	Created     float64     `json:"createdAt"`
	Updated     float64     `json:"updatedAt"`
	FirstSeen   float64     `json:"firstSeenAt"`
	LastSeen    float64     `json:"lastSeenAt"`
	Resources   []string    `json:"resourceUids,omitempty"`
	Actors      []string    `json:"actorIds,omitempty"`
	Endpoints   []string    `json:"endpointIds,omitempty"`
	Indicators  []Indicator `json:"signalIndicators,omitempty"`
}

// Indicator is why a signal is one.
type Indicator struct {
	Key    string   `json:"key"` // ATTACK_TACTIC, HIGH_RISK_API, TOR_IP …
	Values []string `json:"values,omitempty"`
	Title  string   `json:"title,omitempty"`
}
