package iam

import (
	"fmt"
	"net/url"

	"rsc.io/qr"
)

// otpauthURI is what the QR code of a virtual MFA device says; account is the
// account's alias if it has one. AWS documents it as
// otpauth://totp/$virtualMFADeviceName@$AccountName?secret=$Base32String and
// sends it with itself as the issuer.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_VirtualMFADevice.html
// https://github.com/google/google-authenticator/wiki/Key-Uri-Format
func otpauthURI(device, account, seed string) string {
	const issuer = "Amazon%20Web%20Services"
	return "otpauth://totp/" + issuer + ":" + url.PathEscape(device+"@"+account) + "?secret=" + seed + "&issuer=" + issuer
}

// otpauthPNG draws the URI as a QR code of level M, which survives a loss of
// 15 % of it.
func otpauthPNG(uri string) ([]byte, error) {
	code, err := qr.Encode(uri, qr.M)
	if err != nil {
		return nil, fmt.Errorf("iam: the QR code of a virtual MFA device: %w", err)
	}
	return code.PNG(), nil
}
