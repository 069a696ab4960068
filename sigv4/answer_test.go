package sigv4

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAnswers(t *testing.T) {
	for _, x := range []struct {
		err           error
		service, wire string
		code          string
		status        int
		message       string
	}{
		{Fail(Missing), "sts", "query", "MissingAuthenticationToken", 403, "Request is missing Authentication Token"},
		{Fail(Missing), "kms", "json", "MissingAuthenticationTokenException", 400, "Request is missing Authentication Token"},
		{Fail(Missing), "lambda", "rest-json", "MissingAuthenticationTokenException", 403, "Missing Authentication Token"},
		{Fail(Missing), "ec2", "ec2", "MissingParameter", 400, "The request must contain the parameter AWSAccessKeyId"},
		{Fail(Missing), "s3", "rest-xml", "AccessDenied", 403, "Access Denied"},
		{Fail(UnsupportedScheme), "iam", "query", "MissingAuthenticationToken", 403, ""},
		{Fail(UnsupportedScheme), "s3", "rest-xml", "InvalidArgument", 400, "Unsupported Authorization Type"},
		{&Error{Reason: UnsupportedScheme, Got: "AWS"}, "s3", "rest-xml", "InvalidRequest", 400, ""},

		{Fail(UnknownKey), "sts", "query", "InvalidClientTokenId", 403, "The security token included in the request is invalid."},
		{Fail(UnknownKey), "route53", "rest-xml", "InvalidClientTokenId", 403, ""},
		{Fail(UnknownKey), "sqs", "json", "InvalidClientTokenId", 403, ""},
		{Fail(UnknownKey), "monitoring", "smithy-rpc-v2-cbor", "InvalidClientTokenId", 403, ""},
		{Fail(UnknownKey), "dynamodb", "json", "UnrecognizedClientException", 400, ""},
		{Fail(UnknownKey), "kms", "json", "UnrecognizedClientException", 400, ""},
		{Fail(UnknownKey), "lambda", "rest-json", "UnrecognizedClientException", 403, ""},
		{Fail(UnknownKey), "s3", "rest-xml", "InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."},
		{Fail(UnknownKey), "ec2", "ec2", "AuthFailure", 401, "AWS was not able to validate the provided access credentials"},

		{Fail(SignatureMismatch), "iam", "query", "SignatureDoesNotMatch", 403, mismatchText},
		{Fail(SignatureMismatch), "kms", "json", "InvalidSignatureException", 400, mismatchText},
		{Fail(SignatureMismatch), "guardduty", "rest-json", "InvalidSignatureException", 403, mismatchText},
		{Fail(SignatureMismatch), "s3", "rest-xml", "SignatureDoesNotMatch", 403, ""},
		{Fail(SignatureMismatch), "ec2", "ec2", "AuthFailure", 401, ""},

		{Fail(ExpiredToken), "iam", "query", "ExpiredToken", 403, "The security token included in the request is expired"},
		{Fail(ExpiredToken), "kms", "json", "ExpiredTokenException", 400, ""},
		{Fail(ExpiredToken), "lambda", "rest-json", "ExpiredTokenException", 403, ""},
		{Fail(ExpiredToken), "s3", "rest-xml", "ExpiredToken", 400, "The provided token has expired."},
		{Fail(ExpiredToken), "ec2", "ec2", "RequestExpired", 400, "Request has expired."},
		{Fail(InvalidToken), "sts", "query", "InvalidClientTokenId", 403, "The security token included in the request is invalid"},
		{Fail(InvalidToken), "s3", "rest-xml", "InvalidToken", 400, ""},

		{&Error{Reason: Incomplete, Detail: "d"}, "sts", "query", "IncompleteSignature", 400, "d"},
		{&Error{Reason: MalformedCredential, Detail: "d"}, "kms", "json", "IncompleteSignatureException", 400, "d"},
		{&Error{Reason: MalformedCredential, Detail: "d"}, "ec2", "ec2", "AuthFailure", 401, "d"},
		{&Error{Reason: Incomplete, Detail: "d"}, "lambda", "rest-json", "IncompleteSignatureException", 403, "d"},
		{&Error{Reason: Expired, Detail: "d"}, "sts", "query", "SignatureDoesNotMatch", 403, "d"},
		{&Error{Reason: Expired, Detail: "d"}, "kms", "json", "InvalidSignatureException", 400, "d"},
		{&Error{Reason: Expired, Detail: "d"}, "ec2", "ec2", "AuthFailure", 401, ""},
		{&Error{Reason: Expired, Detail: "d"}, "s3", "rest-xml", "RequestTimeTooSkewed", 403, ""},
		{&Error{Reason: NotYetValid, Presigned: true}, "s3", "rest-xml", "AccessDenied", 403, "Request is not yet valid"},
		{Fail(PresignExpired), "s3", "rest-xml", "AccessDenied", 403, "Request has expired"},
		{&Error{Reason: MalformedExpires, Presigned: true, Detail: "d"}, "s3", "rest-xml", "AuthorizationQueryParametersError", 400, "d"},
		{&Error{Reason: MalformedExpires, Presigned: true, Detail: "d"}, "sts", "query", "IncompleteSignature", 400, "d"},
		{&Error{Reason: Incomplete, Presigned: true}, "s3", "rest-xml", "AuthorizationQueryParametersError", 400, "Query-string authentication version 4 requires"},
		{Fail(PayloadMismatch), "s3", "rest-xml", "XAmzContentSHA256Mismatch", 400, ""},
		{Fail(LengthUndeclared), "s3", "rest-xml", "MissingContentLength", 411, ""},
		{Fail(TrailerMalformed), "s3", "rest-xml", "MalformedTrailerError", 400, ""},
		{&Error{Reason: ScopeRegion, Got: "a", Want: "b"}, "s3", "rest-xml", "AuthorizationHeaderMalformed", 400,
			"The authorization header is malformed; the region 'a' is wrong; expecting 'b'"},
		{errors.New("secret"), "sts", "query", "InternalFailure", 500, internalText},
		{Fail(Misuse), "ec2", "ec2", "InternalError", 500, ""},
	} {
		got := AnswerTo(fmt.Errorf("wrapped: %w", x.err), FamilyOf(x.service, x.wire))
		if got.Code != x.code || got.Status != x.status || !strings.HasPrefix(got.Message, x.message) {
			t.Errorf("%s, %v: got %+v, want %s %d %q", x.service, x.err, got, x.code, x.status, x.message)
		}
	}
}

// Every reason has an answer in every family, with a code, a sentence and a
// client's status.
func TestAnswersComplete(t *testing.T) {
	for reason := Missing; reason < Misuse; reason++ {
		for _, presigned := range []bool{false, true} {
			for family := Query; family <= S3; family++ {
				got := AnswerTo(&Error{Reason: reason, Presigned: presigned, Detail: "d"}, family)
				if got.Code == "" || got.Message == "" || got.Status < 400 || got.Status > 499 {
					t.Errorf("%v in family %d: %+v", reason, family, got)
				}
			}
		}
		if reason.String() == "" {
			t.Errorf("reason %d has no name", reason)
		}
	}
	if reasons.String() != "Reason" {
		t.Error(reasons)
	}
}

func TestS3Fields(t *testing.T) {
	c := signedClaim(t, "s3", 0, "X-Amz-Acl")
	got := AnswerTo(c.Check(RulesFor("s3", ""), testTime), S3)
	if got.Fields["HeadersNotSigned"] != "x-amz-acl" {
		t.Errorf("%+v", got)
	}
	got = AnswerTo(signedClaim(t, "s3", time.Minute).Check(RulesFor("s3", "eu-west-1"), testTime), S3)
	if got.Fields["Region"] != "eu-west-1" || got.Code != "AuthorizationQueryParametersError" {
		t.Errorf("%+v", got)
	}
}
