package kms

import (
	"slices"
	"strconv"
	"time"

	"bartizan.dev/caller"
	"bartizan.dev/policy"
)

// conditions collects the condition keys of one call, in few allocations.
// https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
type conditions struct {
	pairs  []policy.Pair
	values []string // behind the pairs
}

// manyValues is how many single values conditions has room for before it has to
// allocate again.
const manyValues = 4

func newConditions(more int) conditions {
	return conditions{pairs: make([]policy.Pair, 0, manyValues+more), values: make([]string, 0, manyValues+more)}
}

func (c *conditions) set(key, value string) {
	c.values = append(c.values, value)
	n := len(c.values)
	c.pairs = append(c.pairs, policy.Pair{Key: key, Values: c.values[n-1 : n : n]})
}

func (c *conditions) setAll(key string, values []string) {
	c.pairs = append(c.pairs, policy.Pair{Key: key, Values: values, Multi: true})
}

func (c *conditions) setBool(key string, value *bool) {
	if value != nil {
		c.set(key, strconv.FormatBool(*value))
	}
}

func (c *conditions) setInt(key string, value *int32) {
	if value != nil {
		c.set(key, strconv.Itoa(int(*value)))
	}
}

func (c *conditions) setTime(key string, value time.Time) {
	if !value.IsZero() {
		c.set(key, value.UTC().Format(time.RFC3339))
	}
}

// setText sets a key unless the value is empty.
func (c *conditions) setText(key, value string) {
	if value != "" {
		c.set(key, value)
	}
}

// setContext sets the keys of an encryption context.
func (c *conditions) setContext(ec *encryptionContext) {
	if len(ec.keys) == 0 {
		return
	}
	for _, k := range ec.keys {
		c.set("kms:EncryptionContext:"+k, ec.pairs[k])
	}
	c.setAll("kms:EncryptionContextKeys", ec.keys)
}

// setCall sets the keys of the caller: its account, and the service that calls
// for it.
func (c *conditions) setCall(call *caller.Call) {
	c.setText("kms:CallerAccount", call.Identity.Account)
	if via := viaService(call); via != "" {
		c.set("kms:ViaService", via)
	}
}

// viaService is kms:ViaService: secretsmanager.us-east-1.amazonaws.com.
// https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
func viaService(call *caller.Call) string {
	if len(call.Via) == 0 {
		return ""
	}
	short := serviceOf(call)
	return short + "." + call.Region + ".amazonaws.com"
}

// serviceOf is the short name of the service that calls for the caller.
func serviceOf(call *caller.Call) string {
	if len(call.Via) == 0 {
		return ""
	}
	principal := call.Via[len(call.Via)-1]
	const suffix = ".amazonaws.com"
	if n := len(principal) - len(suffix); n > 0 && principal[n:] == suffix {
		return principal[:n]
	}
	return principal
}

func requestTags[T any](tags []T, pair func(T) policy.Tag) []policy.Tag {
	out := make([]policy.Tag, len(tags))
	for i, t := range tags {
		out[i] = pair(t)
	}
	return slices.Clip(out)
}
