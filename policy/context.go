package policy

import (
	"strconv"
	"time"
)

// Context holds the condition keys of a request. Names are case-insensitive.
// Setting a key again adds a newer value that hides the older one until Reset.
// A Context may be reused for many requests with Reset(0), after which setting
// keys does not allocate.
//
// The global keys: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
type Context struct {
	entries []entry
}

// entry is one key, or one family of keys, with its value.
type entry struct {
	key    key // of a family: its prefix
	kind   entryKind
	text   string
	list   []string
	tags   []Tag
	number int64
	lookup func(string) (string, bool)
}

type entryKind uint8

const (
	textEntry    entryKind = iota // text
	listEntry                     // list
	numberEntry                   // number
	timeEntry                     // number: seconds since 1970
	tagKeysEntry                  // the keys of tags
	tagsEntry                     // family: one key per tag
	lookupEntry                   // family: by lookup
)

// Value is the value of one condition key.
type Value struct {
	Values []string
	Multi  bool // the key is multivalued
}

// Set gives a single-valued key its value. It keeps both strings.
func (c *Context) Set(name, value string) {
	c.entries = append(c.entries, entry{key: newKey(name), text: value})
}

// SetAll gives a multivalued key its values, which may be none. It keeps the
// slice.
func (c *Context) SetAll(name string, values []string) {
	c.entries = append(c.entries, entry{key: newKey(name), kind: listEntry, list: values})
}

// SetBool sets "true" or "false".
func (c *Context) SetBool(name string, value bool) { c.Set(name, strconv.FormatBool(value)) }

// SetInt sets a number, such as aws:EpochTime or s3:max-keys.
func (c *Context) SetInt(name string, value int64) {
	c.entries = append(c.entries, entry{key: newKey(name), kind: numberEntry, number: value})
}

// SetTime sets a date, as aws:CurrentTime has it: ISO 8601 in UTC, to the
// second.
func (c *Context) SetTime(name string, value time.Time) {
	c.entries = append(c.entries, entry{key: newKey(name), kind: timeEntry, number: value.Unix()})
}

// SetTags sets a family of keys, one per tag: prefix + tag key, such as
// aws:PrincipalTag/ + Department. It keeps the slice.
func (c *Context) SetTags(prefix string, tags []Tag) {
	if len(tags) > 0 {
		c.entries = append(c.entries, entry{key: newKey(prefix), kind: tagsEntry, tags: tags})
	}
}

// SetTagKeys gives a multivalued key the keys of tags as its values, such as
// aws:TagKeys. It keeps the slice.
func (c *Context) SetTagKeys(name string, tags []Tag) {
	c.entries = append(c.entries, entry{key: newKey(name), kind: tagKeysEntry, tags: tags})
}

// SetFunc sets a family of keys that are looked up only when a policy asks.
// lookup gets what follows the prefix, as the policy wrote it; it must not
// allocate if Decide must not.
func (c *Context) SetFunc(prefix string, lookup func(name string) (value string, ok bool)) {
	c.entries = append(c.entries, entry{key: newKey(prefix), kind: lookupEntry, lookup: lookup})
}

// Mark returns the present size, for Reset.
func (c *Context) Mark() int { return len(c.entries) }

// Reset forgets every key set after mark was taken; Reset(0) forgets all.
func (c *Context) Reset(mark int) {
	clear(c.entries[mark:]) // let go of the strings
	c.entries = c.entries[:mark]
}

// Pairs returns the keys that were set after mark was taken, in the order they
// were set; families of tags are taken apart, families by lookup left out.
func (c *Context) Pairs(mark int) []Pair {
	var out []Pair
	for i := range c.entries[mark:] {
		e := &c.entries[mark+i]
		switch e.kind {
		case lookupEntry:
		case tagsEntry:
			for _, t := range e.tags {
				out = append(out, Pair{Key: e.key.name + t.Key, Values: []string{t.Value}})
			}
		default:
			f := found{e, e.text}
			p := Pair{Key: e.key.name, Multi: f.multi(), Values: []string{}}
			for j := range f.len() {
				p.Values = append(p.Values, f.at(j))
			}
			out = append(out, p)
		}
	}
	return out
}

// SetPairs sets keys as Touch.Keys and Pairs have them.
func (c *Context) SetPairs(pairs []Pair) {
	for i := range pairs {
		if p := &pairs[i]; p.Multi || len(p.Values) != 1 {
			c.SetAll(p.Key, p.Values)
		} else {
			c.Set(p.Key, p.Values[0])
		}
	}
}

// Get returns the values of the key called name.
func (c *Context) Get(name string) (v Value, ok bool) {
	f, ok := c.find(newKey(name))
	if !ok {
		return Value{}, false
	}
	for i := range f.len() {
		v.Values = append(v.Values, f.at(i))
	}
	v.Multi = f.multi()
	return v, true
}

// found is the value of one key, without copies.
type found struct {
	entry *entry
	text  string // of families
}

// find returns the newest value of k. An empty set of values counts as no
// value.
func (c *Context) find(k key) (found, bool) {
	if c == nil {
		return found{}, false
	}
	for i := len(c.entries) - 1; i >= 0; i-- {
		e := &c.entries[i]
		switch e.kind {
		case tagsEntry:
			if name, ok := k.after(e.key); ok {
				if t := findTag(e.tags, name); t != nil {
					return found{e, t.Value}, true
				}
			}
		case lookupEntry:
			if name, ok := k.after(e.key); ok {
				if v, ok := e.lookup(name); ok {
					return found{e, v}, true
				}
			}
		default:
			if e.key.sum == k.sum && equalFold(e.key.name, k.name) {
				f := found{e, e.text}
				return f, f.len() > 0
			}
		}
	}
	return found{}, false
}

// findTag finds a tag by its key: as written first, then without regard to
// case, since condition key names have no case.
func findTag(tags []Tag, name string) *Tag {
	for i := range tags {
		if tags[i].Key == name {
			return &tags[i]
		}
	}
	for i := range tags {
		if equalFold(tags[i].Key, name) {
			return &tags[i]
		}
	}
	return nil
}

func (f found) multi() bool { return f.entry.kind == listEntry || f.entry.kind == tagKeysEntry }

func (f found) len() int {
	switch f.entry.kind {
	case listEntry:
		return len(f.entry.list)
	case tagKeysEntry:
		return len(f.entry.tags)
	}
	return 1
}

// at returns value i as text. It allocates for numbers and dates only, which
// policies hardly ever compare as text.
func (f found) at(i int) string {
	switch f.entry.kind {
	case listEntry:
		return f.entry.list[i]
	case tagKeysEntry:
		return f.entry.tags[i].Key
	case numberEntry:
		return strconv.FormatInt(f.entry.number, 10)
	case timeEntry:
		return time.Unix(f.entry.number, 0).UTC().Format(time.RFC3339)
	}
	return f.text
}

// variable returns the text that ${k} stands for. Multivalued keys cannot be
// used as variables.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
func (c *Context) variable(k key) (string, bool) {
	f, ok := c.find(k)
	if !ok || f.multi() {
		return "", false
	}
	return f.at(0), true
}

// resolve returns the text of a variable token, or its default.
func (c *Context) resolve(t *token) (string, bool) {
	if v, ok := c.variable(t.key); ok {
		return v, true
	}
	return t.text, t.dflt
}
