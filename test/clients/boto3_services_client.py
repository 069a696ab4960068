"""Services that the Go SDK has no small module for: IAM Toolbox and EKS's pod identity, with boto3."""

import json
import re

import boto3
from botocore.exceptions import ClientError

iam, toolbox, eks = boto3.client("iam"), boto3.client("iam-toolbox"), boto3.client("eks")


def raised(exception, call, **arguments):
    """The call must fail with just this modelled exception; its answer is returned."""
    try:
        call(**arguments)
    except exception as e:
        assert e.response["Error"]["Message"] and e.response["ResponseMetadata"]["RequestId"], e.response
        return e.response
    raise AssertionError(f"{call.__name__}: succeeded, want {exception.__name__}")


# A denial, and why: the policy is told as it was, though it is gone.
iam.create_user(UserName="alice")
hers = {"Version": "2012-10-17", "Statement": [{"Sid": "No", "Effect": "Deny", "Action": "iam:Create*", "Resource": "*"}]}
iam.put_user_policy(UserName="alice", PolicyName="hers", PolicyDocument=json.dumps(hers))
key = iam.create_access_key(UserName="alice")["AccessKey"]
alice = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
denied = raised(ClientError, boto3.client("iam", **alice).create_user, UserName="eve")
authorization = re.search(r"authorization id: ([0-9a-z]+)", denied["Error"]["Message"])[1]
iam.delete_user_policy(UserName="alice", PolicyName="hers")
details = toolbox.get_request_authorization_details(authorizationId=authorization)
assert [e["action"] for e in details["evaluations"]] == ["iam:CreateUser"], details
[uri] = [p["uri"] for p in details["policies"] if p.get("inline")]
told = toolbox.get_request_authorization_policy(authorizationId=authorization, policyUri=uri)
assert "iam:Create*" in json.dumps(told, default=str), told
nobody = "0" * len(authorization)
assert raised(toolbox.exceptions.ResourceNotFoundException, toolbox.get_request_authorization_details, authorizationId=nobody)["ResponseMetadata"]["HTTPStatusCode"] == 404
raised(toolbox.exceptions.ResourceNotFoundException, toolbox.get_request_authorization_policy, authorizationId=authorization, policyUri=uri + "x")
raised(toolbox.exceptions.AccessDeniedException, boto3.client("iam-toolbox", **alice).get_request_authorization_details, authorizationId=authorization)

# Pods and their roles.
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}]}
role = iam.create_role(RoleName="pods", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
for i in range(7):
    made = eks.create_pod_identity_association(clusterName="prod", namespace=f"ns-{i % 2}", serviceAccount=f"sa-{i}", roleArn=role)["association"]
assert made["roleArn"] == role and made["associationArn"].startswith("arn:aws:eks:us-east-1:000000000000:podidentityassociation/prod/a-"), made
assert made["createdAt"].tzinfo is not None
response = raised(eks.exceptions.ResourceInUseException, eks.create_pod_identity_association, clusterName="prod", namespace="ns-0", serviceAccount="sa-6", roleArn=role)
assert response["clusterName"] == "prod" and response["Error"]["Message"].endswith(made["associationId"]), response
response = raised(eks.exceptions.ResourceNotFoundException, eks.describe_pod_identity_association, clusterName="prod", associationId="a-00000000000000000")
assert response["clusterName"] == "prod" and response["ResponseMetadata"]["HTTPStatusCode"] == 404, response
raised(eks.exceptions.InvalidParameterException, eks.create_pod_identity_association, clusterName="prod", namespace="n", serviceAccount="s", roleArn="no role")
pages = list(eks.get_paginator("list_pod_identity_associations").paginate(clusterName="prod", PaginationConfig={"PageSize": 5}))
assert [len(p["associations"]) for p in pages] == [5, 2], pages
assert len({a["associationId"] for p in pages for a in p["associations"]}) == 7
assert len(eks.list_pod_identity_associations(clusterName="prod", namespace="ns-1")["associations"]) == 3

print("boto3", boto3.__version__, "is content with iam-toolbox and eks")
