package wire

import (
	"bytes"
	"net/url"
	"reflect"
	"strings"
	"unicode/utf8"
)

// formBody decodes the parameters of the query protocols, which AWS takes from
// the body of a POST and from the query string of a GET.
func (d *treeDecoder) formBody(op *Operation, p *plan, r *Request, v reflect.Value) error {
	form := r.Body
	if len(form) == 0 {
		form = []byte(r.Query)
	}
	if len(p.fields) == 0 { // nothing to decode: GetCallerIdentity
		return checkForm(form)
	}
	root, err := parseForm(string(form))
	if err != nil {
		return err
	}
	d.form, d.ec2, d.copies = true, op.Service.Protocol == EC2, len(form) > maxShared
	return d.structure(p, root, v)
}

var (
	errFormSyntax = Errorf("MalformedQueryString", "The query string contains a syntax error.")
	errFormUTF8   = Errorf("MalformedQueryString", "The request is not valid UTF-8.")
	errFormSize   = Errorf("MalformedQueryString", "The request has too many parameters.")
)

// checkForm refuses what parseForm would, but for a parameter given twice.
func checkForm(form []byte) error {
	if bytes.IndexByte(form, '%') >= 0 {
		for len(form) > 0 {
			var pair []byte
			pair, form, _ = bytes.Cut(form, []byte{'&'})
			if _, err := unescape(string(pair)); err != nil {
				return err
			}
		}
		return nil
	}
	if !utf8.Valid(form) {
		return errFormUTF8
	}
	return nil
}

// parseForm turns a form's body into a tree: Tags.member.1.Key=k becomes a
// path of four nodes.
func parseForm(form string) (*node, error) {
	var t tree
	root := t.node("")
	for len(form) > 0 {
		var pair string
		pair, form, _ = strings.Cut(form, "&")
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key, err := unescape(key)
		if err != nil {
			return nil, err
		}
		if value, err = unescape(value); err != nil {
			return nil, err
		}
		if err := t.set(root, key, value); err != nil {
			return nil, err
		}
	}
	return root, nil
}

// set puts a value at the end of a dotted path.
func (t *tree) set(n *node, path, value string) error {
	whole := path
	for depth, more := 0, true; more; depth++ {
		if depth > 2*maxDepth { // a list takes two parts a level
			return errDepth
		}
		var name string
		name, path, more = strings.Cut(path, ".")
		k := n.child(name)
		if k == nil {
			if k = t.node(name); k == nil {
				return errFormSize
			}
			n.add(k)
		}
		n = k
	}
	if n.given {
		return Errorf("MalformedQueryString", "The parameter %s is given more than once.", clip(whole))
	}
	n.text, n.given = value, true
	return nil
}

func unescape(s string) (string, error) {
	if strings.IndexByte(s, '%') >= 0 || strings.IndexByte(s, '+') >= 0 {
		var err error
		if s, err = url.QueryUnescape(s); err != nil {
			return "", errFormSyntax.With(err)
		}
	}
	if !utf8.ValidString(s) {
		return "", errFormUTF8
	}
	return s, nil
}
