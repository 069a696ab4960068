package explain

import (
	"encoding/hex"
	"math/big"
	"strings"
)

// ID is the authorization id of a denial: the id of its CloudTrail event, in
// the 36 letters that authorization ids are written in. "" for what is no UUID.
// https://docs.aws.amazon.com/iam-toolbox/latest/APIReference/API_GetRequestAuthorizationDetails.html
func ID(event string) string {
	raw, err := hex.DecodeString(strings.ReplaceAll(event, "-", ""))
	if err != nil || len(raw) != 16 || len(event) != 36 {
		return ""
	}
	s := new(big.Int).SetBytes(raw).Text(36)
	return strings.Repeat("0", 25-len(s)) + s
}

// EventID is the inverse of ID; "" for what ID never makes.
func EventID(id string) string {
	if len(id) != 25 || strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyz") != "" {
		return ""
	}
	n, ok := new(big.Int).SetString(id, 36)
	if !ok || n.Sign() < 0 || n.BitLen() > 128 {
		return ""
	}
	h := hex.EncodeToString(n.FillBytes(make([]byte, 16)))
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
