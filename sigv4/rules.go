package sigv4

import "time"

// Rules are what one service demands of a signature.
type Rules struct {
	Service string        // signing name that the scope must carry
	Region  string        // region that the scope must carry; empty: any
	Skew    time.Duration // how far the request's time may lie from now, either way
	S3      bool          // S3's dialect: see RulesFor

	// RequireSigned are further headers, in lower case, which must be signed
	// if they are present. Host and x-amz-* always must.
	RequireSigned []string

	single   bool // encode the path once; S3 does
	keepPath bool // do not normalise the path; S3 does not
}

const (
	shortSkew = 5 * time.Minute
	longSkew  = 15 * time.Minute
)

// RulesFor returns the rules of the service with this signing name; region is
// the region the scope must carry, empty for any.
//
// "In most cases, a request must reach AWS within five minutes of the time
// stamp": https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html.
// Fifteen minutes are measured on AWS for those listed here, five for kms,
// lambda, route53 and monitoring: https://github.com/ministackorg/ministack/issues/1745;
// S3 documents fifteen:
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (RequestTimeTooSkewed).
//
// S3's dialect: the path is encoded once and not normalised, the payload is
// what x-amz-content-sha256 declares, bodies may be unsigned or streamed, and
// a presigned URL ends at its expiry to the second.
func RulesFor(service, region string) Rules {
	out := Rules{Service: service, Region: region, Skew: shortSkew}
	switch service {
	case "sts", "iam", "dynamodb", "sqs":
		out.Skew = longSkew
	case "s3", "s3express", "s3-outposts", "s3-object-lambda":
		out.Skew, out.S3, out.single, out.keepPath = longSkew, true, true, true
	}
	return out
}
