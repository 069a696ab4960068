package analysis

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"bartizan.dev/policy"
)

// z3 is the oracle: the same question in SMT-LIB, translated from the text of
// the policies by code of its own, over strings, regular expressions, integers
// and reals.
type z3 struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func startZ3(t *testing.T) *z3 {
	t.Helper()
	path, err := exec.LookPath("z3")
	if err != nil {
		const message = "POLICY ANALYSIS IS NOT COMPARED WITH Z3: run scripts/setup analysis, which installs it: %v"
		if os.Getenv("CI") == "true" {
			t.Fatalf(message, err)
		}
		t.Skipf(message, err)
	}
	cmd := exec.CommandContext(t.Context(), path, "-in", "-memory:1500")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait() // killed when the context of the test ends
	})
	return &z3{in, bufio.NewReader(out)}
}

// ask returns sat, unsat or unknown.
func (z *z3) ask(script string) (string, error) {
	if _, err := io.WriteString(z.in, "(reset)\n(set-option :timeout 1500)\n"+script+"(check-sat)\n"); err != nil {
		return "", err
	}
	line, err := z.out.ReadString('\n')
	return strings.TrimSpace(line), err
}

// smt writes the question for one pair of policies.
type smt struct {
	decls strings.Builder
	multi map[string]int // conditions on each key that may be multivalued
	typ   policy.Type
}

// keyTypes are the keys of the random policies, as AWS documents them.
var keyTypes = map[string]string{
	"aws:username": "string", "aws:principaltag/t": "string", "aws:tagkeys": "list", "x:unknown": "both",
	"s3:max-keys": "number", "x:number": "loose", "aws:currenttime": "date", "aws:securetransport": "bool",
	"aws:sourceip": "ip", "aws:sourcearn": "arn",
}

func smtString(s string) string { return `"` + s + `"` }

// expression turns a pattern into a regular expression.
func expression(pattern string) string {
	out := []string{`(str.to_re "")`}
	for _, r := range pattern {
		switch r {
		case '*':
			out = append(out, "(re.* re.allchar)")
		case '?':
			out = append(out, "re.allchar")
		default:
			out = append(out, "(str.to_re "+smtString(string(r))+")")
		}
	}
	return "(re.++ " + strings.Join(out, " ") + ` (str.to_re ""))`
}

// matches tests a part against a pattern; without wildcards that is equality.
func matches(v, pattern string) string {
	switch {
	case strings.Trim(pattern, "*") == "" && pattern != "":
		return "true"
	case !strings.ContainsAny(pattern, "*?"):
		return "(= " + v + " " + smtString(pattern) + ")"
	}
	head, tail, _ := strings.Cut(pattern, "*")
	switch {
	case tail == "" && !strings.Contains(pattern, "?"):
		return "(str.prefixof " + smtString(head) + " " + v + ")"
	case head == "" && !strings.ContainsAny(tail, "*?"):
		return "(str.suffixof " + smtString(tail) + " " + v + ")"
	}
	return in(v, expression(pattern))
}

// arnMatches tests the six parts of an ARN in variables of their own.
func arnMatches(v, pattern string, pad bool) string {
	f := strings.SplitN(pattern, ":", 6)
	for pad && len(f) < 6 {
		f = append(f, "*")
	}
	if pattern == "*" {
		return "true"
	}
	if len(f) < 6 {
		return "false"
	}
	var out []string
	for i, p := range f {
		if i == 0 {
			continue // "arn" in all random policies
		}
		out = append(out, matches(v+strconv.Itoa(i), p))
	}
	return and(out)
}

// arnDeclare declares the parts of an ARN; some may not be empty. That a part
// has no colon changes no answer: no pattern asks for one, or refuses others.
func arnDeclare(b *strings.Builder, v string) {
	for i := 1; i < 6; i++ {
		n := v + strconv.Itoa(i)
		fmt.Fprintf(b, "(declare-const %s String)\n", n)
		if i == 1 || i == 2 || i == 5 {
			fmt.Fprintf(b, "(assert (not (= %s \"\")))\n", n)
		}
	}
}

func in(v, re string) string { return "(str.in_re " + v + " " + re + ")" }

func or(list []string) string  { return "(or false " + strings.Join(list, " ") + ")" }
func and(list []string) string { return "(and true " + strings.Join(list, " ") + ")" }
func not(s string) string      { return "(not " + s + ")" }

func (z *smt) actions(s *policy.Statement) string {
	var list []string
	for _, a := range slices.Concat(s.Action, s.NotAction) {
		service, name, found := strings.Cut(strings.ToLower(a), ":")
		if !found {
			name = "*" // "*" alone
		}
		list = append(list, and([]string{matches("service", service), matches("name", name)}))
	}
	if s.NotAction != nil {
		return not(or(list))
	}
	return or(list)
}

func (z *smt) resources(s *policy.Statement) string {
	var list []string
	for _, r := range slices.Concat(s.Resource, s.NotResource) {
		if r == "*" {
			list = append(list, "true")
		} else {
			list = append(list, and([]string{"(not star)", arnMatches("resource", r, true)}))
		}
	}
	if s.NotResource != nil {
		return not(or(list))
	}
	return or(list)
}

// value tests one value of a condition.
func value(op, typ, v, want string) string {
	switch {
	case op == "stringequals":
		if typ == "bool" {
			return map[string]string{"true": v, "false": not(v)}[want]
		}
		return "(= " + v + " " + smtString(want) + ")"
	case op == "stringequalsignorecase":
		var re []string
		for _, r := range want {
			re = append(re, "(re.union (str.to_re "+smtString(strings.ToLower(string(r)))+") (str.to_re "+smtString(strings.ToUpper(string(r)))+"))")
		}
		return in(v, `(re.++ (str.to_re "") `+strings.Join(re, " ")+` (str.to_re ""))`)
	case op == "stringlike":
		return matches(v, want)
	case op == "bool":
		return map[string]string{"true": v, "false": not(v)}[want]
	case strings.HasPrefix(op, "arn"):
		return arnMatches(arnName(v), want, false)
	case strings.HasPrefix(op, "numeric"):
		return compare(strings.TrimPrefix(op, "numeric"), v, rational(want))
	case strings.HasPrefix(op, "date"):
		return compare(strings.TrimPrefix(op, "date"), v, rational(seconds(want)))
	}
	p := netip.MustParsePrefix(want) // ipaddress
	first, end := number(p.Masked().Addr()), number(last(p))
	return fmt.Sprintf("(and (= %s %v) (<= %s %s) (<= %s %s))", six(v), p.Addr().Is6(), first, v, v, end)
}

// six is whether an address is of IPv6.
func six(v string) string { return strings.TrimSuffix(v, "|") + ".six|" }

func number(a netip.Addr) string { return new(big.Int).SetBytes(a.AsSlice()).String() }

// arnName is the name of an ARN key's parts.
func arnName(v string) string { return strings.NewReplacer("|", "", ":", ".").Replace(v) }

func compare(op, v, want string) string {
	sign := map[string]string{"equals": "=", "lessthan": "<", "lessthanequals": "<=", "greaterthan": ">", "greaterthanequals": ">="}[op]
	return "(" + sign + " " + v + " " + want + ")"
}

func rational(s string) string {
	if after, ok := strings.CutPrefix(s, "-"); ok {
		return "(- " + rational(after) + ")"
	}
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func seconds(s string) string {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return strconv.FormatInt(t.Unix(), 10)
	}
	if t, err := time.Parse("2006-01-02", s); err == nil {
		return strconv.FormatInt(t.Unix(), 10)
	}
	return s
}

// condition translates one condition. A key is absent, has one value, or (where
// its type allows) has from one to as many values as there are conditions on it.
func (z *smt) condition(c *policy.Condition) string {
	op := strings.ToLower(c.Operator)
	set := ""
	if i := strings.IndexByte(op, ':'); i >= 0 {
		set, op = op[:i], op[i+1:]
	}
	op, ifExists := strings.CutSuffix(op, "ifexists")
	key := strings.ToLower(c.Key)
	name := "|" + key + "|"
	if key == "aws:principalarn" {
		return z.principalArn(c, op, set, ifExists)
	}
	here := func(part string) string { return "|" + key + part + "|" }
	if op == "null" {
		want := here("-present")
		if c.Values[0] == "true" {
			want = not(want)
		}
		return want
	}
	negated := strings.Contains(op, "not")
	op = strings.Replace(op, "not", "", 1)
	one := func(v string) string {
		var list []string
		for _, want := range c.Values {
			list = append(list, value(op, keyTypes[key], v, want))
		}
		out := or(list)
		switch {
		case keyTypes[key] == "loose": // a value that is no number matches nothing
			out = and([]string{here("-valid"), out})
		}
		if negated {
			return not(out)
		}
		return out
	}
	absent := strconv.FormatBool(ifExists || set == "forallvalues" || set == "" && negated)
	var many []string
	for i := range z.multi[key] {
		v := here("-" + strconv.Itoa(i))
		if set == "forallvalues" {
			many = append(many, "(=> (< "+strconv.Itoa(i)+" "+here("-count")+") "+one(v)+")")
		} else {
			many = append(many, and([]string{"(< " + strconv.Itoa(i) + " " + here("-count") + ")", one(v)}))
		}
	}
	multi := "false"
	switch set {
	case "forallvalues":
		multi = and(many)
	case "foranyvalue":
		multi = or(many)
	}
	present := "(ite " + here("-multi") + " " + multi + " " + one(strings.ReplaceAll(name, "||", "|")) + ")"
	return "(ite " + here("-present") + " " + present + " " + absent + ")"
}

// principalArn: the key is absent where the principal has none.
func (z *smt) principalArn(c *policy.Condition, op, set string, ifExists bool) string {
	negated := strings.Contains(op, "not")
	absent := strconv.FormatBool(ifExists || set == "forallvalues" || set == "" && negated)
	var list []string
	for _, want := range c.Values {
		list = append(list, arnMatches("principal", want, false))
	}
	out := or(list)
	if negated {
		out = not(out)
	}
	return "(ite person " + out + " " + absent + ")"
}

func (z *smt) declare(docs ...*policy.Document) {
	z.multi = map[string]int{}
	for _, d := range docs {
		for i := range d.Statements {
			for _, c := range d.Statements[i].Condition {
				if k := strings.ToLower(c.Key); keyTypes[k] != "" {
					z.multi[k]++
				}
			}
		}
	}
	b := &z.decls
	b.WriteString("(declare-const service String)\n(declare-const name String)\n(declare-const star Bool)\n(declare-const person Bool)\n")
	b.WriteString("(assert (not (= service \"\")))\n(assert (not (= name \"\")))\n")
	b.WriteString("(assert (not (and (= service \"sts\") (or (= name \"getcalleridentity\") (= name \"getsessiontoken\")))))\n")
	arnDeclare(b, "resource")
	for k, n := range z.multi {
		sort, typ := "String", keyTypes[k]
		switch typ {
		case "number", "loose", "date":
			sort = "Real"
		case "bool":
			sort = "Bool"
		case "ip":
			sort = "Int"
		}
		fmt.Fprintf(b, "(declare-const |%s-present| Bool)\n(declare-const |%s-multi| Bool)\n(declare-const |%s-count| Int)\n(declare-const |%s-valid| Bool)\n", k, k, k, k)
		fmt.Fprintf(b, "(assert (<= 1 |%s-count| %d))\n", k, n)
		names := []string{k}
		if typ != "list" && typ != "both" && typ != "loose" {
			n, z.multi[k] = 0, 0
		}
		for i := range n {
			names = append(names, k+"-"+strconv.Itoa(i))
		}
		for _, v := range names {
			v = "|" + v + "|"
			fmt.Fprintf(b, "(declare-const %s %s)\n", v, sort)
			switch typ {
			case "arn":
				arnDeclare(b, arnName(v))
			case "ip":
				fmt.Fprintf(b, "(declare-const %s Bool)\n(assert (<= 0 %s (ite %s %s %s)))\n", six(v), v, six(v), number(netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), number(netip.MustParseAddr("255.255.255.255")))
			}
		}
		switch typ {
		case "list":
			fmt.Fprintf(b, "(assert |%s-multi|)\n", k)
		case "both", "loose":
		default:
			fmt.Fprintf(b, "(assert (not |%s-multi|))\n", k)
		}
	}
}

// side is what a document says: allowed and denied.
func (z *smt) side(d *policy.Document, lenient bool) (allow, deny string) {
	var a, n []string
	for i := range d.Statements {
		s := &d.Statements[i]
		parts := []string{z.actions(s), z.resources(s), z.names(s, lenient)}
		for j := range s.Condition {
			parts = append(parts, z.condition(&s.Condition[j]))
		}
		if s.Effect == policy.Deny {
			n = append(n, and(parts))
		} else {
			a = append(a, and(parts))
		}
	}
	return or(a), or(n)
}

// people declares the principal. Policies of principals are attached to users
// and roles; others are asked by anyone.
func (z *smt) people() {
	b := &z.decls
	arnDeclare(b, "principal")
	for _, n := range []string{"session", "uid", "rid", "issuer", "other"} {
		fmt.Fprintf(b, "(declare-const %s String)\n", n)
	}
	b.WriteString("(declare-const kind Int)\n(assert (<= 0 kind 6))\n(assert (= person (<= kind 3)))\n")
	if z.typ == policy.Identity {
		b.WriteString("(assert (<= kind 1))\n")
	}
	b.WriteString("(assert (= principal1 \"aws\"))\n(assert (= principal2 (ite (= kind 3) \"sts\" \"iam\")))\n(assert (= principal3 \"\"))\n(assert (= 12 (str.len principal4)))\n")
	for kind, prefix := range map[int]string{0: "user/", 1: "role/", 3: "federated-user/"} {
		fmt.Fprintf(b, "(assert (=> (= kind %d) (and (str.prefixof %s principal5) (> (str.len principal5) %d))))\n", kind, smtString(prefix), len(prefix))
	}
	b.WriteString("(assert (=> (= kind 2) (= principal5 \"root\")))\n")
	b.WriteString("(assert (not (str.prefixof \"AROA\" uid)))\n(assert (not (str.prefixof \"AIDA\" rid)))\n")
	b.WriteString("(assert (or (= issuer \"root\") (str.prefixof \"user/\" issuer)))\n")
}

// names tells whether a statement applies to the principal.
func (z *smt) names(s *policy.Statement, lenient bool) string {
	switch {
	case z.typ == policy.Identity:
		return "true"
	case s.NotPrincipal != nil:
		return not(excepts(s.NotPrincipal))
	}
	p := s.Principal
	if p.All {
		if s.Effect == policy.Deny || lenient {
			return "true"
		}
		return "(not (= kind 5))" // the bearer of a token is not everyone
	}
	return or([]string{direct(p), byIssuer(p), and([]string{"person", byAccountID(p)})})
}

// direct: the element names the principal itself.
func direct(p *policy.Principals) string {
	var list []string
	for _, n := range p.AWS {
		switch {
		case strings.HasPrefix(n, "AIDA"):
			list = append(list, "(and (= kind 0) (= uid "+smtString(n)+"))")
		case strings.Contains(n, ":user/"):
			list = append(list, "(and (= kind 0) "+named(n)+")")
		case strings.Contains(n, "assumed-role/r/s"):
			list = append(list, `(and (= kind 1) (= principal4 "111111111111") (str.suffixof "/r" principal5) (= session "s"))`)
		}
	}
	list = append(list, "(and (= kind 2) "+byAccountID(p)+")")
	for kind, names := range map[int][]string{4: p.Service, 5: p.Federated} {
		for _, n := range names {
			list = append(list, fmt.Sprintf("(and (= kind %d) (= other %s))", kind, smtString(n)))
		}
	}
	return or(list)
}

// named: the principal's own ARN of IAM.
func named(n string) string {
	f := strings.SplitN(n, ":", 6)
	return "(= principal4 " + smtString(f[4]) + ") (= principal5 " + smtString(f[5]) + ")"
}

// byIssuer: the element names the role of a session, or the user of a federated
// user.
func byIssuer(p *policy.Principals) string {
	var list []string
	for _, n := range p.AWS {
		switch {
		case strings.HasPrefix(n, "AROA"):
			list = append(list, "(and (= kind 1) (= rid "+smtString(n)+"))")
		case strings.Contains(n, ":role/"):
			list = append(list, "(and (= kind 1) "+named(n)+")")
		case strings.Contains(n, ":user/"):
			f := strings.SplitN(n, ":", 6)
			list = append(list, "(and (= kind 3) (= principal4 "+smtString(f[4])+") (= issuer "+smtString(f[5])+"))")
		}
	}
	return or(list)
}

func byAccountID(p *policy.Principals) string {
	var list []string
	for _, n := range p.AWS {
		switch {
		case len(n) == 12:
			list = append(list, "(= principal4 "+smtString(n)+")")
		case strings.HasSuffix(n, ":root"):
			list = append(list, "(= principal4 "+smtString(strings.SplitN(n, ":", 6)[4])+")")
		}
	}
	return or(list)
}

// excepts: NotPrincipal in a Deny statement leaves out who is named directly,
// a session only together with its role or user.
func excepts(p *policy.Principals) string {
	if p.All {
		return "true"
	}
	issuers := or([]string{"(and (not (= kind 1)) (not (= kind 3)))", byIssuer(p), "(and (= kind 3) (= issuer \"root\") " + byAccountID(p) + ")"})
	return and([]string{direct(p), issuers})
}

func TestAgainstZ3(t *testing.T) {
	z := startZ3(t)
	began, counts := time.Now(), map[string]int{}
	enough := func() bool { // on a busy machine, go on until there is something to say
		took := time.Since(began)
		return took > z3Time() && (counts["sat"] >= 5 && counts["unsat"] >= 5 || took > 30*time.Second)
	}
	for seed := uint64(0); !enough(); seed++ {
		w := world{rand.New(rand.NewPCG(seed, 99))}
		typ := pick(w, policy.Identity, policy.Identity, policy.Resource)
		old, updated := w.document(t, typ, false), w.document(t, typ, false)
		if w.chance(60) {
			updated = w.mutate(t, old, typ, false)
		}
		q := &smt{typ: typ}
		q.declare(old, updated)
		q.people()
		oldAllow, oldDeny := q.side(old, true)
		newAllow, newDeny := q.side(updated, false)
		answer, err := z.ask(q.decls.String() + "(assert " + and([]string{newAllow, not(newDeny), or([]string{not(oldAllow), oldDeny})}) + ")\n")
		if err != nil {
			t.Fatal(err)
		}
		r, err := known.NoNewAccess([]*policy.Document{old}, []*policy.Document{updated}, typ)
		if _, ok := errors.AsType[*UnsupportedError](err); ok {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		counts[answer]++
		switch answer {
		case "sat", "unsat":
			if r.Pass != (answer == "unsat") {
				t.Fatalf("seed %d: z3 says %s, we say pass = %v by %s\nold %s\nnew %s", seed, answer, r.Pass, show(r.Witness), text(t, old), text(t, updated))
			}
		case "unknown", "timeout":
		default:
			t.Fatalf("seed %d: z3 says %q", seed, answer)
		}
	}
	t.Logf("%v in %v", counts, time.Since(began))
	if counts["sat"] < 5 || counts["unsat"] < 5 {
		t.Errorf("z3 decided too few: %v", counts)
	}
}

// z3Time is how long z3 is asked: a moment beside the other tests of the
// package, longer on request (Z3_TIME=10m).
func z3Time() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("Z3_TIME")); err == nil {
		return d
	}
	return 2 * time.Second
}
