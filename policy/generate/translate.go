package generate

import (
	"bytes"
	"strings"

	"bartizan.dev/policy/reference"
)

// grant is one action that a call needed.
type grant struct {
	name   string // service:Action
	action *reference.Action
	when   string // needed only if the request has this parameter
	unless string // needed only if the request lacks this parameter
}

func contains(parameters []byte, name string) bool {
	for rest := parameters; ; {
		i := bytes.Index(rest, []byte(name))
		if i < 0 {
			return false
		}
		if i > 0 && rest[i-1] == '"' && i+len(name) < len(rest) && rest[i+len(name)] == '"' {
			return true
		}
		rest = rest[i+len(name):]
	}
}

// sources are the services whose events have another name than their actions.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-aws-service-specific-topics.html
var sources = map[string]string{
	"monitoring": "cloudwatch", "email": "ses", "tagging": "tag", "runtime.sagemaker": "sagemaker",
	"streams.dynamodb": "dynamodb", "models.lex": "lex", "runtime.lex": "lex", "rdsdata": "rds-data",
	"entitlement.marketplace": "aws-marketplace", "metering.marketplace": "aws-marketplace",
	"data.mediastore": "mediastore", "iotdata": "iot", "appstream2": "appstream",
}

// free are calls that need no permission: nobody can be denied them, or what
// they show (a token, a certificate) is the permission.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
// https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flows-public-server-side.html
var free = map[string]bool{
	"sts:GetCallerIdentity": true, "sts:GetSessionToken": true, "sts:AssumeRoleWithSAML": true,
	"sts:AssumeRoleWithWebIdentity": true, "sts:GetAccessKeyInfo": true, "rolesanywhere:CreateSession": true,
	"sso:GetRoleCredentials": true, "sso:ListAccountRoles": true, "sso:ListAccounts": true, "sso:Logout": true,
	"sso-oauth:CreateToken": true, "sso-oauth:RegisterClient": true, "sso-oauth:StartDeviceAuthorization": true,
	"cognito-idp:StartWebAuthnRegistration": true, "cognito-idp:CompleteWebAuthnRegistration": true,
	"cognito-idp:ListWebAuthnCredentials": true, "cognito-idp:DeleteWebAuthnCredential": true, "cognito-idp:GetUserAuthFactors": true,
}

// actions are the calls that are allowed by actions of other names, or by
// several, of the same service unless another is named. "A?p" needs A only if
// the request has the parameter p, "A!p" only if it lacks it.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
// https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html
var actions = map[string]string{
	"s3:ListObjects": "ListBucket", "s3:ListObjectsV2": "ListBucket", "s3:HeadBucket": "ListBucket",
	"s3:ListObjectVersions": "ListBucketVersions", "s3:HeadObject": "GetObject!versionId GetObjectVersion?versionId",
	"s3:GetObject":           "GetObject!versionId GetObjectVersion?versionId",
	"s3:GetObjectAcl":        "GetObjectAcl!versionId GetObjectVersionAcl?versionId",
	"s3:GetObjectTagging":    "GetObjectTagging!versionId GetObjectVersionTagging?versionId",
	"s3:PutObjectAcl":        "PutObjectAcl!versionId PutObjectVersionAcl?versionId",
	"s3:PutObjectTagging":    "PutObjectTagging!versionId PutObjectVersionTagging?versionId",
	"s3:DeleteObjectTagging": "DeleteObjectTagging!versionId DeleteObjectVersionTagging?versionId",
	"s3:DeleteObject":        "DeleteObject!versionId DeleteObjectVersion?versionId",
	"s3:DeleteObjects":       "DeleteObject", "s3:CopyObject": "GetObject PutObject", "s3:SelectObjectContent": "GetObject",
	"s3:UploadPart": "PutObject", "s3:UploadPartCopy": "GetObject PutObject", "s3:CreateMultipartUpload": "PutObject",
	"s3:CompleteMultipartUpload": "PutObject", "s3:PostObject": "PutObject", "s3:ListParts": "ListMultipartUploadParts",
	"s3:ListMultipartUploads": "ListBucketMultipartUploads", "s3:ListBuckets": "ListAllMyBuckets",
	"s3:GetBucketLifecycle": "GetLifecycleConfiguration", "s3:GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
	"s3:PutBucketLifecycle": "PutLifecycleConfiguration", "s3:PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
	"s3:DeleteBucketLifecycle": "PutLifecycleConfiguration", "s3:DeleteBucketCors": "PutBucketCORS",
	"s3:GetBucketEncryption": "GetEncryptionConfiguration", "s3:PutBucketEncryption": "PutEncryptionConfiguration",
	"s3:DeleteBucketEncryption": "PutEncryptionConfiguration", "s3:GetBucketReplication": "GetReplicationConfiguration",
	"s3:PutBucketReplication": "PutReplicationConfiguration", "s3:DeleteBucketReplication": "PutReplicationConfiguration",
	"s3:GetPublicAccessBlock": "GetBucketPublicAccessBlock", "s3:PutPublicAccessBlock": "PutBucketPublicAccessBlock",
	"s3:DeletePublicAccessBlock": "PutBucketPublicAccessBlock", "s3:DeleteBucketPublicAccessBlock": "PutBucketPublicAccessBlock",
	"s3:GetBucketNotificationConfiguration": "GetBucketNotification", "s3:PutBucketNotificationConfiguration": "PutBucketNotification",
	"s3:GetBucketAccelerateConfiguration": "GetAccelerateConfiguration", "s3:PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
	"s3:GetBucketAccelerate": "GetAccelerateConfiguration", "s3:GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
	"s3:PutObjectLockConfiguration": "PutBucketObjectLockConfiguration", "s3:DeleteBucketTagging": "PutBucketTagging",
	"s3:GetBucketInventoryConfiguration": "GetInventoryConfiguration", "s3:PutBucketInventoryConfiguration": "PutInventoryConfiguration",
	"s3:DeleteBucketInventoryConfiguration": "PutInventoryConfiguration", "s3:ListBucketInventoryConfigurations": "GetInventoryConfiguration",
	"s3:GetBucketMetricsConfiguration": "GetMetricsConfiguration", "s3:PutBucketMetricsConfiguration": "PutMetricsConfiguration",
	"s3:DeleteBucketMetricsConfiguration": "PutMetricsConfiguration", "s3:ListBucketMetricsConfigurations": "GetMetricsConfiguration",
	"s3:GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration", "s3:PutBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
	"s3:DeleteBucketAnalyticsConfiguration": "PutAnalyticsConfiguration", "s3:ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
	"s3:GetBucketIntelligentTieringConfiguration":    "GetIntelligentTieringConfiguration",
	"s3:PutBucketIntelligentTieringConfiguration":    "PutIntelligentTieringConfiguration",
	"s3:DeleteBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
	"s3:ListBucketIntelligentTieringConfigurations":  "GetIntelligentTieringConfiguration",
	"s3:DeleteBucketOwnershipControls":               "PutBucketOwnershipControls",
	"s3:CreateBucketMetadataConfiguration":           "CreateBucketMetadataTableConfiguration",
	"s3:GetBucketMetadataConfiguration":              "GetBucketMetadataTableConfiguration",
	"s3:DeleteBucketMetadataConfiguration":           "DeleteBucketMetadataTableConfiguration",
	"s3:ListDirectoryBuckets":                        "s3express:ListAllMyDirectoryBuckets",
	"s3:CreateSession":                               "s3express:CreateSession",
	"s3:WriteGetObjectResponse":                      "s3-object-lambda:WriteGetObjectResponse",

	"access-analyzer:GetFindingV2": "GetFinding", "access-analyzer:ListFindingsV2": "ListFindings",
	"cloudfront:CreateDistributionWithTags": "CreateDistribution TagResource",

	"lambda:Invoke": "InvokeFunction", "lambda:InvokeAsync": "InvokeFunction", "lambda:InvokeWithResponseStream": "InvokeFunction",
	"kms:ReEncrypt":          "ReEncryptFrom ReEncryptTo",
	"sqs:SendMessageBatch":   "SendMessage",
	"sqs:DeleteMessageBatch": "DeleteMessage", "sqs:ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
	"sns:PublishBatch":          "Publish",
	"dynamodb:TransactGetItems": "GetItem", "dynamodb:TransactWriteItems": "ConditionCheckItem DeleteItem PutItem UpdateItem",
	"dynamodb:ExecuteStatement":          "PartiQLSelect PartiQLInsert PartiQLUpdate PartiQLDelete",
	"dynamodb:BatchExecuteStatement":     "PartiQLSelect PartiQLInsert PartiQLUpdate PartiQLDelete",
	"dynamodb:ExecuteTransaction":        "PartiQLSelect PartiQLInsert PartiQLUpdate PartiQLDelete",
	"ec2:RunInstances":                   "RunInstances CreateTags?tagSpecificationSet",
	"ec2:CreateVolume":                   "CreateVolume CreateTags?tagSpecificationSet",
	"ec2:CreateSnapshot":                 "CreateSnapshot CreateTags?tagSpecificationSet",
	"ec2:CreateSecurityGroup":            "CreateSecurityGroup CreateTags?tagSpecificationSet",
	"ec2:CreateVpc":                      "CreateVpc CreateTags?tagSpecificationSet",
	"ec2:CreateSubnet":                   "CreateSubnet CreateTags?tagSpecificationSet",
	"iam:CreateRole":                     "CreateRole TagRole?tags",
	"iam:CreateUser":                     "CreateUser TagUser?tags",
	"iam:CreatePolicy":                   "CreatePolicy TagPolicy?tags",
	"sts:AssumeRole":                     "AssumeRole TagSession?tags SetSourceIdentity?sourceIdentity",
	"secretsmanager:BatchGetSecretValue": "BatchGetSecretValue GetSecretValue",
	"secretsmanager:CreateSecret":        "CreateSecret TagResource?tags",
	"bedrock:Converse":                   "InvokeModel", "bedrock:ConverseStream": "InvokeModelWithResponseStream",
}

// verbs are API Gateway's actions, which are methods of HTTP.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-create-and-manage-api.html
var verbs = []struct{ prefix, action string }{
	{"Get", "GET"}, {"Create", "POST"}, {"Import", "POST"}, {"Test", "POST"}, {"Generate", "POST"}, {"Update", "PATCH"},
	{"Put", "PUT"}, {"Tag", "PUT"}, {"Reimport", "PUT"}, {"Delete", "DELETE"}, {"Flush", "DELETE"}, {"Untag", "DELETE"},
}

// translate returns the actions a call needed: nil when none is known, an empty
// list when none is needed.
func (g *Generator) translate(source, name string) []grant {
	prefix, ok := strings.CutSuffix(source, ".amazonaws.com")
	if !ok {
		return nil
	}
	if p, ok := sources[prefix]; ok {
		prefix = p
	}
	name = undated(prefix, name)
	full := prefix + ":" + name
	if free[full] {
		return []grant{}
	}
	if prefix == "apigateway" {
		for _, v := range verbs {
			if strings.HasPrefix(name, v.prefix) {
				name = v.action
				break
			}
		}
	} else if list, ok := actions[full]; ok {
		name = list
	}
	var out []grant
	for word := range strings.FieldsSeq(name) {
		gr := grant{}
		word, gr.unless, _ = strings.Cut(word, "!")
		word, gr.when, _ = strings.Cut(word, "?")
		if !strings.Contains(word, ":") {
			word = prefix + ":" + word
		}
		a, ok := g.ref.Action(word)
		if !ok {
			continue
		}
		gr.action, gr.name = a, a.Service+":"+a.Name
		out = append(out, gr)
	}
	return out
}

// undated takes the version of the API from names such as GetFunction20150331v2
// and CreateDistribution2020_05_31.
func undated(service, name string) string {
	if service != "lambda" && service != "cloudfront" {
		return name
	}
	short := strings.TrimRight(name, "0123456789_v")
	if digits := strings.TrimLeft(name[len(short):], "v_"); len(digits) >= 8 && short != "" {
		return short
	}
	return name
}
