package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A service is one of the services that the tests are written against.
type service struct{ name, shape, protocol string }

var services = []service{
	{"awsjson10", "aws.protocoltests.json10#JsonRpc10", "json"},
	{"awsjson11", "aws.protocoltests.json#JsonProtocol", "json"},
	{"awsquery", "aws.protocoltests.query#AwsQuery", "query"},
	{"ec2query", "aws.protocoltests.ec2#AwsEc2", "ec2"},
	{"restjson1", "aws.protocoltests.restjson#RestJson", "rest-json"},
	{"restjson1validation", "aws.protocoltests.restjson.validation#RestJsonValidation", "rest-json"},
	{"restxml", "aws.protocoltests.restxml#RestXml", "rest-xml"},
	{"restxmlns", "aws.protocoltests.restxml.xmlns#RestXmlWithNamespace", "rest-xml"},
	{"rpcv2cbor", "smithy.protocoltests.rpcv2Cbor#RpcV2Protocol", "smithy-rpc-v2-cbor"},
	{"s3", "com.amazonaws.s3#AmazonS3", "rest-xml"},
}

// object is a JSON object to be written.
type object = map[string]any

// A converter writes one service in the form of botocore's service-2.json.
type converter struct {
	model   *model
	service service
	shapes  map[string]object
	cases   []testCase
	ns      string
}

func (c *converter) convert() (object, error) {
	s := c.model.Shapes[c.service.shape]
	if s == nil {
		return nil, fmt.Errorf("no such service")
	}
	var ns struct{ URI string }
	s.Traits.read("smithy.api#xmlNamespace", &ns)
	c.ns = ns.URI
	meta := object{
		"apiVersion": s.Version, "endpointPrefix": c.service.name, "serviceId": c.service.name,
		"protocol": c.service.protocol, "targetPrefix": local(c.service.shape), "xmlNamespace": c.ns,
	}
	switch {
	case c.service.name == "awsjson10":
		meta["jsonVersion"] = "1.0"
	case c.service.name == "awsjson11":
		meta["jsonVersion"] = "1.1"
	case c.service.protocol == "smithy-rpc-v2-cbor":
		meta["jsonVersion"], meta["protocols"] = "1.0", []string{c.service.protocol, "json"}
	}
	c.shapes = map[string]object{}
	operations := object{}
	for _, r := range s.Operations {
		op, err := c.operation(r.Target)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Target, err)
		}
		operations[local(r.Target)] = op
	}
	return object{"version": "2.0", "metadata": meta, "operations": operations, "shapes": c.shapes}, nil
}

func (c *converter) operation(id string) (object, error) {
	sh := c.model.Shapes[id]
	name := local(id)
	op := object{"name": name}
	http := object{"method": "POST", "requestUri": "/"}
	if c.rest() {
		var h struct {
			Method, URI string
			Code        int
		}
		sh.Traits.read("smithy.api#http", &h)
		http = object{"method": h.Method, "requestUri": h.URI}
		if h.Code != 0 && h.Code != 200 {
			http["responseCode"] = h.Code
		}
	}
	op["http"] = http
	if in := sh.Input.Target; in != "" && in != "smithy.api#Unit" {
		ref := object{"shape": c.add(in)}
		if c.service.protocol == "rest-xml" {
			ref["locationName"] = c.xmlName(in)
			if uri := c.namespace(c.model.Shapes[in].Traits); uri != "" {
				ref["xmlNamespace"] = object{"uri": uri}
			} else if c.ns != "" {
				ref["xmlNamespace"] = object{"uri": c.ns}
			}
		}
		op["input"] = ref
	}
	if out := sh.Output.Target; out != "" && out != "smithy.api#Unit" {
		ref := object{"shape": c.add(out)}
		if c.service.protocol == "query" {
			ref["resultWrapper"] = name + "Result"
		}
		op["output"] = ref
	}
	var errs []object
	for _, e := range sh.Errors {
		errs = append(errs, object{"shape": c.add(e.Target)})
		if err := c.tests(e.Target, name, local(e.Target)); err != nil {
			return nil, err
		}
	}
	if errs != nil {
		op["errors"] = errs
	}
	return op, c.tests(id, name, "")
}

func (c *converter) rest() bool { return strings.HasPrefix(c.service.protocol, "rest-") }

func (c *converter) xml() bool { return !strings.Contains(c.service.protocol, "json") }

func (c *converter) xmlName(id string) string {
	if name := c.model.Shapes[id].Traits.text("xmlName"); name != "" {
		return name
	}
	return local(id)
}

func (c *converter) namespace(t traits) string {
	var ns struct{ URI string }
	t.read("smithy.api#xmlNamespace", &ns)
	return ns.URI
}

// add converts a shape and those it refers to, and returns its name.
func (c *converter) add(id string) string {
	name := local(id)
	if strings.HasPrefix(id, "smithy.api#") || strings.Contains(id, "nested#") {
		name = strings.NewReplacer("smithy.api#", "", ".", "").Replace(strings.TrimPrefix(id, "aws.protocoltests.restjson.")) // namesakes
		name = strings.ReplaceAll(name, "#", "")
	}
	if _, done := c.shapes[name]; done {
		return name
	}
	sh := c.model.Shapes[id]
	o := object{}
	c.shapes[name] = o
	if sh == nil {
		sh = &shape{Type: strings.ToLower(strings.TrimPrefix(local(id), "Primitive"))}
	}
	c.common(o, sh)
	switch sh.Type {
	case "structure", "union":
		c.structure(o, sh)
	case "list":
		o["type"], o["member"] = "list", c.ref(&sh.Member, true)
	case "map":
		o["type"], o["key"], o["value"] = "map", c.ref(&sh.Key, true), c.ref(&sh.Value, true)
	case "enum":
		o["type"], o["enum"] = "string", enumValues(sh)
	case "intEnum", "byte", "short", "biginteger":
		o["type"] = "integer"
	case "bigdecimal":
		o["type"] = "double"
	case "document":
		o["type"], o["document"] = "structure", true
	default:
		o["type"] = sh.Type
	}
	return name
}

// common writes what traits say of shapes of any type.
func (c *converter) common(o object, sh *shape) {
	var bounds struct{ Min, Max json.RawMessage }
	if sh.Traits.read("smithy.api#length", &bounds) || sh.Traits.read("smithy.api#range", &bounds) {
		if bounds.Min != nil {
			o["min"] = bounds.Min
		}
		if bounds.Max != nil {
			o["max"] = bounds.Max
		}
	}
	if p := sh.Traits.text("pattern"); p != "" {
		o["pattern"] = p
	}
	for trait, key := range map[string]string{"sensitive": "sensitive", "streaming": "streaming"} {
		if sh.Traits.has(trait) {
			o[key] = true
		}
	}
	if f := timeFormat(sh.Traits); f != "" {
		o["timestampFormat"] = f
	}
	if uri := c.namespace(sh.Traits); uri != "" && c.xml() {
		o["xmlNamespace"] = xmlNamespace(sh.Traits)
	}
	var values []struct{ Value string }
	if sh.Traits.read("smithy.api#enum", &values) {
		var enum []string
		for _, v := range values {
			enum = append(enum, v.Value)
		}
		o["enum"] = enum
	}
}

func (c *converter) structure(o object, sh *shape) {
	o["type"] = "structure"
	var members ordered[object]
	var required []string
	for _, key := range c.memberKeys(sh) {
		m := c.member(sh, key)
		ref := c.ref(m, false)
		members.set(key, &ref)
		if m.Traits.has("required") {
			required = append(required, key)
		}
		if m.Traits.has("httpPayload") && c.rest() {
			o["payload"] = key
		}
	}
	o["members"] = members
	if required != nil {
		o["required"] = required
	}
	if sh.Type == "union" {
		o["union"] = true
	}
	if kind := sh.Traits.text("error"); kind != "" {
		o["exception"] = true
		o["fault"] = kind == "server"
		e := object{}
		var status int
		if sh.Traits.read("smithy.api#httpError", &status) {
			e["httpStatusCode"] = status
		}
		var q struct {
			Code string `json:"code"`
			HTTP int    `json:"httpResponseCode"`
		}
		if sh.Traits.read("aws.protocols#awsQueryError", &q) {
			e["code"], e["httpStatusCode"] = q.Code, q.HTTP
		}
		if len(e) > 0 {
			o["error"] = e
		}
	}
}

// memberKeys and member look into mixins too.
func (c *converter) memberKeys(sh *shape) []string {
	var keys []string
	for _, m := range sh.Mixins {
		keys = append(keys, c.memberKeys(c.model.Shapes[m.Target])...)
	}
	for _, key := range sh.Members.keys {
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

func (c *converter) member(sh *shape, key string) *ref {
	if m := sh.Members.values[key]; m != nil {
		return m
	}
	for _, m := range sh.Mixins {
		if r := c.member(c.model.Shapes[m.Target], key); r != nil {
			return r
		}
	}
	return nil
}

func enumValues(sh *shape) []string {
	var out []string
	for _, key := range sh.Members.keys {
		var s string
		if !sh.Members.values[key].Traits.read("smithy.api#enumValue", &s) {
			s = key
		}
		out = append(out, s)
	}
	return out
}

// ref converts a member; inner ones are those of lists and maps.
func (c *converter) ref(m *ref, inner bool) object {
	o := object{}
	flat := m.Traits.has("xmlFlattened") && c.xml()
	name := c.add(m.Target)
	if flat {
		name = c.flattened(name)
		o["flattened"] = true
	}
	if constrained := c.constrained(name, m); constrained != "" {
		name = constrained
	}
	o["shape"] = name
	if c.xml() {
		if s := m.Traits.text("xmlName"); s != "" {
			o["locationName"] = s
		}
		if m.Traits.has("xmlAttribute") {
			o["xmlAttribute"] = true
		}
		if c.namespace(m.Traits) != "" {
			o["xmlNamespace"] = xmlNamespace(m.Traits)
		}
	} else if s := m.Traits.text("jsonName"); s != "" && c.service.protocol == "rest-json" {
		o["locationName"] = s
	}
	var q string
	if c.service.protocol == "ec2" && m.Traits.read("aws.protocols#ec2QueryName", &q) {
		o["queryName"] = q
	}
	if f := timeFormat(m.Traits); f != "" {
		o["timestampFormat"] = f
	}
	if m.Traits.has("idempotencyToken") {
		o["idempotencyToken"] = true
	}
	if c.rest() && !inner {
		c.location(o, m)
	}
	return o
}

func (c *converter) location(o object, m *ref) {
	for trait, location := range map[string]string{"httpHeader": "header", "httpQuery": "querystring", "httpPrefixHeaders": "headers"} {
		if m.Traits.has(trait) {
			o["location"], o["locationName"] = location, m.Traits.text(trait)
		}
	}
	switch {
	case m.Traits.has("httpLabel"):
		o["location"] = "uri"
	case m.Traits.has("httpQueryParams"):
		o["location"] = "querystring"
	case m.Traits.has("httpResponseCode"):
		o["location"] = "statusCode"
	}
	if t := c.model.Shapes[m.Target]; t != nil && m.Traits.has("httpPayload") && c.service.protocol == "rest-xml" && o["locationName"] == nil && (t.Type == "structure" || t.Type == "union") {
		o["locationName"] = c.xmlName(m.Target)
	}
}

// flattened is a list or map without the element name that a flattened one
// does not use.
func (c *converter) flattened(name string) string {
	from := c.shapes[name]
	member, ok := from["member"].(object)
	if !ok || member["locationName"] == nil {
		return name
	}
	flat := object{}
	for k, v := range from {
		flat[k] = v
	}
	plain := object{}
	for k, v := range member {
		if k != "locationName" {
			plain[k] = v
		}
	}
	flat["member"] = plain
	c.shapes[name+"Flat"] = flat
	return name + "Flat"
}

// constrained is a copy of a shape with the constraints of a member, which
// botocore's form has on shapes alone.
func (c *converter) constrained(name string, m *ref) string {
	extra := object{}
	c.common(extra, &shape{Traits: m.Traits})
	delete(extra, "timestampFormat")
	delete(extra, "xmlNamespace")
	if len(extra) == 0 {
		return ""
	}
	o := object{}
	for k, v := range c.shapes[name] {
		o[k] = v
	}
	for k, v := range extra {
		o[k] = v
	}
	for i := 1; ; i++ {
		id := fmt.Sprintf("%sWith%d", name, i)
		if old, taken := c.shapes[id]; !taken {
			c.shapes[id] = o
			return id
		} else if was, err := json.Marshal(old); err == nil {
			if now, err := json.Marshal(o); err == nil && string(was) == string(now) {
				return id
			}
		}
	}
}

func xmlNamespace(t traits) object {
	var ns struct{ URI, Prefix string }
	t.read("smithy.api#xmlNamespace", &ns)
	o := object{"uri": ns.URI}
	if ns.Prefix != "" {
		o["prefix"] = ns.Prefix
	}
	return o
}

func timeFormat(t traits) string {
	return map[string]string{"date-time": "iso8601", "epoch-seconds": "unixTimestamp", "http-date": "rfc822"}[t.text("timestampFormat")]
}
