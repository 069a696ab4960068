package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// testCase is a test in the form that package smithy reads.
type testCase struct {
	Service string `json:"service"`
	Op      string `json:"op"`
	Error   string `json:"error,omitempty"` // an error's name, for an answer that is one
	Kind    string `json:"kind"`            // request, response, malformed
	ID      string `json:"id"`

	Method        string            `json:"method,omitempty"`
	URI           string            `json:"uri,omitempty"`
	Query         []string          `json:"query,omitempty"`
	Status        int               `json:"status,omitempty"`
	Headers       map[string]string `json:"headers,omitempty"`
	ForbidHeaders []string          `json:"forbidHeaders,omitempty"`
	Body          *string           `json:"body,omitempty"`
	MediaType     string            `json:"mediaType,omitempty"`
	Params        json.RawMessage   `json:"params,omitempty"`
	Contents      string            `json:"contents,omitempty"` // of a malformed request's answer
}

type httpTest struct {
	ID            string            `json:"id"`
	Protocol      string            `json:"protocol"`
	AppliesTo     string            `json:"appliesTo"`
	Method        string            `json:"method"`
	URI           string            `json:"uri"`
	QueryParams   []string          `json:"queryParams"`
	Code          int               `json:"code"`
	Headers       map[string]string `json:"headers"`
	ForbidHeaders []string          `json:"forbidHeaders"`
	Body          *string           `json:"body"`
	BodyMediaType string            `json:"bodyMediaType"`
	Params        json.RawMessage   `json:"params"`
}

type malformedTest struct {
	ID       string `json:"id"`
	Protocol string `json:"protocol"`
	Request  httpTest
	Response struct {
		Code    int               `json:"code"`
		Headers map[string]string `json:"headers"`
		Body    struct {
			Assertion struct {
				Contents string `json:"contents"`
			} `json:"assertion"`
		} `json:"body"`
	} `json:"response"`
	TestParameters map[string][]string `json:"testParameters"`
}

// tests collects the tests for servers of an operation or an error.
func (c *converter) tests(id, op, errName string) error {
	sh := c.model.Shapes[id]
	for kind, trait := range map[string]string{"request": "smithy.test#httpRequestTests", "response": "smithy.test#httpResponseTests"} {
		var tests []httpTest
		if raw, ok := sh.Traits[trait]; ok {
			if err := json.Unmarshal(raw, &tests); err != nil {
				return err
			}
		}
		for _, t := range tests {
			if t.AppliesTo == "client" || c.has(kind, t.ID) {
				continue
			}
			c.cases = append(c.cases, testCase{
				Service: c.service.name, Op: op, Error: errName, Kind: kind, ID: t.ID,
				Method: t.Method, URI: t.URI, Query: t.QueryParams, Status: t.Code, Headers: t.Headers, ForbidHeaders: t.ForbidHeaders,
				Body: t.Body, MediaType: t.BodyMediaType, Params: t.Params,
			})
		}
	}
	raw, ok := sh.Traits["smithy.test#httpMalformedRequestTests"]
	if !ok {
		return c.sort()
	}
	var tests []malformedTest
	if err := json.Unmarshal(raw, &tests); err != nil {
		return err
	}
	for _, t := range tests {
		if err := c.malformed(op, t); err != nil {
			return fmt.Errorf("%s: %w", t.ID, err)
		}
	}
	return c.sort()
}

func (c *converter) has(kind, id string) bool {
	return slices.ContainsFunc(c.cases, func(t testCase) bool { return t.Kind == kind && t.ID == id })
}

func (c *converter) sort() error {
	slices.SortStableFunc(c.cases, func(a, b testCase) int { return strings.Compare(a.ID+a.Kind, b.ID+b.Kind) })
	return nil
}

// malformed adds a case for each set of parameters.
func (c *converter) malformed(op string, t malformedTest) error {
	n := 1
	for _, values := range t.TestParameters {
		n = len(values)
	}
	for i := range n {
		replace := func(s string) string {
			for _, name := range slices.Sorted(maps.Keys(t.TestParameters)) {
				v := t.TestParameters[name][i]
				s = strings.NewReplacer("$"+name+":S", quoted(v), "$"+name+":L", v, "$"+name, v).Replace(s)
			}
			return s
		}
		test := testCase{
			Service: c.service.name, Op: op, Kind: "malformed", ID: fmt.Sprintf("%s_%d", t.ID, i),
			Method: t.Request.Method, URI: replace(t.Request.URI), Headers: map[string]string{},
			Status: t.Response.Code, Contents: replace(t.Response.Body.Assertion.Contents),
		}
		for _, q := range t.Request.QueryParams {
			test.Query = append(test.Query, replace(q))
		}
		for k, v := range t.Request.Headers {
			test.Headers[k] = replace(v)
		}
		if t.Request.Body != nil {
			body := replace(*t.Request.Body)
			test.Body = &body
		}
		test.Error = t.Response.Headers["x-amzn-errortype"]
		c.cases = append(c.cases, test)
	}
	return nil
}

func quoted(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return s
	}
	return strings.TrimSpace(b.String())
}
