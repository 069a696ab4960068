package lint

import (
	"slices"
	"strings"

	"bartizan.dev/policy/reference"
)

func wild(s string) bool { return strings.ContainsAny(s, "*?") }

// actions checks Action and NotAction.
func (l *linter) actions(s *statement) {
	for _, v := range s.action.values {
		if l.actionExists(v) && l.Type == Resource {
			l.actionFits(s, v)
		}
	}
	l.redundantActions(s)
	for _, c := range s.conditions {
		l.actionsOfKey(s, c)
		l.actionForKey(s, c)
	}
}

// actionExists checks that an action, or one action that a pattern matches,
// exists.
func (l *linter) actionExists(v *node) bool {
	if v.text == "*" || hasVariable(v.text) {
		return true
	}
	prefix, name, found := strings.Cut(v.text, ":")
	switch {
	case !found || strings.Contains(name, ":"):
		l.about("INVALID_ACTION", at(v), v.text, "")
		return false
	case wild(prefix):
		l.about("WILDCARD_IN_SERVICE_NAME", within(v, 0, len(prefix)))
		return true
	}
	service, ok := l.Reference.Service(prefix)
	if !ok {
		l.about("INVALID_SERVICE_IN_ACTION", at(v), v.text, l.didYouMean(l.closeService(prefix)))
		return false
	}
	name = squeeze(lower(name))
	if !wild(name) {
		if _, ok := service.Action(name); ok {
			return true
		}
		close := ""
		if l.spend(len(service.Actions) * 200) {
			close = closest(name, func(yield func(string, string) bool) {
				for i := range service.Actions {
					if !yield(lower(service.Actions[i].Name), service.Prefix+":"+service.Actions[i].Name) {
						return
					}
				}
			})
		}
		l.about("INVALID_ACTION", at(v), v.text, l.didYouMean(close))
		return false
	}
	if len(name) > 256 || !l.spend(len(service.Actions)*(8+len(name))) { // no action has so long a name; no steps left
		return true
	}
	for i := range service.Actions {
		if matches(name, lower(service.Actions[i].Name)) {
			return true
		}
	}
	l.about("INVALID_ACTION", at(v), v.text, "")
	return false
}

func (l *linter) didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return " Did you mean " + name + "?"
}

func (l *linter) closeService(prefix string) string {
	if !l.spend(456 * 20) {
		return ""
	}
	return closest(lower(prefix), func(yield func(string, string) bool) {
		for _, p := range l.Reference.Prefixes() {
			if !yield(p, p) {
				return
			}
		}
	})
}

// resourceNames are AWS's words for the types a resource policy is validated for.
var resourceNames = map[string]string{
	Bucket: "S3 Bucket", AccessPoint: "S3 Access Point", MultiRegionAccessPoint: "S3 Multi-Region Access Point",
	ObjectLambda: "S3 Object Lambda Access Point", RoleTrust: "IAM Role Trust Policy", Table: "DynamoDB Table",
}

// attachable are the resource types, by service and name, that policies of each
// type speak of.
var attachable = map[string]struct {
	service string
	types   []string
	arns    []string // patterns of what Resource may name
}{
	Bucket:                 {"s3", []string{"bucket", "object"}, []string{"arn:*:s3:::*"}},
	AccessPoint:            {"s3", []string{"accesspoint", "accesspointobject"}, []string{"arn:*:s3:*:*:accesspoint/*"}},
	MultiRegionAccessPoint: {"s3", []string{"multiregionaccesspoint", "accesspoint", "accesspointobject"}, []string{"arn:*:s3::*:accesspoint/*"}},
	ObjectLambda:           {"s3-object-lambda", []string{"objectlambdaaccesspoint"}, []string{"arn:*:s3-object-lambda:*:*:accesspoint/*"}},
	Table:                  {"dynamodb", []string{"table", "index", "stream"}, []string{"arn:*:dynamodb:*:*:table/*"}},
}

// actionFits: a policy of a resource can speak of what is done to it only.
func (l *linter) actionFits(s *statement, v *node) {
	name := lower(v.text)
	if l.ResourceType == RoleTrust {
		if !slices.ContainsFunc(trustActions, func(a string) bool { return matches(name, a) }) {
			l.about("UNSUPPORTED_ACTION_IN_POLICY", at(v), v.text, resourceNames[RoleTrust])
		}
		return
	}
	fit, ok := attachable[l.ResourceType]
	if !ok || wild(name) && (name == "*" || strings.HasPrefix(name, fit.service+":")) {
		return
	}
	if a, ok := l.Reference.Action(v.text); ok && a.Service == fit.service && actsOn(a, fit.types) {
		return
	}
	l.about("UNSUPPORTED_ACTION_IN_POLICY", at(v), v.text, resourceNames[l.ResourceType])
}

// actsOn reports whether the action acts on a resource of one of the types.
func actsOn(a *reference.Action, types []string) bool {
	return slices.ContainsFunc(a.Resources, func(r reference.ActionResource) bool {
		return slices.Contains(types, lower(r.Type.Name))
	})
}

// redundantActions finds the values that another value covers.
func (l *linter) redundantActions(s *statement) {
	values := s.action.values
	texts := make([]string, len(values))
	patterns := map[string][]int{} // by service; "" for those of any service
	first := map[string]int{}
	for i, v := range values {
		texts[i] = squeeze(lower(v.text))
		if _, ok := first[texts[i]]; !ok {
			first[texts[i]] = i
			if wild(texts[i]) {
				prefix, _, found := strings.Cut(texts[i], ":")
				if !found || wild(prefix) {
					prefix = ""
				}
				patterns[prefix] = append(patterns[prefix], i)
			}
		}
	}
	var redundant []*node
	for i, v := range values {
		if l.steps == 0 {
			break
		}
		prefix, _, _ := strings.Cut(texts[i], ":")
		candidates := [][]int{patterns[""]}
		if prefix != "" {
			candidates = append(candidates, patterns[prefix])
		}
		if first[texts[i]] != i || slices.ContainsFunc(candidates, func(list []int) bool {
			return slices.ContainsFunc(list, func(j int) bool {
				return j != i && l.spend((len(texts[i])+len(texts[j]))/2) && covers(texts[j], texts[i])
			})
		}) {
			redundant = append(redundant, v)
		}
	}
	if len(redundant) > 0 {
		l.report("REDUNDANT_ACTION", atAll(redundant), len(redundant), redundant[0].text)
	}
}

// crossService are keys of one service that are present in requests to others.
func (l *linter) crossService(c *condition) bool {
	return slices.ContainsFunc(l.Reference.GlobalKeys(), func(k reference.ConditionKey) bool { return strings.EqualFold(k.Name, c.ref.Name) })
}

// actionsOfKey finds actions whose requests never carry the key. Patterns are
// not looked at, as with AWS.
func (l *linter) actionsOfKey(s *statement, c *condition) {
	if c.ref == nil || s.action.not || c.ifExists || c.family == nullOp || strings.HasPrefix(c.key, "aws:") || l.crossService(c) {
		return
	}
	var without []*node
	var names []string
	for _, v := range s.action.values {
		if a, ok := l.Reference.Action(v.text); ok && !carries(a, c.ref) {
			without = append(without, v)
			names = append(names, v.text)
		}
	}
	if len(without) > 0 {
		l.report("UNSUPPORTED_ACTION_FOR_CONDITION_KEY", append(atAll(without), at(c.node)), strings.Join(names, ", "), c.name)
	}
}

// carries reports whether requests for the action can carry the key.
func carries(a *reference.Action, key *reference.ConditionKey) bool {
	same := func(k *reference.ConditionKey) bool { return strings.EqualFold(k.Name, key.Name) }
	if slices.ContainsFunc(a.Keys, same) {
		return true
	}
	return slices.ContainsFunc(a.Resources, func(r reference.ActionResource) bool {
		return slices.ContainsFunc(r.Keys, same) || slices.ContainsFunc(r.Type.Keys, same)
	})
}

// setters are the actions without which a key cannot be set.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
var setters = map[string]string{
	"sts:sourceidentity":    "sts:SetSourceIdentity",
	"sts:transitivetagkeys": "sts:TagSession",
}

func (l *linter) actionForKey(s *statement, c *condition) {
	setter, ok := setters[c.key]
	if !ok || !s.allow || s.action.not || len(s.action.values) == 0 || c.family == nullOp {
		return
	}
	if !slices.ContainsFunc(s.action.values, func(v *node) bool { return matches(lower(v.text), lower(setter)) }) {
		l.report("MISSING_ACTION_FOR_CONDITION_KEY", []place{at(s.action.node), at(c.node)}, setter, c.name)
	}
}
