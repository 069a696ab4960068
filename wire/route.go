package wire

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// labels reads the labels of the operation's path template from a path that
// matched it.
func (op *Op) labels(path string) (map[string]string, error) {
	template, _, _ := strings.Cut(op.URI, "?")
	labels := map[string]string{}
	if !strings.Contains(template, "{") {
		return labels, nil
	}
	want, have := strings.Split(template, "/"), strings.Split(path, "/")
	at := 0 // in have; a greedy label takes more than one part
	for i, part := range want {
		raw := ""
		if at < len(have) {
			raw = have[at]
		}
		at++
		if !strings.HasPrefix(part, "{") {
			continue
		}
		name := strings.Trim(part, "{+}")
		if strings.HasSuffix(part, "+}") {
			if end := len(have) - (len(want) - i - 1); end > i {
				raw, at = strings.Join(have[i:end], "/"), end
			}
		}
		s, err := url.PathUnescape(raw)
		if err != nil {
			return nil, serializationError("The path contains a syntax error.").With(err)
		}
		labels[name] = s
	}
	return labels, nil
}

// A Router finds the operation of a REST service from method, path and query.
type Router struct{ routes []route }

type route struct {
	op     int
	name   string
	method string
	parts  []string
	query  url.Values
	header string
	weight int
}

// NewRouter reads the templates of a service's operations.
func NewRouter(s *Service) *Router {
	r := &Router{}
	for i := range s.Ops {
		op := &s.Ops[i]
		path, fixed, _ := strings.Cut(op.URI, "?")
		query, _ := url.ParseQuery(fixed) // an error leaves what was readable, and a test reads them all
		rt := route{op: i, name: op.Name, method: op.Method, parts: strings.Split(strings.TrimSuffix(path, "/"), "/"), query: query, header: op.Header}
		for _, p := range rt.parts {
			switch {
			case strings.HasSuffix(p, "+}"):
			case strings.HasPrefix(p, "{"):
				rt.weight += 100
			default:
				rt.weight += 1000
			}
		}
		if rt.weight += 2 * len(query); op.Header != "" {
			rt.weight++
		}
		r.routes = append(r.routes, rt)
	}
	slices.SortStableFunc(r.routes, func(a, b route) int { return b.weight - a.weight })
	return r
}

// Find returns the index of the operation, the most specific one first, or
// -1. path is escaped, query raw. Where the SDKs name the operation in x-id,
// their word decides between those that match.
func (r *Router) Find(method, path, query string, header http.Header) int {
	have := strings.Split(strings.TrimSuffix(path, "/"), "/")
	var values url.Values
	if query != "" {
		values, _ = url.ParseQuery(query) // the decoder reports what is malformed
	}
	named, found := "", -1
	if id := values["x-id"]; len(id) == 1 {
		named = id[0]
	}
	for i := range r.routes {
		rt := &r.routes[i]
		if rt.method != method || found >= 0 && rt.name != named || !rt.matches(have) || !hasAll(values, rt.query) {
			continue
		}
		if rt.header != "" && header.Get(rt.header) == "" {
			continue
		}
		if found = rt.op; named == "" || rt.name == named {
			break
		}
	}
	return found
}

func (rt *route) matches(have []string) bool {
	for i, p := range rt.parts {
		if strings.HasSuffix(p, "+}") {
			tail := rt.parts[i+1:]
			return len(have) >= i+1+len(tail) && samePath(tail, have[len(have)-len(tail):])
		}
		if i >= len(have) || !samePath(rt.parts[i:i+1], have[i:i+1]) {
			return false
		}
	}
	return len(have) == len(rt.parts)
}

// samePath compares as many parts of a template and a path; a label stands for
// any part that is not empty.
func samePath(template, have []string) bool {
	for i, p := range template {
		if strings.HasPrefix(p, "{") {
			if have[i] == "" {
				return false
			}
		} else if p != have[i] {
			return false
		}
	}
	return true
}

func hasAll(have, want url.Values) bool {
	for k, v := range want {
		got, ok := have[k]
		if !ok || v[0] != "" && !slices.Contains(got, v[0]) {
			return false
		}
	}
	return true
}
