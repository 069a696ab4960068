"""Calls and their answers as they came, of any client of a botocore session."""

import copy
import dataclasses

import shape

# What every AWS service may answer beside the errors that its model lists.
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
COMMON = {"AccessDenied", "AccessDeniedException", "ExpiredToken", "ValidationError", "ValidationException"}

# What AWS answers and its model does not list, as others recorded it: session
# tags that contradict each other, aliases that are AWS's own.
UNLISTED = {("AssumeRole", "InvalidParameterValue")} | {(o, "NotAuthorizedException") for o in ("CreateAlias", "UpdateAlias", "DeleteAlias")}

# KMS reads names, markers and tokens of all operations alike, where some of the
# model's lists leave the error out; and attestation documents are not AWS's here.
UNLISTED |= {("CreateAlias", "InvalidArnException"), ("UpdateAlias", "InvalidArnException"), ("DescribeKey", "InvalidGrantTokenException"),
             ("ListKeyPolicies", "InvalidMarkerException"), ("GenerateDataKey", "UnsupportedOperationException"), ("DeriveSharedSecret", "UnsupportedOperationException")}

# Redshift's models leave out what all of its operations answer.
# https://docs.aws.amazon.com/redshift/latest/APIReference/CommonErrors.html
UNLISTED |= {(o, "InvalidParameterValue") for o in ("CreateHsmClientCertificate", "CreateHsmConfiguration", "DescribeHsmClientCertificates",
                                                    "DescribeHsmConfigurations", "DescribeTags")}

# SQS's models leave out what its common errors have.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
UNLISTED |= {(o, "InvalidParameterValue") for o in ("CreateQueue", "ListDeadLetterSourceQueues", "ListQueues", "ReceiveMessage", "SendMessage", "SendMessageBatch",
                                                    "SetQueueAttributes", "TagQueue", "ChangeMessageVisibility")}

# Errors of KMS and Parameter Store that AWS says no more about, as others recorded it.
SILENT = {"InvalidCiphertextException", "KMSInvalidSignatureException", "KMSInvalidMacException", "ParameterNotFound"}


@dataclasses.dataclass
class Call:
    """One request's answer."""

    operation: object
    status: int
    headers: dict
    body: bytes
    parsed: dict

    def error(self):
        return self.parsed.get("Error", {}).get("Code", "") if self.status >= 300 else ""

    def problems(self):
        """What is wrong with the answer as such."""
        if self.status < 300:
            return shape.problems(self.operation, self.status, self.headers, self.body)
        error, found = self.parsed.get("Error", {}), []
        known = COMMON | {s.error_code for s in self.operation.error_shapes} | {s.name for s in self.operation.error_shapes}
        if not error.get("Message") and error.get("Code") not in SILENT:
            found.append(f"an error without a message: {self.body[:200]!r}")
        if not self.parsed.get("ResponseMetadata", {}).get("RequestId"):
            found.append("an error without a request id")
        if self.status >= 500:
            if (self.status, error.get("Code")) != (501, "NotImplemented"):
                found.append(f"status {self.status}: {error}")
        elif error.get("Code") not in known and (self.operation.name, error.get("Code")) not in UNLISTED:
            found.append(f"the model does not list the error {error}")
        return found


class Recorder:
    """Keeps the calls that the clients of a session make."""

    def __init__(self, session):
        self.calls, self.raw = [], None
        session.register("before-parse", self._before)
        session.register("response-received", self._received)

    def _before(self, operation_model, response_dict, **_):
        self.raw = operation_model, response_dict

    def _received(self, parsed_response, **_):
        if parsed_response is None:
            return
        operation, raw = self.raw
        self.calls.append(Call(operation, raw["status_code"], raw["headers"], raw["body"], copy.deepcopy(parsed_response)))

    def problems(self):
        """What is wrong with the answers, one line each."""
        return sorted({f"{c.operation.service_model.service_name} {c.operation.name}: {p}" for c in self.calls for p in c.problems()})
