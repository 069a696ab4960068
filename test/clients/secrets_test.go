package clients

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"bartizan.dev/bartizantest"
)

func TestGoSecrets(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	ctx, c := t.Context(), secretsmanager.NewFromConfig(goSDK(s, s.Root()))
	made := must[*secretsmanager.CreateSecretOutput](t)(c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("app/db"), SecretString: aws.String("fürst")}))
	if !strings.HasPrefix(*made.ARN, "arn:aws:secretsmanager:us-east-1:"+s.Account()+":secret:app/db-") || len(*made.VersionId) != 36 {
		t.Errorf("made: %+v", made)
	}
	get := &secretsmanager.GetSecretValueInput{SecretId: made.ARN}
	if got := must[*secretsmanager.GetSecretValueOutput](t)(c.GetSecretValue(ctx, get)); *got.SecretString != "fürst" || time.Since(*got.CreatedDate) > time.Hour {
		t.Errorf("got %+v", got)
	}
	put := must[*secretsmanager.PutSecretValueOutput](t)(c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: made.ARN, SecretBinary: []byte{0, 255}}))
	if got := must[*secretsmanager.GetSecretValueOutput](t)(c.GetSecretValue(ctx, get)); string(got.SecretBinary) != "\x00\xff" || got.SecretString != nil || *got.VersionId != *put.VersionId {
		t.Errorf("got %+v", got)
	}
	_, err := c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("app/db"), SecretString: aws.String("x")})
	if e := modelled[*types.ResourceExistsException](t, err); e.ErrorMessage() != "The operation failed because the secret app/db already exists." {
		t.Error(e)
	}
	_, err = c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("none")})
	modelled[*types.ResourceNotFoundException](t, err)
	refused(t, err, "ResourceNotFoundException", 400)
	_, err = c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: made.ARN, VersionId: made.VersionId, VersionStage: aws.String("AWSCURRENT")})
	modelled[*types.InvalidRequestException](t, err)
	_, err = c.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: made.ARN, RecoveryWindowInDays: aws.Int64(1)})
	modelled[*types.InvalidParameterException](t, err)
	_, err = c.PutResourcePolicy(ctx, &secretsmanager.PutResourcePolicyInput{SecretId: made.ARN, ResourcePolicy: aws.String("{")})
	modelled[*types.MalformedPolicyDocumentException](t, err)
	open := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"secretsmanager:*","Resource":"*"}}`
	_, err = c.PutResourcePolicy(ctx, &secretsmanager.PutResourcePolicyInput{SecretId: made.ARN, ResourcePolicy: &open, BlockPublicPolicy: aws.Bool(true)})
	modelled[*types.PublicPolicyException](t, err)
	_, err = c.ListSecrets(ctx, &secretsmanager.ListSecretsInput{NextToken: aws.String("!")})
	modelled[*types.InvalidNextTokenException](t, err)

	// A key that is disabled opens nothing and seals nothing.
	k := kms.NewFromConfig(goSDK(s, s.Root()))
	key := newKey(t, k, nil)
	sealed := must[*secretsmanager.CreateSecretOutput](t)(c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("app/own"), SecretString: aws.String("x"), KmsKeyId: key.Arn}))
	must[*kms.DisableKeyOutput](t)(k.DisableKey(ctx, &kms.DisableKeyInput{KeyId: key.KeyId}))
	_, err = c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: sealed.ARN})
	modelled[*types.DecryptionFailure](t, err)
	_, err = c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: sealed.ARN, SecretString: aws.String("y")})
	modelled[*types.EncryptionFailure](t, err)

	// Who may not is told so; a batch tells each secret's error.
	user := s.NewUser(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["secretsmanager:BatchGetSecretValue","secretsmanager:GetSecretValue"],"Resource":"` + *made.ARN + `"}}`)
	mine := secretsmanager.NewFromConfig(goSDK(s, user.Credentials))
	must[*secretsmanager.GetSecretValueOutput](t)(mine.GetSecretValue(ctx, get))
	_, err = mine.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: sealed.ARN})
	refused(t, err, "AccessDeniedException", 400)
	batch := must[*secretsmanager.BatchGetSecretValueOutput](t)(c.BatchGetSecretValue(ctx, &secretsmanager.BatchGetSecretValueInput{SecretIdList: []string{"app/db", "app/own", "none"}}))
	if len(batch.SecretValues) != 1 || len(batch.Errors) != 2 || *batch.Errors[0].ErrorCode != "DecryptionFailure" || *batch.Errors[1].ErrorCode != "ResourceNotFoundException" {
		t.Errorf("a batch of three: %+v", batch)
	}

	names := 0
	for p := secretsmanager.NewListSecretsPaginator(c, &secretsmanager.ListSecretsInput{MaxResults: aws.Int32(1)}); p.HasMorePages(); {
		names += len(must[*secretsmanager.ListSecretsOutput](t)(p.NextPage(ctx)).SecretList)
	}
	if names != 2 {
		t.Errorf("%d secrets on all pages, want 2", names)
	}
	must[*secretsmanager.DeleteSecretOutput](t)(c.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: made.ARN}))
	_, err = c.GetSecretValue(ctx, get)
	modelled[*types.InvalidRequestException](t, err)
	must[*secretsmanager.RestoreSecretOutput](t)(c.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: made.ARN}))
	must[*secretsmanager.GetSecretValueOutput](t)(c.GetSecretValue(ctx, get))
}

func TestGoParameters(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	ctx, c := t.Context(), ssm.NewFromConfig(goSDK(s, s.Root()))
	put := func(name, value string, change func(*ssm.PutParameterInput)) error {
		in := &ssm.PutParameterInput{Name: &name, Value: &value, Type: ssmtypes.ParameterTypeSecureString}
		if change != nil {
			change(in)
		}
		_, err := c.PutParameter(ctx, in)
		return err
	}
	overwrite := func(in *ssm.PutParameterInput) { in.Overwrite = aws.Bool(true) }
	for i, value := range []string{"fürst", "second"} {
		if err := put("/app/password", value, overwrite); err != nil {
			t.Fatalf("version %d: %v", i+1, err)
		}
	}
	get := func(name string) (*ssmtypes.Parameter, error) {
		out, err := c.GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
		if err != nil {
			return nil, err
		}
		return out.Parameter, nil
	}
	if p := must[*ssmtypes.Parameter](t)(get("/app/password:1")); *p.Value != "fürst" || p.Version != 1 || *p.Selector != ":1" {
		t.Errorf("the first version is %+v", p)
	}
	if p := must[*ssmtypes.Parameter](t)(get("/app/password")); *p.Value != "second" || *p.ARN != "arn:aws:ssm:us-east-1:"+s.Account()+":parameter/app/password" {
		t.Errorf("the second version is %+v", p)
	}
	_, err := get("/none")
	modelled[*ssmtypes.ParameterNotFound](t, err)
	refused(t, err, "ParameterNotFound", 400)
	_, err = get("/app/password:3")
	modelled[*ssmtypes.ParameterVersionNotFound](t, err)
	modelled[*ssmtypes.ParameterAlreadyExists](t, put("/app/password", "x", nil))
	modelled[*ssmtypes.HierarchyTypeMismatchException](t, put("/app/password", "x", func(in *ssm.PutParameterInput) { overwrite(in); in.Type = ssmtypes.ParameterTypeString }))
	modelled[*ssmtypes.HierarchyLevelLimitExceededException](t, put(strings.Repeat("/a", 16), "x", nil))
	modelled[*ssmtypes.ParameterPatternMismatchException](t, put("/pattern", "x", func(in *ssm.PutParameterInput) { in.AllowedPattern = aws.String(`^\d+$`) }))
	modelled[*ssmtypes.InvalidAllowedPatternException](t, put("/pattern", "x", func(in *ssm.PutParameterInput) { in.AllowedPattern = aws.String(`(`) }))
	modelled[*ssmtypes.InvalidKeyId](t, put("/key", "x", func(in *ssm.PutParameterInput) { in.KeyId = aws.String("alias/none") }))
	modelled[*ssmtypes.InvalidPolicyTypeException](t, put("/rules", "x", func(in *ssm.PutParameterInput) {
		in.Tier, in.Policies = ssmtypes.ParameterTierAdvanced, aws.String(`[{"Type":"Other","Version":"1.0","Attributes":{}}]`)
	}))
	_, err = c.ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceType: ssmtypes.ResourceTypeForTaggingParameter, ResourceId: aws.String("/none")})
	modelled[*ssmtypes.InvalidResourceId](t, err)
	_, err = c.DescribeParameters(ctx, &ssm.DescribeParametersInput{NextToken: aws.String("!")})
	modelled[*ssmtypes.InvalidNextToken](t, err)
	_, err = c.GetParametersByPath(ctx, &ssm.GetParametersByPathInput{Path: aws.String("/app"), ParameterFilters: []ssmtypes.ParameterStringFilter{{Key: aws.String("Name"), Values: []string{"red"}}}})
	modelled[*ssmtypes.InvalidFilterKey](t, err)
	_, err = c.PutResourcePolicy(ctx, &ssm.PutResourcePolicyInput{ResourceArn: aws.String("arn:aws:ssm:us-east-1:" + s.Account() + ":parameter/none"), Policy: aws.String("{")})
	modelled[*ssmtypes.MalformedResourcePolicyDocumentException](t, err)

	// What a user may read by path, and no more.
	if err := put("/app/sub/host", "x", nil); err != nil {
		t.Fatal(err)
	}
	user := s.NewUser(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ssm:GetParameter*","Resource":"arn:aws:ssm:*:*:parameter/app/*"}}`)
	mine := ssm.NewFromConfig(goSDK(s, user.Credentials))
	must[*ssm.GetParameterOutput](t)(mine.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/app/password"), WithDecryption: aws.Bool(true)}))
	_, err = mine.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/other")})
	refused(t, err, "AccessDeniedException", 400)
	n := 0
	for p := ssm.NewGetParametersByPathPaginator(c, &ssm.GetParametersByPathInput{Path: aws.String("/app"), Recursive: aws.Bool(true), MaxResults: aws.Int32(1)}); p.HasMorePages(); {
		n += len(must[*ssm.GetParametersByPathOutput](t)(p.NextPage(ctx)).Parameters)
	}
	if n != 2 {
		t.Errorf("%d parameters on all pages, want 2", n)
	}
	must[*ssm.DeleteParameterOutput](t)(c.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String("/app/password")}))
	_, err = get("/app/password")
	modelled[*ssmtypes.ParameterNotFound](t, err)
}
