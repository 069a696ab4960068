"""The judge judged: wrong answers must be found to be wrong.

Each row is an operation, a wrong answer of it and a word of what must be said.
"""

import json
import sys

import boto3
import minimal
import shape

XML = '<{0}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/">{1}<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></{0}Response>'
USER = "<Path>/</Path><UserName>a</UserName><UserId>AIDAAAAAAAAAAAAAAAAA</UserId><Arn>arn:aws:iam::000000000000:user/a</Arn><CreateDate>{}</CreateDate>"
GOOD = USER.format("2026-01-01T00:00:00Z")
ANALYZER = {"arn": "a", "name": "n", "type": "ACCOUNT", "createdAt": "2026-01-01T00:00:00Z", "status": "ACTIVE"}


def get_user(inner):
    return "iam", "GetUser", XML.format("GetUser", f"<GetUserResult><User>{inner}</User></GetUserResult>")


def analyzer(**change):
    members = {k: v for k, v in {**ANALYZER, **change}.items() if v is not ...}
    return "accessanalyzer", "GetAnalyzer", json.dumps({"analyzer": members})


def account(**members):
    return "organizations", "DescribeAccount", json.dumps({"Account": members})


ROWS = (
    (get_user(GOOD), ""),
    (get_user(GOOD + "<Shoe>9</Shoe>"), "User.Shoe is not in the model"),
    (get_user(GOOD.replace("<Path>/</Path>", "")), "User.Path is required and missing"),
    (get_user(GOOD + "<Path>/</Path>"), "there twice"),
    (get_user(USER.format("yesterday")), "no iso8601"),
    (get_user(USER.format("1767225600")), "no iso8601"),
    (get_user(GOOD + "<Tags><entry/></Tags>"), "entry in a list"),
    (get_user(GOOD + "<Tags><member><Key>k</Key></member></Tags>"), "Value is required and missing"),
    (("iam", "GetUser", XML.format("GetUser", "")), "no GetUserResult"),
    (("iam", "GetUser", "<GetUserResponse>"), "cannot be parsed"),
    (("iam", "ListUsers", XML.format("ListUsers", "<ListUsersResult><Users/><IsTruncated>no</IsTruncated></ListUsersResult>")), "no boolean"),
    (("iam", "ListAccessKeys", XML.format("ListAccessKeys", "<ListAccessKeysResult><AccessKeyMetadata><member><Status>Broken</Status></member></AccessKeyMetadata></ListAccessKeysResult>")), "is none of"),
    (("iam", "GetAccountSummary", XML.format("GetAccountSummary", "<GetAccountSummaryResult><SummaryMap><entry><key>Users</key></entry></SummaryMap></GetAccountSummaryResult>")), "an entry of"),
    (analyzer(), ""),
    (analyzer(arn=...), "analyzer.arn is required and missing"),
    (analyzer(arn=None), "null"),
    (analyzer(arn=7), "no string"),
    (analyzer(type="PLANET"), "is none of"),
    (analyzer(createdAt=1767225600), "no iso8601"),
    (analyzer(tags=[]), "no map"),
    (analyzer(shoe=9), "analyzer.shoe is not in the model"),
    (analyzer(configuration={}), "a union with []"),
    (analyzer(configuration={"unusedAccess": {"unusedAccessAge": True}}), "no integer"),
    (account(Id="1", JoinedTimestamp=1767225600.5, Status="ACTIVE"), ""),
    (account(JoinedTimestamp="2026-01-01T00:00:00Z"), "no unixTimestamp"),
    (account(JoinedTimestamp=1767225600000), "no unixTimestamp"),
    (("organizations", "CloseAccount", '{"Account": {}}'), "a body where the model has none"),
)


def main():
    failed = []
    for (service, name, body), want in ROWS:
        operation = boto3.client(service).meta.service_model.operation_model(name)
        found = "; ".join(shape.problems(operation, 200, {}, body.encode()))
        if want not in found or bool(found) != bool(want):
            failed.append(f"{name} {body}: found {found!r}, want {want!r}")
    for pattern, least, most in ((r"[\w+=,.@-]+", 2, 64), (r"^o-[a-z0-9]{10,32}$", 1, 99), (r"(x|y)z{3}\d?", 5, 5), (r"[\p{L}\p{M}]{4,}", 1, 9)):
        try:
            minimal.text(pattern, least, most)
        except ValueError as e:
            failed.append(str(e))
    print("\n".join(failed) or f"{len(ROWS)} answers are judged right")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
