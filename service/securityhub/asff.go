package securityhub

import (
	"encoding/json"
	"fmt"
	"strconv"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/wire"
)

// ASFF is a finding in the AWS Security Finding Format, as encoding/json reads it.
// https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html
type ASFF map[string]any

// codec turns findings of the API into ASFF and back, by the model of the wire.
type codec struct{ find wire.Operation }

func newCodec(s *Service) codec {
	for _, op := range api.Operations(s) {
		if op.Name == "GetFindings" {
			return codec{op}
		}
	}
	panic("securityhub: the model has no GetFindings")
}

// parse makes ASFF of findings of the API.
func (c codec) parse(all []api.AwsSecurityFinding) ([]ASFF, error) {
	res, err := c.find.Encode(&api.GetFindingsResponse{Findings: all}, "", false)
	if err != nil {
		return nil, err
	}
	var out struct{ Findings []ASFF }
	return out.Findings, json.Unmarshal(res.Body, &out)
}

// show makes findings of the API of stored ones.
func (c codec) show(bodies []json.RawMessage) ([]api.AwsSecurityFinding, error) {
	body, err := json.Marshal(map[string]any{"Findings": bodies})
	if err != nil {
		return nil, err
	}
	out := new(api.GetFindingsResponse)
	if err := c.find.DecodeResponse(&wire.Response{Status: 200, Body: body}, out); err != nil {
		return nil, fmt.Errorf("securityhub: a stored finding: %w", err)
	}
	return out.Findings, nil
}

func (f *finding) read() (ASFF, error) {
	var a ASFF
	return a, json.Unmarshal(f.Body, &a)
}

// str is the string at a path of names, or "".
func (a ASFF) str(path ...string) string {
	v, _ := a.at(path...).(string)
	return v
}

// at is what lies at a path of names, or nil.
func (a ASFF) at(path ...string) any {
	var v any = map[string]any(a)
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// set writes at a path of names; nil removes.
func (a ASFF) set(v any, path ...string) {
	m := map[string]any(a)
	for _, name := range path[:len(path)-1] {
		next, ok := m[name].(map[string]any)
		if !ok {
			if v == nil {
				return
			}
			next = map[string]any{}
			m[name] = next
		}
		m = next
	}
	if last := path[len(path)-1]; v == nil {
		delete(m, last)
	} else {
		m[last] = v
	}
}

// fill writes at a path where nothing is.
func (a ASFF) fill(v any, path ...string) {
	if a.at(path...) == nil {
		a.set(v, path...)
	}
}

// spread appends all that lies at a path of names, through lists.
func spread(out []any, v any, path []string) []any {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			out = spread(out, e, path)
		}
		return out
	case nil:
		return out
	case map[string]any:
		if len(path) == 0 {
			return append(out, v)
		}
		return spread(out, v[path[0]], path[1:])
	}
	if len(path) > 0 {
		return out
	}
	return append(out, v)
}

// word is a scalar as text.
func word(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case nil:
		return ""
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

// productOf is the ARN of a finding with its product before it, under which
// EventBridge and ProductFields know it.
func (a ASFF) resource() string { return a.str("ProductArn") + "/" + a.str("Id") }

// severityLabel is the label of a normalized severity.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_Severity.html
func severityLabel(normalized float64) string {
	switch {
	case normalized < 1:
		return "INFORMATIONAL"
	case normalized < 40:
		return "LOW"
	case normalized < 70:
		return "MEDIUM"
	case normalized < 90:
		return "HIGH"
	}
	return "CRITICAL"
}

// severityNormalized is the least normalized severity with a label.
func severityNormalized(label string) float64 {
	return map[string]float64{"LOW": 1, "MEDIUM": 40, "HIGH": 70, "CRITICAL": 90}[label]
}

func strings2any(list []string) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}
