package main

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// The types below are botocore's service-2.json, as far as the generator reads
// it.

type model struct {
	Metadata   metadata           `json:"metadata"`
	Operations ordered[operation] `json:"operations"`
	Shapes     ordered[shape]     `json:"shapes"`
}

type metadata struct {
	APIVersion     string   `json:"apiVersion"`
	EndpointPrefix string   `json:"endpointPrefix"`
	GlobalEndpoint string   `json:"globalEndpoint"`
	JSONVersion    string   `json:"jsonVersion"`
	Protocol       string   `json:"protocol"`
	Protocols      []string `json:"protocols"`
	ServiceID      string   `json:"serviceId"`
	SigningName    string   `json:"signingName"`
	TargetPrefix   string   `json:"targetPrefix"`
	XMLNamespace   string   `json:"xmlNamespace"`
	Auth           []string `json:"auth"`
}

type operation struct {
	Name string `json:"name"`
	HTTP struct {
		Method string `json:"method"`
		URI    string `json:"requestUri"`
		Status int    `json:"responseCode"`
	} `json:"http"`
	Input    *ref     `json:"input"`
	Output   *ref     `json:"output"`
	Errors   []ref    `json:"errors"`
	AuthType string   `json:"authtype"`
	Auth     []string `json:"auth"`

	Deprecated bool `json:"deprecated"`

	header string // a required header that tells it from an operation with the same path
}

type namespace struct {
	URI    string `json:"uri"`
	Prefix string `json:"prefix"`
}

type ref struct {
	Shape         string     `json:"shape"`
	LocationName  string     `json:"locationName"`
	QueryName     string     `json:"queryName"`
	Location      string     `json:"location"`
	ResultWrapper string     `json:"resultWrapper"`
	Namespace     *namespace `json:"xmlNamespace"`
	Attribute     bool       `json:"xmlAttribute"`
	Flattened     bool       `json:"flattened"`
	Streaming     bool       `json:"streaming"`
	Token         bool       `json:"idempotencyToken"`
	Format        string     `json:"timestampFormat"`
}

type shape struct {
	Type      string       `json:"type"`
	Members   ordered[ref] `json:"members"`
	Required  []string     `json:"required"`
	Member    *ref         `json:"member"`
	Key       *ref         `json:"key"`
	Value     *ref         `json:"value"`
	Min       *json.Number `json:"min"`
	Max       *json.Number `json:"max"`
	Pattern   string       `json:"pattern"`
	Enum      []string     `json:"enum"`
	Sensitive bool         `json:"sensitive"`
	Flattened bool         `json:"flattened"`
	Payload   string       `json:"payload"`
	Streaming bool         `json:"streaming"`
	Format    string       `json:"timestampFormat"`
	Exception bool         `json:"exception"`
	Fault     bool         `json:"fault"`
	Document  bool         `json:"document"`
	Union     bool         `json:"union"`
	Events    bool         `json:"eventstream"`
	Namespace *namespace   `json:"xmlNamespace"`
	Error     *struct {
		Code   string `json:"code"`
		Status int    `json:"httpStatusCode"`
	} `json:"error"`
	LocationName string `json:"locationName"`
}

// ordered is a JSON object that remembers the order of its keys: the model's
// order is the order AWS writes members in.
type ordered[T any] struct {
	keys   []string
	values map[string]*T
}

func (o *ordered[T]) get(key string) *T { return o.values[key] }

func (o *ordered[T]) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("want an object, got %v: %w", t, err)
	}
	o.values = map[string]*T{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		key, v := t.(string), new(T)
		if err := dec.Decode(v); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if _, dup := o.values[key]; !dup {
			o.keys = append(o.keys, key)
		}
		o.values[key] = v
	}
	return nil
}
