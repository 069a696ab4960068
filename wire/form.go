package wire

import (
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
	root, err := parseForm(string(form))
	if err != nil {
		return err
	}
	d.form, d.loose, d.ec2, d.copies = true, true, op.Service.Protocol == EC2, len(form) > maxShared
	return d.structure(p, root, v)
}

var (
	errFormSyntax = Errorf("MalformedQueryString", "The query string contains a syntax error.")
	errFormUTF8   = Errorf("MalformedQueryString", "The request is not valid UTF-8.")
	errFormSize   = Errorf("MalformedQueryString", "The request has too many parameters.")
)

// checkForm refuses a body that parseForm would refuse, but for a parameter
// given twice. (A query string was read by then, to find its signature.) It does
// not allocate for a form of ordinary length.
func checkForm(form []byte) error {
	var stack [2048]byte
	plain := stack[:0]
	for i := 0; i < len(form); i++ {
		c := form[i]
		if c == '%' {
			if i+2 >= len(form) {
				return errFormSyntax
			}
			high, low := hexValue(form[i+1]), hexValue(form[i+2])
			if high > 15 || low > 15 {
				return errFormSyntax
			}
			c = high<<4 | low
			i += 2
		}
		plain = append(plain, c)
	}
	if !utf8.Valid(plain) {
		return errFormUTF8
	}
	return nil
}

func hexValue(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
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
