"""What every client here does, with boto3."""

import json

import boto3
from botocore.exceptions import ClientError


def refused(code, call, **arguments):
    """The call must fail with this code."""
    try:
        call(**arguments)
    except ClientError as e:
        assert e.response["Error"]["Code"] == code, e
        assert e.response["ResponseMetadata"]["RequestId"], e
        return e
    raise AssertionError(f"{call.__name__}: succeeded, want {code}")


def as_key(key, service):
    return boto3.client(
        service,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key.get("SessionToken"),
    )


def statement(effect, action, **rest):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, **rest}]})


root = boto3.client("iam")

# A user, made once.
alice = root.create_user(UserName="alice", Tags=[{"Key": "näme", "Value": "Ålice + ünd 100"}])["User"]
assert alice["Arn"] == "arn:aws:iam::000000000000:user/alice", alice
assert alice["CreateDate"].tzinfo is not None
try:
    root.create_user(UserName="alice")
    raise AssertionError("a second alice")
except root.exceptions.EntityAlreadyExistsException as e:
    assert e.response["Error"]["Message"] == "User with name alice already exists.", e
try:
    root.get_user(UserName="bob")
    raise AssertionError("there is no bob")
except root.exceptions.NoSuchEntityException as e:
    assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 404
root.get_waiter("user_exists").wait(UserName="alice", WaiterConfig={"Delay": 1, "MaxAttempts": 2})
assert root.get_user(UserName="alice")["User"]["Tags"][0]["Value"] == "Ålice + ünd 100"

# Denied, then allowed by a policy, then denied again.
key = root.create_access_key(UserName="alice")["AccessKey"]
iam = as_key(key, "iam")
error = refused("AccessDenied", iam.list_users)
assert error.response["Error"]["Message"].startswith(f"User: {alice['Arn']} is not authorized to perform: iam:ListUsers"), error
assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
policy = root.create_policy(PolicyName="look", PolicyDocument=statement("Allow", "iam:ListUsers", Resource="*"))["Policy"]["Arn"]
root.get_waiter("policy_exists").wait(PolicyArn=policy, WaiterConfig={"Delay": 1, "MaxAttempts": 2})
root.attach_user_policy(UserName="alice", PolicyArn=policy)
assert [u["UserName"] for u in iam.list_users()["Users"]] == ["alice"]
document = root.get_policy_version(PolicyArn=policy, VersionId="v1")["PolicyVersion"]["Document"]
assert document["Statement"][0]["Action"] == "iam:ListUsers", document
root.detach_user_policy(UserName="alice", PolicyArn=policy)
refused("AccessDenied", iam.list_users)
refused("MalformedPolicyDocument", root.create_policy, PolicyName="bad", PolicyDocument='{"Statement": 1}')

# A role, assumed.
root.create_role(RoleName="reader", AssumeRolePolicyDocument=statement("Allow", "sts:AssumeRole", Principal={"AWS": alice["Arn"]}))
root.get_waiter("role_exists").wait(RoleName="reader", WaiterConfig={"Delay": 1, "MaxAttempts": 2})
root.attach_role_policy(RoleName="reader", PolicyArn=policy)
sts = as_key(key, "sts")
credentials = sts.assume_role(RoleArn="arn:aws:iam::000000000000:role/reader", RoleSessionName="boto3")["Credentials"]
session = as_key(credentials, "sts").get_caller_identity()
assert session["Arn"] == "arn:aws:sts::000000000000:assumed-role/reader/boto3", session
assert len(as_key(credentials, "iam").list_users()["Users"]) == 1
refused("AccessDenied", as_key(credentials, "iam").create_user, UserName="mallory")
refused("AccessDenied", sts.assume_role, RoleArn="arn:aws:iam::000000000000:role/nobody", RoleSessionName="boto3")

# Pages.
for i in range(12):
    root.create_user(UserName=f"user-{i:02}", Path="/pages/")
pages = list(root.get_paginator("list_users").paginate(PathPrefix="/pages/", PaginationConfig={"PageSize": 5}))
assert [len(p["Users"]) for p in pages] == [5, 5, 2], pages
assert len({u["UserId"] for p in pages for u in p["Users"]}) == 12

# Who is not known.
refused("InvalidClientTokenId", as_key({"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "x"}, "sts").get_caller_identity)
refused("SignatureDoesNotMatch", as_key({**key, "SecretAccessKey": "x"}, "sts").get_caller_identity)

# The record.
events = boto3.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": "alice"}])["Events"]
assert {"ListUsers", "AssumeRole"} <= {e["EventName"] for e in events}, events
print("boto3", boto3.__version__, "is content")
