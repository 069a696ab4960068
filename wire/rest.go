package wire

import (
	"io"
	"net/url"
	"reflect"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// rest decodes a request of restJson1 or restXml: labels, query, headers and
// the body.
func (d *treeDecoder) rest(op *Operation, p *plan, r *Request, v reflect.Value) error {
	labels, err := op.labels(r.Path)
	if err != nil {
		return err
	}
	query, err := url.ParseQuery(r.Query)
	if err != nil {
		return serializationError("The query string contains a syntax error.").With(err)
	}
	for i := range p.fields {
		f := &p.fields[i]
		if f.Location == InBody {
			continue
		}
		if err := d.push(step{name: f.Name}); err != nil {
			return err
		}
		got, err := d.bound(f, f.target, v, i, r, labels, query)
		d.pop()
		if err != nil {
			return err
		}
		if !got {
			if f.ptr {
				v.Field(i).SetZero()
			}
			if f.Required {
				d.missing(f.Name)
			}
		}
	}
	return d.restBody(op, p, r, v)
}

// bound decodes a member from outside the body; it reports whether it was
// there.
func (d *treeDecoder) bound(f *field, target func(reflect.Value, int) reflect.Value, v reflect.Value, i int, r *Request, labels map[string]string, query url.Values) (bool, error) {
	switch f.Location {
	case InURI:
		s, ok := labels[f.name]
		if !ok || s == "" {
			return false, nil
		}
		return true, d.text(f.plan, s, TimeISO, target(v, i))
	case InQuery:
		return d.query(f, target, v, i, query)
	case InHeader:
		values := r.Header.Values(f.name)
		if len(values) == 0 {
			return false, nil
		}
		return true, d.header(f.plan, values, target(v, i))
	case InHeaders:
		m := reflect.MakeMap(f.plan.typ)
		for name, values := range r.Header {
			if rest, ok := cutPrefixFold(name, f.name); ok {
				m.SetMapIndex(reflect.ValueOf(strings.ToLower(rest)).Convert(f.plan.key.typ), reflect.ValueOf(strings.Join(values, ",")).Convert(f.plan.elem.typ))
			}
		}
		if m.Len() == 0 {
			return false, nil
		}
		target(v, i).Set(m)
		return true, nil
	}
	return false, nil
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}

// query decodes a member of the query string: a scalar, a list of repeated
// parameters, or a map of all parameters that no other member names.
func (d *treeDecoder) query(f *field, target func(reflect.Value, int) reflect.Value, v reflect.Value, i int, query url.Values) (bool, error) {
	values, ok := query[f.name]
	switch {
	case f.plan.Kind == Map:
		m := reflect.MakeMap(f.plan.typ)
		for k, vs := range query {
			e := reflect.New(f.plan.elem.typ).Elem()
			if f.plan.elem.Kind == List {
				e.Set(reflect.ValueOf(vs).Convert(f.plan.elem.typ))
			} else {
				e.SetString(vs[0])
			}
			m.SetMapIndex(reflect.ValueOf(k).Convert(f.plan.key.typ), e)
		}
		target(v, i).Set(m)
		return true, nil
	case !ok:
		return false, nil
	case f.plan.Kind == List:
		return true, d.texts(f.plan, values, TimeISO, target(v, i))
	}
	return true, d.text(f.plan, values[0], TimeISO, target(v, i))
}

func (d *treeDecoder) texts(p *plan, values []string, format TimeFormat, v reflect.Value) error {
	outer, list := d.open(), reflect.MakeSlice(p.typ, len(values), len(values))
	for i, s := range values {
		if err := d.push(step{n: i + 1}); err != nil {
			return err
		}
		if err := d.text(p.elem, s, format, list.Index(i)); err != nil {
			return err
		}
		d.pop()
	}
	v.Set(list)
	d.checkAll(p, v, outer, false)
	return nil
}

// text decodes and checks one scalar from outside the body.
func (d *treeDecoder) text(p *plan, s string, format TimeFormat, v reflect.Value) error {
	if p.Kind == Timestamp {
		if p.Format != TimeDefault {
			format = p.Format
		}
		return d.setTime(v, s, format)
	}
	if err := d.scalar(p, s, v); err != nil {
		return serializationError("%s", AsError(err).Message)
	}
	d.check(p, v)
	return nil
}

func (d *treeDecoder) header(p *plan, values []string, v reflect.Value) error {
	if p.Kind != List {
		return d.text(p, values[0], TimeHTTP, v)
	}
	var parts []string
	for _, value := range values {
		parts = append(parts, splitHeader(value, p.elem.Kind == Timestamp && p.elem.Format != TimeISO && p.elem.Format != TimeUnix)...)
	}
	return d.texts(p, parts, TimeHTTP, v)
}

// splitHeader splits a list at commas outside quotes (RFC 9110, 5.6.1); an
// HTTP date has a comma of its own.
func splitHeader(s string, dates bool) []string {
	var out []string
	start, quoted, commas := 0, false, 0
	flush := func(end int) {
		part := strings.TrimSpace(s[start:end])
		if u := strings.TrimSuffix(strings.TrimPrefix(part, `"`), `"`); len(part) >= 2 && len(u) == len(part)-2 {
			part = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(u)
		}
		out = append(out, part)
		start = end + 1
	}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			if commas++; !dates || commas%2 == 0 {
				flush(i)
			}
		}
	}
	if start < len(s) {
		flush(len(s))
	}
	return out
}

// restBody decodes the body: one payload member, or all unbound members.
func (d *treeDecoder) restBody(op *Operation, p *plan, r *Request, v reflect.Value) error {
	if p.Payload > 0 {
		return d.payload(op, p, r.Body, r.Stream, v)
	}
	if !hasBody(p) {
		return nil
	}
	if op.Service.Protocol == RESTJSON {
		return d.jsonBody(p, r.Body, v)
	}
	if len(r.Body) == 0 {
		return d.complete(p, new(seen))
	}
	root, err := op.document(r.Body, op.Root)
	if err != nil {
		return err
	}
	return d.structure(p, root, v)
}

// document reads the body of a restXml request, whose root element must have
// the name, unless that is empty.
func (op *Operation) document(body []byte, name string) (*node, error) {
	root, err := parseXML(body)
	s3 := op.Service.Name == "s3"
	switch {
	case err != nil && s3:
		return nil, err
	case err != nil: // Route 53 and CloudFront
		return nil, Errorf("MalformedInput", "%s", AsError(err).Message).With(err)
	case name == "" || root.name == name:
		return root, nil
	case s3:
		return nil, errXML
	}
	// Recorded from Route 53: "ChangeBatch is not valid, expected ChangeResourceRecordSetsRequest".
	return nil, Errorf("MalformedInput", "%s is not valid, expected %s", clip(root.name), name)
}

func hasBody(p *plan) bool {
	for i := range p.fields {
		if p.fields[i].Location == InBody {
			return true
		}
	}
	return false
}

func (d *treeDecoder) payload(op *Operation, p *plan, body []byte, stream any, v reflect.Value) error {
	i := int(p.Payload) - 1
	f := &p.fields[i]
	if f.plan.Kind == Blob && v.Field(i).Kind() == reflect.Interface {
		if stream != nil && !reflect.ValueOf(stream).IsZero() {
			v.Field(i).Set(reflect.ValueOf(stream))
		} else {
			v.Field(i).Set(reflect.ValueOf(newBody(body)))
		}
		return nil
	}
	if len(body) == 0 {
		if f.Required {
			d.missing(f.Name)
		}
		return nil
	}
	if err := d.push(step{name: f.Name}); err != nil {
		return err
	}
	target := f.target(v, i)
	switch {
	case f.plan.Kind == Blob:
		target.SetBytes(body)
		d.check(f.plan, target)
	case f.plan.Kind == String:
		target.SetString(string(body))
		d.check(f.plan, target)
	case op.Service.Protocol == RESTJSON:
		if err := d.decodeJSON(f.plan, body, target); err != nil {
			return err
		}
	default:
		name := payloadName(f)
		if d.lenient {
			name = ""
		}
		root, err := op.document(body, name)
		if err != nil {
			return err
		}
		if err := d.value(f.plan, root, target); err != nil {
			return err
		}
	}
	d.pop()
	return nil
}

// encodeREST writes an answer of restJson1 or restXml.
func (op *Operation) encodeREST(res *Response, p *plan, v reflect.Value) {
	for i := range p.fields {
		f := &p.fields[i]
		fv, ok := f.present(v, i)
		if !ok {
			continue
		}
		switch f.Location {
		case InHeader:
			res.Header[canonical(f.name)] = []string{headerText(f.plan, fv)}
		case InHeaders:
			for _, k := range sortedKeys(fv) {
				res.Header[canonical(f.name+k.String())] = []string{fv.MapIndex(k).String()}
			}
		case InStatus:
			res.Status = int(fv.Int())
		}
	}
	if p.Payload > 0 {
		i := int(p.Payload) - 1
		op.encodePayload(res, &p.fields[i], v, i, xmlHead)
		return
	}
	if op.Service.Protocol == RESTJSON {
		res.set("Content-Type", contentJSON)
		if op.Out != None {
			res.Body = appendJSON(nil, p, v)
		}
		return
	}
	if hasBody(p) {
		w := xmlWriter{b: append(make([]byte, 0, 1024), xmlHead...)}
		w.openStructure(p, p.Name, op.Service.Namespace, v)
		w.members(p, v)
		w.close(p.Name)
		res.set("Content-Type", op.Service.xmlType())
		res.Body = w.b
	}
}

// xmlType is the Content-Type of XML answers.
func (s *Service) xmlType() string {
	if s.Name == "s3" {
		return contentXML
	}
	return contentText
}

// encodePayload writes the member that is the body, with its Content-Type unless
// a member of the message gave one; head comes before an XML document.
func (op *Operation) encodePayload(res *Response, f *field, v reflect.Value, i int, head string) {
	fv, ok := f.present(v, i)
	if !ok {
		return
	}
	content := contentBinary
	switch {
	case fv.Kind() == reflect.Interface:
		res.Stream = fv.Interface().(io.ReadCloser)
	case f.plan.Kind == Blob:
		res.Body = fv.Bytes()
	case f.plan.Kind == String:
		content = contentPlain
		res.Body = []byte(fv.String())
	case op.Service.Protocol == RESTJSON:
		content = contentJSON
		res.Body = appendJSON(nil, f.plan, fv)
	default:
		content = op.Service.xmlType()
		w := xmlWriter{b: append(make([]byte, 0, 1024), head...)}
		ns := f.XMLNS
		if ns == "" && f.plan.XMLNS == "" {
			ns = op.Service.Namespace
		}
		w.value(f.plan, payloadName(f), ns, fv)
		res.Body = w.b
	}
	if _, given := res.Header["Content-Type"]; !given {
		res.set("Content-Type", content)
	}
}

// payloadName is the root element of a payload.
func payloadName(f *field) string {
	if f.Wire != "" {
		return f.Wire
	}
	return f.plan.Name
}

// canonical is a header name as http.Header keys it: X-Amz-Meta-Color.
func canonical(name string) string {
	out := []byte(name)
	up := true
	for i, c := range out {
		if up && c >= 'a' && c <= 'z' {
			out[i] = c - 'a' + 'A'
		} else if !up && c >= 'A' && c <= 'Z' {
			out[i] = c - 'A' + 'a'
		}
		up = c == '-'
	}
	return string(out)
}

func headerText(p *plan, v reflect.Value) string {
	if p.Kind != List {
		return scalarText(p, v, TimeHTTP)
	}
	var parts []string
	for i := range v.Len() {
		s := scalarText(p.elem, v.Index(i), TimeHTTP)
		if p.elem.Kind == String && strings.ContainsAny(s, `,"`) {
			s = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, ", ")
}
