// Package equal compares HTTP messages by what they mean.
package equal

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// Body says whether two bodies mean the same: forms as sets of parameters,
// JSON as values, XML as trees whose children of different names may change
// places.
func Body(contentType string, got, want []byte) error {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil && contentType != "" {
		kind = contentType
	}
	switch {
	case len(got) == 0 && len(want) == 0:
	case kind == "" && (string(got) == "{}" || string(want) == "{}"):
	case kind == "application/x-www-form-urlencoded":
		return Form(string(got), string(want))
	case strings.Contains(kind, "json"):
		return sameJSON(got, want)
	case strings.Contains(kind, "xml"):
		return sameXML(got, want)
	case !bytes.Equal(got, want):
		return fmt.Errorf("body:\n got %q\nwant %q", got, want)
	}
	return nil
}

// Form says whether two forms hold the same parameters.
func Form(got, want string) error {
	g, err := url.ParseQuery(got)
	if err != nil {
		return err
	}
	w, err := url.ParseQuery(want)
	if err != nil {
		return err
	}
	for _, k := range slices.Sorted(maps.Keys(w)) {
		if !slices.Equal(g[k], w[k]) {
			return fmt.Errorf("parameter %s: got %q, want %q", k, g[k], w[k])
		}
	}
	for _, k := range slices.Sorted(maps.Keys(g)) {
		if w[k] == nil {
			return fmt.Errorf("parameter %s: got %q, want none", k, g[k])
		}
	}
	return nil
}

func sameJSON(got, want []byte) error {
	var g, w any
	for _, x := range []struct {
		data []byte
		v    *any
	}{{got, &g}, {want, &w}} {
		dec := json.NewDecoder(bytes.NewReader(x.data))
		dec.UseNumber()
		*x.v = map[string]any{} // no body at all stands for the empty object
		if err := dec.Decode(x.v); err != nil && err != io.EOF {
			return fmt.Errorf("%w in %q", err, x.data)
		}
	}
	if !reflect.DeepEqual(g, w) {
		return fmt.Errorf("body:\n got %s\nwant %s", got, want)
	}
	return nil
}

type element struct {
	name, text string
	attrs      []string
	kids       []*element
}

func sameXML(got, want []byte) error {
	g, err := tree(got)
	if err != nil {
		return err
	}
	w, err := tree(want)
	if err != nil {
		return err
	}
	if a, b := g.String(), w.String(); a != b {
		return fmt.Errorf("body:\n got %s\nwant %s", a, b)
	}
	return nil
}

func tree(data []byte) (*element, error) {
	dec := xml.NewDecoder(bytes.NewReader(data))
	root := &element{}
	stack := []*element{root}
	for {
		t, err := dec.RawToken()
		if err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("%w in %q", err, data)
		}
		top := stack[len(stack)-1]
		switch t := t.(type) {
		case xml.StartElement:
			k := &element{name: t.Name.Space + ":" + t.Name.Local}
			for _, a := range t.Attr {
				k.attrs = append(k.attrs, fmt.Sprintf("%s:%s=%q", a.Name.Space, a.Name.Local, a.Value))
			}
			slices.Sort(k.attrs)
			top.kids, stack = append(top.kids, k), append(stack, k)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(t)
		}
	}
	return root, nil
}

func (e *element) String() string {
	kids := slices.Clone(e.kids)
	slices.SortStableFunc(kids, func(a, b *element) int {
		if c := strings.Compare(a.name, b.name); c != 0 || len(a.kids) != 2 || len(b.kids) != 2 {
			return c
		}
		return strings.Compare(a.String(), b.String()) // the entries of a map
	})
	text := e.text
	if len(kids) > 0 {
		text = strings.TrimSpace(text)
	}
	return fmt.Sprintf("<%s%v>%s%v</>", e.name, e.attrs, text, kids)
}

// Headers compares headers; skip holds those that other layers write.
func Headers(got, want http.Header, skip ...string) error {
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if !slices.Contains(skip, k) && !sameHeader(k, got[k], want[k]) {
			return fmt.Errorf("header %s: got %q, want %q", k, got[k], want[k])
		}
	}
	for _, k := range slices.Sorted(maps.Keys(got)) {
		if want[k] == nil && !slices.Contains(skip, k) {
			return fmt.Errorf("header %s: got %q, want none", k, got[k])
		}
	}
	return nil
}

func sameHeader(name string, got, want []string) bool {
	if name == "Content-Type" && len(got) == 1 && len(want) == 1 {
		g, _, _ := strings.Cut(got[0], ";")
		w, _, _ := strings.Cut(want[0], ";")
		return g == w
	}
	// A list may travel in several lines or in one, with or without spaces.
	return strings.ReplaceAll(strings.Join(got, ","), ", ", ",") == strings.ReplaceAll(strings.Join(want, ","), ", ", ",")
}
