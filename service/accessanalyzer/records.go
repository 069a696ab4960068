package accessanalyzer

import (
	"strings"
	"time"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/store"
)

// What is stored, and under which id. {key} is account/region/name; {home} adds
// a number that no other analyzer has, so that one that is made anew under an
// old name has nothing of the old one.
//
//	analyzer/{key}                 analyzer, index zone
//	rule/{home}/{name}              rule
//	finding/{home}/{id}             finding, index resource
//	analyzed/{home}/{arn}           analyzed
//	preview/{home}/{id}             preview
//	recommendation/{home}/{id}      recommendation
//	generation/{account}/{region}/{id}  generation
type records struct {
	analyzers       store.Collection[analyzer]
	rules           store.Collection[rule]
	findings        store.Collection[finding]
	resources       store.Collection[analyzed]
	previews        store.Collection[preview]
	recommendations store.Collection[recommendation]
	generations     store.Collection[generation]
}

func newRecords() records {
	return records{
		analyzers: store.Collection[analyzer]{Name: "analyzer", Indexes: []store.Index[analyzer]{
			{Name: "zone", Keys: func(a *analyzer) []string {
				if a.ofOrganization() {
					return []string{"organization"}
				}
				return nil
			}},
		}},
		rules: store.Collection[rule]{Name: "rule"},
		findings: store.Collection[finding]{Name: "finding", Indexes: []store.Index[finding]{
			{Name: "resource", Keys: func(f *finding) []string { return []string{f.Analyzer + "|" + f.Resource} }},
		}},
		resources:       store.Collection[analyzed]{Name: "analyzed"},
		previews:        store.Collection[preview]{Name: "preview"},
		recommendations: store.Collection[recommendation]{Name: "recommendation"},
		generations:     store.Collection[generation]{Name: "generation"},
	}
}

// analyzer is one analyzer.
type analyzer struct {
	Account, Region, Name string
	Serial                string
	Type                  accessanalyzerapi.Type
	Created               time.Time
	Tags                  map[string]string            `json:",omitzero"`
	Age                   int32                        `json:",omitzero"` // days after which access is unused
	Exclusions            []exclusion                  `json:",omitzero"`
	Inclusions            []inclusion                  `json:",omitzero"`
	Organization          string                       `json:",omitzero"`
	LastResource          string                       `json:",omitzero"`
	LastAt                time.Time                    `json:",omitzero"`
	Token                 string                       `json:",omitzero"` // client token that made it
	Reason                accessanalyzerapi.ReasonCode `json:",omitzero"` // why it is disabled
}

// exclusion is what an unused access analyzer leaves out.
type exclusion struct {
	Accounts []string            `json:",omitzero"`
	Tags     []map[string]string `json:",omitzero"`
}

// inclusion is what an internal access analyzer looks at.
type inclusion struct {
	Accounts  []string                         `json:",omitzero"`
	Types     []accessanalyzerapi.ResourceType `json:",omitzero"`
	Resources []string                         `json:",omitzero"`
}

func (a *analyzer) key() string { return a.Account + "/" + a.Region + "/" + a.Name }

// home is where the analyzer's own records are.
func (a *analyzer) home() string { return a.key() + "/" + a.Serial }

// ARN is the analyzer's.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsiamaccessanalyzer.html
func (a *analyzer) ARN() string {
	return "arn:aws:access-analyzer:" + a.Region + ":" + a.Account + ":analyzer/" + a.Name
}

func (a *analyzer) unused() bool {
	return strings.HasSuffix(string(a.Type), "_UNUSED_ACCESS")
}

func (a *analyzer) internal() bool {
	return strings.HasSuffix(string(a.Type), "_INTERNAL_ACCESS")
}

func (a *analyzer) ofOrganization() bool {
	return strings.HasPrefix(string(a.Type), "ORGANIZATION")
}

// rule is an archive rule.
type rule struct {
	Name             string
	Filter           filter
	Created, Updated time.Time
	Token            string `json:",omitzero"` // client token that made it
}

// finding is one finding, external or unused.
type finding struct {
	ID, Analyzer     string // the analyzer's home
	Kind             accessanalyzerapi.FindingType
	Resource         string
	ResourceType     accessanalyzerapi.ResourceType
	Owner            string // account of the resource
	Status           accessanalyzerapi.FindingStatus
	Created, Updated time.Time
	Analyzed         time.Time
	Error            string                                             `json:",omitzero"`
	Principal        map[string]string                                  `json:",omitzero"`
	Actions          []string                                           `json:",omitzero"`
	Condition        map[string]string                                  `json:",omitzero"`
	Public           bool                                               `json:",omitzero"`
	Restriction      accessanalyzerapi.ResourceControlPolicyRestriction `json:",omitzero"`
	Access           accessanalyzerapi.InternalAccessType               `json:",omitzero"` // of internal access
	Key              string                                             `json:",omitzero"` // unused access key
	Namespace        string                                             `json:",omitzero"` // of unused permissions
	LastUsed         time.Time                                          `json:",omitzero"`
	Unused           []unusedAction                                     `json:",omitzero"`
}

type unusedAction struct {
	Name string
	Used time.Time `json:",omitzero"`
}

// analyzed is a resource that was looked at.
type analyzed struct {
	ARN, Owner string
	Type       accessanalyzerapi.ResourceType
	Created    time.Time
	Analyzed   time.Time
	Read       time.Time // when what was looked at was read
	Updated    time.Time
	Public     bool     `json:",omitzero"`
	Actions    []string `json:",omitzero"`
	Shared     bool     `json:",omitzero"` // a finding is active
	Error      string   `json:",omitzero"`
}

// preview is an access preview.
type preview struct {
	ID       string
	Created  time.Time
	Status   accessanalyzerapi.AccessPreviewStatus
	Reason   accessanalyzerapi.AccessPreviewStatusReasonCode `json:",omitzero"`
	Given    []byte                                          // the configurations as they were given, JSON
	Findings []previewFinding                                `json:",omitzero"`
	Token    string                                          `json:",omitzero"`
}

type previewFinding struct {
	finding
	Change         accessanalyzerapi.FindingChangeType
	Existing       string                          `json:",omitzero"`
	ExistingStatus accessanalyzerapi.FindingStatus `json:",omitzero"`
}

// recommendation is what to do about unused permissions.
type recommendation struct {
	Started, Completed time.Time
	Resource           string
	Status             accessanalyzerapi.Status
	Code, Message      string `json:",omitzero"` // of a failure
	Steps              []step `json:",omitzero"`
}

type step struct {
	Action   accessanalyzerapi.RecommendedRemediationAction
	Policy   string `json:",omitzero"` // recommended
	Existing string
	Updated  time.Time
}

// generation is one generation of a policy.
type generation struct {
	ID, Account, Region string
	Principal           string
	Status              accessanalyzerapi.JobStatus
	Started, Completed  time.Time
	From, To            time.Time
	Trail               *trailScope                    `json:",omitzero"` // nil: the account's event history
	Code                accessanalyzerapi.JobErrorCode `json:",omitzero"`
	Message             string                         `json:",omitzero"`
	Result              map[string]generated           `json:",omitzero"` // by form
	Token               string                         `json:",omitzero"`
}

type trailScope struct {
	ARN     string
	Regions []string
	All     bool
}

type generated struct {
	Policies []string
	Complete bool
}
