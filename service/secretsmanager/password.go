package secretsmanager

import (
	"context"
	"crypto/rand"
	"strings"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
)

// The kinds of characters of a password.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html
const (
	lower       = "abcdefghijklmnopqrstuvwxyz"
	upper       = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits      = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)

// GetRandomPassword makes a password, each as likely as another among those that
// the call allows.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html
func (s *Service) GetRandomPassword(_ context.Context, in *secretsmanagerapi.GetRandomPasswordRequest) (*secretsmanagerapi.GetRandomPasswordResponse, error) {
	length := 32
	if in.PasswordLength != nil {
		length = int(*in.PasswordLength)
	}
	excluded := ""
	if in.ExcludeCharacters != nil {
		excluded = *in.ExcludeCharacters
	}
	var kinds []string
	for _, k := range []struct {
		chars string
		wants bool
	}{
		{lower, !on(in.ExcludeLowercase)}, {upper, !on(in.ExcludeUppercase)}, {digits, !on(in.ExcludeNumbers)},
		{punctuation, !on(in.ExcludePunctuation)}, {" ", on(in.IncludeSpace)},
	} {
		chars := strings.Map(func(r rune) rune {
			if strings.ContainsRune(excluded, r) {
				return -1
			}
			return r
		}, k.chars)
		if k.wants && chars != "" {
			kinds = append(kinds, chars)
		}
	}
	if len(kinds) == 0 {
		return nil, invalidParameter("All characters are excluded, so there is none to make a password of.")
	}
	each := in.RequireEachIncludedType == nil || *in.RequireEachIncludedType
	if each && length < len(kinds) {
		return nil, invalidParameter("Password length is too short based on the required types.")
	}
	return &secretsmanagerapi.GetRandomPasswordResponse{RandomPassword: new(password(length, kinds, each))}, nil
}

// password draws until the password is one that was asked for, so that all of
// those are as likely. Where that could take long, since it is short, one of each
// kind is put in first and the whole is shuffled.
func password(length int, kinds []string, each bool) string {
	all := strings.Join(kinds, "")
	out := make([]byte, length)
	for range 1000 {
		for i := range out {
			out[i] = all[random(len(all))]
		}
		if !each || hasEach(out, kinds) {
			return string(out)
		}
	}
	for i := range out {
		if i < len(kinds) {
			out[i] = kinds[i][random(len(kinds[i]))]
		} else {
			out[i] = all[random(len(all))]
		}
	}
	for i := len(out) - 1; i > 0; i-- {
		j := random(i + 1)
		out[i], out[j] = out[j], out[i]
	}
	return string(out)
}

func hasEach(text []byte, kinds []string) bool {
	for _, k := range kinds {
		found := false
		for _, c := range text {
			found = found || strings.IndexByte(k, c) >= 0
		}
		if !found {
			return false
		}
	}
	return true
}

// random is a number below n, which is at most 4096, without bias.
func random(n int) int {
	limit := 1<<16 - 1<<16%n
	for {
		var b [2]byte
		rand.Read(b[:]) // never fails: see crypto/rand
		if x := int(b[0])<<8 | int(b[1]); x < limit {
			return x % n
		}
	}
}
