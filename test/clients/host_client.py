"""What a program on a host does with boto3: it says nothing about credentials.

usage: host_client.py ROLE; for each line on standard input it makes the calls
and prints the id of the access key they were made with."""

import sys

import boto3
from botocore.exceptions import ClientError

role = sys.argv[1]
session = boto3.Session()
iam, sts = session.client("iam"), session.client("sts")
for _ in sys.stdin:
    arn = sts.get_caller_identity()["Arn"]
    assert f":assumed-role/{role}/" in arn, arn
    assert iam.get_role(RoleName=role)["Role"]["RoleName"] == role
    try:
        iam.list_users()
        raise AssertionError("list_users succeeded")
    except ClientError as e:
        assert e.response["Error"]["Code"] == "AccessDenied", e
    print(session.get_credentials().get_frozen_credentials().access_key, flush=True)
