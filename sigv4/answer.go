package sigv4

import (
	"errors"
	"net/http"
)

// Family is how an AWS service words its authentication errors.
type Family uint8

const (
	Query Family = iota // awsQuery and restXml but S3: STS, IAM, SNS, Route 53, CloudFront
	JSON                // awsJson and rpcv2Cbor: KMS, DynamoDB, Secrets Manager
	REST                // restJson1: Lambda, GuardDuty, API Gateway
	EC2
	S3
)

// FamilyOf returns the family of a service, by its signing name and by its
// protocol as the service model names it (query, json, rest-json, rest-xml,
// ec2, smithy-rpc-v2-cbor). SQS and CloudWatch kept the codes of the query
// protocol they began with.
func FamilyOf(service, protocol string) Family {
	switch service {
	case "s3", "s3express", "s3-outposts", "s3-object-lambda":
		return S3
	case "sqs", "monitoring":
		return Query
	}
	switch protocol {
	case "ec2":
		return EC2
	case "json", "smithy-rpc-v2-cbor":
		return JSON
	case "rest-json":
		return REST
	}
	return Query
}

// Answer is what AWS tells the caller.
type Answer struct {
	Code    string
	Message string
	Status  int
	Fields  map[string]any // further elements of S3's error document; else nil
}

// The classes into which the services other than EC2 and S3 sort their
// reasons, with the code and status of each family.
//
// Names: the CommonErrors page of each API reference, such as
// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html and
// https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html.
// Statuses and suffixes, which those pages do not give as answered, from
// answers on record: https://github.com/ministackorg/ministack/issues/1745,
// https://github.com/aws/aws-sdk-go/issues/1042 (IncompleteSignature 400, IAM),
// https://github.com/prometheus-community/yet-another-cloudwatch-exporter/issues/169
// (IncompleteSignatureException 400), https://github.com/aws/aws-sdk-cpp/issues/1681
// (InvalidSignatureException 400, KMS), https://github.com/getsops/sops/issues/621
// (ExpiredTokenException 400, KMS), https://github.com/cfn-sphere/cfn-sphere/issues/55
// (ExpiredToken 403, IAM), https://github.com/cloudquery/cq-provider-aws/pull/1171
// (ExpiredTokenException 403, Lambda),
// https://github.com/badslug/Paw-AWSSignature4DynamicValue/issues/5
// (UnrecognizedClientException 403, REST).
type class struct {
	query  string
	status int    // in the query family
	json   string // 400 in JSON, 403 in REST
}

var (
	missing    = class{"MissingAuthenticationToken", 403, "MissingAuthenticationTokenException"}
	incomplete = class{"IncompleteSignature", 400, "IncompleteSignatureException"}
	mismatch   = class{"SignatureDoesNotMatch", 403, "InvalidSignatureException"}
	unknown    = class{"InvalidClientTokenId", 403, "UnrecognizedClientException"}
	expired    = class{"ExpiredToken", 403, "ExpiredTokenException"}
)

const (
	mismatchText = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	internalText = "The request processing has failed because of an unknown error, exception or failure."
)

// AnswerTo returns what a service of this family answers to err, which Parse,
// Check, Verify, VerifyHead, Fail or a Body has returned. Any other error, and
// Misuse, is the server's own fault and answered so.
func AnswerTo(err error, family Family) Answer {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Reason == Misuse {
		if family == S3 || family == EC2 {
			return Answer{Code: "InternalError", Message: "We encountered an internal error. Please try again.", Status: http.StatusInternalServerError}
		}
		return Answer{Code: "InternalFailure", Message: internalText, Status: http.StatusInternalServerError}
	}
	switch family {
	case S3:
		return answerS3(e)
	case EC2:
		return answerEC2(e)
	}
	class, message := common(e)
	if e.Detail != "" {
		message = e.Detail
	}
	switch family {
	case JSON:
		return Answer{Code: class.json, Message: message, Status: http.StatusBadRequest}
	case REST:
		if class == missing {
			message = "Missing Authentication Token"
		}
		return Answer{Code: class.json, Message: message, Status: http.StatusForbidden}
	}
	return Answer{Code: class.query, Message: message, Status: class.status}
}

// common returns the class of a reason, and its sentence where that does not
// depend on the request.
func common(e *Error) (class, string) {
	switch e.Reason {
	case Missing, UnsupportedScheme:
		return missing, "Request is missing Authentication Token"
	case UnknownKey:
		return unknown, "The security token included in the request is invalid."
	case InvalidToken:
		return unknown, "The security token included in the request is invalid"
	case ExpiredToken:
		return expired, "The security token included in the request is expired"
	case UnsupportedAlgorithm, Incomplete, MalformedCredential, MalformedDate, MalformedQuery, MalformedExpires:
		return incomplete, "The request signature does not conform to AWS standards."
	}
	return mismatch, mismatchText
}

// answerEC2: EC2 hides nearly everything behind AuthFailure.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
// https://github.com/hashicorp/packer/issues/3140 (skew: AuthFailure 401),
// https://github.com/aws/aws-sdk-java/issues/1443 (expired token: RequestExpired 400),
// https://github.com/StreisandEffect/streisand/issues/485 (credential: AuthFailure with detail).
func answerEC2(e *Error) Answer {
	switch e.Reason {
	case Missing, UnsupportedScheme:
		return Answer{Code: "MissingParameter", Message: "The request must contain the parameter AWSAccessKeyId", Status: 400}
	case ExpiredToken, PresignExpired:
		return Answer{Code: "RequestExpired", Message: "Request has expired.", Status: 400}
	case UnsupportedAlgorithm, Incomplete, MalformedCredential, MalformedDate, MalformedQuery, MalformedExpires, Ambiguous:
		return Answer{Code: "AuthFailure", Message: e.Detail, Status: 401}
	}
	return Answer{Code: "AuthFailure", Message: "AWS was not able to validate the provided access credentials", Status: 401}
}

// answerS3 gives S3's answers.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
// Messages from answers on record: https://github.com/aws/aws-sdk-php/issues/780,
// https://github.com/n8n-io/n8n/issues/12216 (region, with its Region element),
// https://github.com/bryanjos/aws_auth/issues/31 (X-Amz-Expires),
// https://github.com/soto-project/soto/issues/374 (HeadersNotSigned),
// https://github.com/aws/aws-sdk-js/issues/120 (date).
func answerS3(e *Error) Answer {
	switch e.Reason {
	case Missing, PresignExpired:
		text := "Access Denied"
		if e.Reason == PresignExpired {
			text = "Request has expired"
		}
		return Answer{Code: "AccessDenied", Message: text, Status: 403}
	case Expired, NotYetValid:
		if e.Presigned {
			return Answer{Code: "AccessDenied", Message: "Request is not yet valid", Status: 403}
		}
		return Answer{Code: "RequestTimeTooSkewed", Message: "The difference between the request time and the current time is too large.", Status: 403}
	case MalformedDate:
		if !e.Presigned {
			return Answer{Code: "AccessDenied", Message: "AWS authentication requires a valid Date or x-amz-date header", Status: 403}
		}
	case HeadersNotSigned:
		return Answer{Code: "AccessDenied", Message: "There were headers present in the request which were not signed",
			Status: 403, Fields: map[string]any{"HeadersNotSigned": e.Got}}
	case Ambiguous:
		return invalidArgument("Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified")
	case UnsupportedScheme:
		if e.Got == "AWS" {
			return Answer{Code: "InvalidRequest", Message: "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.", Status: 400}
		}
		return invalidArgument("Unsupported Authorization Type")
	case UnknownKey:
		return Answer{Code: "InvalidAccessKeyId", Message: "The AWS Access Key Id you provided does not exist in our records.", Status: 403}
	case InvalidToken:
		return Answer{Code: "InvalidToken", Message: "The provided token is malformed or otherwise invalid.", Status: 400}
	case ExpiredToken:
		return Answer{Code: "ExpiredToken", Message: "The provided token has expired.", Status: 400}
	case SignatureMismatch, HostNotSigned:
		return Answer{Code: "SignatureDoesNotMatch", Message: "The request signature we calculated does not match the signature you provided. Check your key and signing method.", Status: 403}
	case PayloadUndeclared:
		return Answer{Code: "InvalidRequest", Message: "Missing required header for this request: x-amz-content-sha256", Status: 400}
	case PayloadInvalid:
		return invalidArgument("x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.")
	case PayloadMismatch:
		return Answer{Code: "XAmzContentSHA256Mismatch", Message: "The provided 'x-amz-content-sha256' header does not match what was computed.", Status: 400}
	case LengthUndeclared:
		return Answer{Code: "MissingContentLength", Message: "You must provide the Content-Length HTTP header.", Status: 411}
	case LengthMismatch:
		return Answer{Code: "IncompleteBody", Message: "You did not provide the number of bytes specified by the Content-Length HTTP header.", Status: 400}
	case ChunkMalformed:
		return Answer{Code: "IncompleteBody", Message: "The request body terminated unexpectedly", Status: 400}
	case ChunkTooSmall:
		return Answer{Code: "InvalidChunkSizeError", Message: "Only the last chunk is allowed to have a size less than 8192 bytes", Status: 403}
	case TrailerMalformed:
		return Answer{Code: "MalformedTrailerError", Message: "The request contained trailing data that was not well-formed or did not conform to our published schema.", Status: 400}
	}
	return answerS3Malformed(e)
}

// answerS3Malformed words what is wrong with the parts of a signature.
func answerS3Malformed(e *Error) Answer {
	out := Answer{Code: "AuthorizationHeaderMalformed", Status: 400}
	prefix := "The authorization header is malformed; "
	if e.Presigned {
		out.Code, prefix = "AuthorizationQueryParametersError", "Error parsing the X-Amz-Credential parameter; "
	}
	wrong := func(what string) string {
		return prefix + "the " + what + " '" + e.Got + "' is wrong; expecting '" + e.Want + "'"
	}
	switch e.Reason {
	case ScopeRegion:
		out.Message = wrong("region")
		out.Fields = map[string]any{"Region": e.Want}
	case ScopeService:
		out.Message = prefix + "incorrect service \"" + e.Got + "\". This endpoint belongs to \"" + e.Want + "\"."
	case ScopeTerminator:
		out.Message = prefix + "incorrect terminal \"" + e.Got + "\". This endpoint uses \"" + e.Want + "\"."
	case ScopeDate:
		out.Message = prefix + "Invalid credential date \"" + e.Got + "\". This date is not the same as X-Amz-Date: \"" + e.Want + "\"."
	case MalformedCredential:
		out.Message = prefix + "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."
	case MalformedExpires:
		out.Message = e.Detail
	case MalformedDate:
		out.Message = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
	case MalformedQuery:
		return Answer{Code: "InvalidURI", Message: "Couldn't parse the specified URI.", Status: 400}
	case UnsupportedAlgorithm:
		if e.Presigned {
			out.Message = "X-Amz-Algorithm only supports \"" + Algorithm + "\""
			break
		}
		return Answer{Code: "InvalidRequest", Message: "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.", Status: 400}
	default: // Incomplete
		out.Message = prefix + "the authorization header requires three components: Credential, SignedHeaders, and Signature."
		if e.Presigned {
			out.Message = "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
		}
	}
	return out
}

func invalidArgument(text string) Answer {
	return Answer{Code: "InvalidArgument", Message: text, Status: 400}
}
