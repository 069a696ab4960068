package caller

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"bartizan.dev/arn"
)

// keyAlphabet is RFC 4648's base32, in which access key ids are written.
const keyAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// NewAccessKey makes an access key id that carries its account, as AWS's do:
// after the prefix come 80 bits in base32, of which bits 1 to 40 are the account.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html
func NewAccessKey(prefix, account string) (string, error) {
	if !arn.IsAccount(account) {
		return "", fmt.Errorf("caller: %q is no account id", account)
	}
	var n uint64
	for i := range len(account) {
		n = n*10 + uint64(account[i]-'0')
	}
	var raw [10]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return "", err
	}
	head := 1<<47 | n<<7 | uint64(raw[5]&0x7f)
	for i := range 6 {
		raw[i] = byte(head >> (40 - 8*i))
	}
	out := []byte(prefix)
	for bit := 0; bit < 80; bit += 5 {
		v := uint16(raw[bit/8]) << 8
		if bit/8+1 < len(raw) {
			v |= uint16(raw[bit/8+1])
		}
		out = append(out, keyAlphabet[v>>(11-bit%8)&31])
	}
	return string(out), nil
}

// AccountOf reads the account from an access key id, or returns "".
func AccountOf(key string) string {
	if len(key) != 20 {
		return ""
	}
	var head uint64
	for i := range 10 { // 50 bits; the account needs the first 41
		v := strings.IndexByte(keyAlphabet, key[4+i])
		if v < 0 {
			return ""
		}
		head = head<<5 | uint64(v)
	}
	n := head >> 9 & (1<<40 - 1)
	if n > 999_999_999_999 {
		return ""
	}
	return fmt.Sprintf("%012d", n)
}

// NewSecret makes a secret access key: 240 random bits in base64.
func NewSecret() (string, error) {
	var raw [30]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(raw[:]), nil
}
