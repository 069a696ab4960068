package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"bartizan.dev/server"
	"bartizan.dev/service/iam"
	"bartizan.dev/service/organizations"
	"bartizan.dev/sigv4"
)

// How an organization's users and roles are spread over its accounts.
const (
	usersPerAccount = 200
	rolesPerAccount = 20
)

// scale fills an organization of accounts, each with users and roles, through
// the real operations, and measures what it costs: start, memory, listings, and
// decisions for more principals than the caches hold.
func scale(ctx context.Context, data string, accounts int) error {
	begin := time.Now()
	names, err := populate(ctx, data, accounts)
	if err != nil {
		return err
	}
	fmt.Printf("\n%d accounts with %d users and %d roles, made in %.0f s (%.0f MB on disk)\n", accounts, accounts*usersPerAccount, accounts*rolesPerAccount,
		time.Since(begin).Seconds(), float64(size(data))/1e6)
	p := peer{name: "bartizan serve", addr: "127.0.0.1:14578", args: []string{*binary, "serve", "--listen", "127.0.0.1:14578", "--data", data}}
	begin = time.Now()
	if err := p.start(ctx); err != nil {
		return err
	}
	defer p.stop()
	fmt.Printf("start to first answer %.0f ms, then %d MB resident\n", time.Since(begin).Seconds()*1000, p.resident()>>20)
	keys, err := credentials(filepath.Join(data, "credentials"))
	if err != nil {
		return err
	}
	if err := listings(&p, keys); err != nil {
		return err
	}
	return principals(&p, names)
}

func size(dir string) (n int64) {
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
		return nil
	})
	if err != nil {
		return 0
	}
	return n
}

// inside calls a server in this process.
type inside struct{ handler http.Handler }

func (in inside) do(req *http.Request) ([]byte, error) {
	req.RemoteAddr = "127.0.0.1:1"
	w := httptest.NewRecorder()
	in.handler.ServeHTTP(w, req)
	if w.Code != http.StatusOK {
		return nil, fmt.Errorf("%d: %.200s", w.Code, w.Body)
	}
	return w.Body.Bytes(), nil
}

func (in inside) query(keys sigv4.Credentials, service, form string) ([]byte, error) {
	return in.do(call("http://127.0.0.1/", service, form, keys))
}

func (in inside) organizations(keys sigv4.Credentials, operation string, input any, out any) error {
	text, err := json.Marshal(input)
	if err != nil {
		return err
	}
	req := targetCall("http://127.0.0.1/", operation, text, keys)
	answer, err := in.do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return json.Unmarshal(answer, out)
}

// targetCall makes a signed call of Organizations, which speaks awsJson1_1.
func targetCall(url, operation string, body []byte, keys sigv4.Credentials) *http.Request {
	req, err := http.NewRequest("POST", url, strings.NewReader(string(body)))
	if err != nil {
		panic(err) // the URL is ours
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSOrganizationsV20161128."+operation)
	if err := sigv4.Sign(req, keys, "us-east-1", "organizations", sigv4.HashPayload(body), time.Now()); err != nil {
		panic(err) // so is the request
	}
	return req
}

// admin makes a user that may assume every role, since root users may not.
func (in inside) admin(root sigv4.Credentials) (sigv4.Credentials, error) {
	for _, form := range []string{
		"Action=CreateUser&Version=2010-05-08&UserName=admin",
		"Action=AttachUserPolicy&Version=2010-05-08&UserName=admin&PolicyArn=arn:aws:iam::aws:policy/AdministratorAccess",
	} {
		if _, err := in.query(root, "iam", form); err != nil {
			return sigv4.Credentials{}, err
		}
	}
	return parseAccessKey(in.query(root, "iam", "Action=CreateAccessKey&Version=2010-05-08&UserName=admin"))
}

// accessKey makes an access key of a user of a running server.
func accessKey(addr string, root sigv4.Credentials, user string) (sigv4.Credentials, error) {
	return parseAccessKey(outside(call("http://"+addr+"/", "iam", "Action=CreateAccessKey&Version=2010-05-08&UserName="+user, root)))
}

func parseAccessKey(text []byte, err error) (sigv4.Credentials, error) {
	if err != nil {
		return sigv4.Credentials{}, err
	}
	var out struct {
		ID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	err = xml.Unmarshal(text, &out)
	return sigv4.Credentials{AccessKey: out.ID, Secret: out.Secret}, err
}

// assume gets credentials of a role.
func assume(text []byte) (sigv4.Credentials, error) {
	var out struct {
		ID     string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
		Secret string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
		Token  string `xml:"AssumeRoleResult>Credentials>SessionToken"`
	}
	err := xml.Unmarshal(text, &out)
	return sigv4.Credentials{AccessKey: out.ID, Secret: out.Secret, Token: out.Token}, err
}

func assumeForm(role string) string {
	return "Action=AssumeRole&Version=2011-06-15&RoleSessionName=bench&RoleArn=" + role
}

// populated is what scale needs of the organization it made.
type populated struct {
	admin    sigv4.Credentials
	accounts []string
}

// populate makes the organization in this process.
func populate(ctx context.Context, data string, n int) (out populated, err error) {
	s, err := server.Open(ctx, server.Options{Data: data, Listen: "127.0.0.1:0", Quotas: server.Quotas{
		IAM: iam.Quotas{}, Organizations: organizations.Quotas{Accounts: n + 2, Creating: n + 2},
	}})
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	running, stop := context.WithCancel(ctx)
	l, err := s.Listen(running)
	if err != nil {
		stop()
		return out, err
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(running, l) }()
	defer func() { stop(); err = errors.Join(err, <-served) }()
	root, err := credentials(s.CredentialsFile())
	if err != nil {
		return out, err
	}
	in := inside{s.Handler()}
	if out.admin, err = in.admin(root); err != nil {
		return out, err
	}
	if err := in.organizations(root, "CreateOrganization", map[string]string{"FeatureSet": "ALL"}, new(any)); err != nil {
		return out, err
	}
	if out.accounts, err = in.makeAccounts(root, n); err != nil {
		return out, err
	}
	var failed atomic.Value
	each(n, func(i int) {
		if err := in.fillAccount(out.admin, out.accounts[i]); err != nil {
			failed.Store(err)
		}
	})
	if err, ok := failed.Load().(error); ok {
		return out, err
	}
	return out, nil
}

// makeAccounts asks for n accounts and waits until all are made.
func (in inside) makeAccounts(root sigv4.Credentials, n int) ([]string, error) {
	var failed atomic.Value
	each(n, func(i int) {
		if err := in.organizations(root, "CreateAccount", map[string]string{"Email": fmt.Sprintf("a%d@example.com", i), "AccountName": fmt.Sprint("a", i)}, new(any)); err != nil {
			failed.Store(err)
		}
	})
	if err, ok := failed.Load().(error); ok {
		return nil, err
	}
	for deadline := time.Now().Add(10 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Second) {
		var ids []string
		token := ""
		for {
			var page struct {
				Accounts  []struct{ Id, Name, State string }
				NextToken string
			}
			input := map[string]any{"MaxResults": 20}
			if token != "" {
				input["NextToken"] = token
			}
			if err := in.organizations(root, "ListAccounts", input, &page); err != nil {
				return nil, err
			}
			for _, a := range page.Accounts {
				if strings.HasPrefix(a.Name, "a") {
					ids = append(ids, a.Id)
				}
			}
			if token = page.NextToken; token == "" {
				break
			}
		}
		if len(ids) >= n {
			return ids, nil
		}
	}
	return nil, errors.New("the accounts are not made after ten minutes")
}

// fillAccount makes the users and roles of one account.
func (in inside) fillAccount(admin sigv4.Credentials, account string) error {
	text, err := in.query(admin, "sts", assumeForm("arn:aws:iam::"+account+":role/OrganizationAccountAccessRole"))
	if err != nil {
		return err
	}
	keys, err := assume(text)
	if err != nil {
		return err
	}
	for i := range usersPerAccount {
		if _, err := in.query(keys, "iam", fmt.Sprintf("Action=CreateUser&Version=2010-05-08&UserName=user-%d", i)); err != nil {
			return err
		}
	}
	trust := "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22AWS%22%3A%22" + server.DefaultAccount + "%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%7D"
	for i := range rolesPerAccount {
		if _, err := in.query(keys, "iam", fmt.Sprintf("Action=CreateRole&Version=2010-05-08&RoleName=role-%d&AssumeRolePolicyDocument=%s", i, trust)); err != nil {
			return err
		}
		if _, err := in.query(keys, "iam", fmt.Sprintf("Action=AttachRolePolicy&Version=2010-05-08&RoleName=role-%d&PolicyArn=arn:aws:iam::aws:policy/ReadOnlyAccess", i)); err != nil {
			return err
		}
	}
	return nil
}

// listings measures a first and a page in the middle of long listings.
func listings(p *peer, keys sigv4.Credentials) error {
	begin := time.Now()
	res, err := http.DefaultClient.Do(targetCall("http://"+p.addr+"/", "ListAccounts", []byte(`{"MaxResults":20}`), keys))
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if err := res.Body.Close(); err != nil {
		return err
	}
	fmt.Printf("ListAccounts, a page of 20: %.1f ms\n", float64(time.Since(begin).Microseconds())/1000)
	return nil
}

// principals lets one role of each account and more make a call, so that every
// cache is full, and tells the memory.
func principals(p *peer, all populated) error {
	before := p.resident()
	const perAccount = 4
	var failed atomic.Value
	begin := time.Now()
	each(len(all.accounts)*perAccount, func(i int) {
		role := fmt.Sprintf("arn:aws:iam::%s:role/role-%d", all.accounts[i/perAccount], i%perAccount)
		text, err := outside(call("http://"+p.addr+"/", "sts", assumeForm(role), all.admin))
		if err != nil {
			failed.Store(err)
			return
		}
		keys, err := assume(text)
		if err == nil {
			_, err = outside(call("http://"+p.addr+"/", "iam", "Action=GetAccountSummary&Version=2010-05-08", keys))
		}
		if err != nil {
			failed.Store(err)
		}
	})
	if err, ok := failed.Load().(error); ok {
		return err
	}
	n := len(all.accounts) * perAccount
	after := p.resident()
	fmt.Printf("%d roles of %d accounts were assumed and made a call in %.1f s: %d MB resident, %.0f kB per 1,000 principals in the caches\n",
		n, len(all.accounts), time.Since(begin).Seconds(), after>>20, float64(after-before)/1024/float64(n)*1000)
	return nil
}

var client = http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

func outside(req *http.Request) ([]byte, error) {
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d: %.200s", res.StatusCode, text)
	}
	return text, err
}
