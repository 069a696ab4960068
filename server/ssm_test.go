package server

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"bartizan.dev/sigv4"
)

// json calls a service that speaks awsJson 1.1.
func (c *client) json(who sigv4.Credentials, service, target string, in map[string]any) *reply {
	c.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		c.t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "http://127.0.0.1:4566/", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	return c.send(r, who, service, string(body))
}

// TestSharedParameter: an advanced parameter is read from another account when
// its resource policy, the reader's own policies and, for its value, the key's
// policy allow it; and not one step earlier.
func TestSharedParameter(t *testing.T) {
	c := newClient(t)
	const other = "999988887777"
	if _, err := c.iam.EnsureAccount(t.Context(), other, "AKIAOTHER00000000000", "other"); err != nil {
		t.Fatal(err)
	}
	reader := sigv4.Credentials{AccessKey: "AKIAOTHER00000000000", Secret: "other"}
	ssm := func(who sigv4.Credentials, op string, in map[string]any) *reply {
		return c.json(who, "ssm", "AmazonSSM."+op, in)
	}
	kms := func(op string, in map[string]any) *reply { return c.json(devKeys, "kms", "TrentService."+op, in) }

	var key struct{ KeyMetadata struct{ KeyId, Arn string } }
	if err := json.Unmarshal([]byte(c.must(kms("CreateKey", map[string]any{})).body), &key); err != nil {
		t.Fatal(err)
	}
	c.must(ssm(devKeys, "PutParameter", map[string]any{"Name": "/shared", "Value": "treasure", "Type": "SecureString", "Tier": "Advanced", "KeyId": key.KeyMetadata.KeyId}))
	const arn = "arn:aws:ssm:us-east-1:000000000000:parameter/shared"
	read := func(decrypt bool) *reply {
		return ssm(reader, "GetParameter", map[string]any{"Name": arn, "WithDecryption": decrypt})
	}
	c.refused(read(false), "AccessDeniedException")
	c.must(ssm(devKeys, "PutResourcePolicy", map[string]any{"ResourceArn": arn, "Policy": fmt.Sprintf(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":%q},"Action":"ssm:GetParameter","Resource":%q}]}`, other, arn)}))
	if got := c.must(read(false)); strings.Contains(got.body, "treasure") {
		t.Error("the value is told without the key")
	}
	c.refused(read(true), "AccessDeniedException")
	c.must(kms("PutKeyPolicy", map[string]any{"KeyId": key.KeyMetadata.KeyId, "Policy": fmt.Sprintf(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::000000000000:root"]},"Action":"kms:*","Resource":"*"},
		{"Effect":"Allow","Principal":{"AWS":%q},"Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{
			"kms:ViaService":"ssm.us-east-1.amazonaws.com","kms:EncryptionContext:PARAMETER_ARN":%q}}}]}`, other, arn)}))
	if got := c.must(read(true)); !strings.Contains(got.body, `"Value":"treasure"`) {
		t.Error(got.body)
	}
	// What was shared is reading, of this parameter, by its ARN.
	c.refused(ssm(reader, "GetParameterHistory", map[string]any{"Name": arn}), "AccessDeniedException")
	c.refused(ssm(reader, "GetParameter", map[string]any{"Name": "/shared"}), "ParameterNotFound")
	c.refused(ssm(reader, "AddTagsToResource", map[string]any{"ResourceType": "Parameter", "ResourceId": arn, "Tags": []any{map[string]any{"Key": "a", "Value": "b"}}}), "AccessDeniedException")
	c.refused(ssm(reader, "PutResourcePolicy", map[string]any{"ResourceArn": arn, "Policy": "{}"}), "AccessDeniedException")

	// Both KMS calls are in the trail, through Parameter Store, and no value is.
	events := c.lookup(devKeys).body
	for _, want := range []string{"GenerateDataKey", "ssm.amazonaws.com", "PARAMETER_ARN"} {
		if !strings.Contains(events, want) {
			t.Errorf("the trail lacks %s", want)
		}
	}
	if strings.Contains(events, "treasure") {
		t.Error("the trail has the value")
	}
}
