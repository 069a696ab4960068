"""Secrets Manager and Parameter Store, with boto3: values come back as they went,
and errors as boto3's own types."""

import json

import boto3
from botocore.exceptions import ClientError

secrets, parameters, kms, iam = (boto3.client(name) for name in ("secretsmanager", "ssm", "kms", "iam"))


def raised(exception, call, **arguments):
    """The call must fail with just this modelled exception."""
    try:
        call(**arguments)
    except exception as e:
        assert e.response["ResponseMetadata"]["RequestId"] and e.response["ResponseMetadata"]["HTTPStatusCode"] == 400, e.response
        return e.response["Error"].get("Message", "")
    raise AssertionError(f"{call.__name__}: succeeded, want {exception.__name__}")


# Secrets.
e = secrets.exceptions
text, everything = "päss\u0000wörd\U0001f511", bytes(range(256)) * 256
made = secrets.create_secret(Name="app/db", SecretString=text, Tags=[{"Key": "ä", "Value": "ö"}])
arn = made["ARN"]
assert secrets.get_secret_value(SecretId="app/db")["SecretString"] == text
assert secrets.get_secret_value(SecretId=arn[:-7])["CreatedDate"].tzinfo is not None
put = secrets.put_secret_value(SecretId=arn, SecretBinary=everything)
got = secrets.get_secret_value(SecretId=arn)
assert got["SecretBinary"] == everything and "SecretString" not in got and got["VersionStages"] == ["AWSCURRENT"], got
assert secrets.get_secret_value(SecretId=arn, VersionStage="AWSPREVIOUS")["SecretString"] == text
again = secrets.put_secret_value(SecretId=arn, SecretBinary=everything, ClientRequestToken=put["VersionId"])
assert again["VersionId"] == put["VersionId"]
raised(e.ResourceExistsException, secrets.put_secret_value, SecretId=arn, SecretString="other", ClientRequestToken=put["VersionId"])
assert raised(e.ResourceNotFoundException, secrets.describe_secret, SecretId="none") == "Secrets Manager can't find the specified secret."
raised(e.ResourceExistsException, secrets.create_secret, Name="app/db")
raised(e.InvalidParameterException, secrets.create_secret, Name="both", SecretString="x", SecretBinary=b"x")
raised(e.InvalidRequestException, secrets.rotate_secret, SecretId=arn)
raised(e.MalformedPolicyDocumentException, secrets.put_resource_policy, SecretId=arn, ResourcePolicy="{")
raised(e.InvalidNextTokenException, secrets.list_secrets, NextToken="!")
everybody = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}})
raised(e.PublicPolicyException, secrets.put_resource_policy, SecretId=arn, ResourcePolicy=everybody, BlockPublicPolicy=True)
described = secrets.describe_secret(SecretId=arn)
assert described["Tags"] == [{"Key": "ä", "Value": "ö"}] and described["VersionIdsToStages"][put["VersionId"]] == ["AWSCURRENT"], described
key = kms.create_key()["KeyMetadata"]["Arn"]
secrets.create_secret(Name="app/own", SecretString="x", KmsKeyId=key)
kms.disable_key(KeyId=key)
raised(e.DecryptionFailure, secrets.get_secret_value, SecretId="app/own")
raised(e.EncryptionFailure, secrets.create_secret, Name="app/other", SecretString="x", KmsKeyId=key)
batch = secrets.batch_get_secret_value(SecretIdList=["app/db", "app/own", "none"])
assert [v["Name"] for v in batch["SecretValues"]] == ["app/db"] and {v["ErrorCode"] for v in batch["Errors"]} == {"DecryptionFailure", "ResourceNotFoundException"}, batch
assert len(set(secrets.get_random_password(PasswordLength=200)["RandomPassword"])) > 30

# A user with one label of one secret.
alice = iam.create_user(UserName="alice")["User"]["Arn"]
k = iam.create_access_key(UserName="alice")["AccessKey"]
own = {"aws_access_key_id": k["AccessKeyId"], "aws_secret_access_key": k["SecretAccessKey"]}
hers = boto3.client("secretsmanager", **own)
denied = raised(ClientError, hers.get_secret_value, SecretId=arn)
assert f"User: {alice} is not authorized to perform: secretsmanager:GetSecretValue on resource: {arn}" in denied, denied
secrets.put_resource_policy(SecretId=arn, ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": {
    "Effect": "Allow", "Principal": {"AWS": alice}, "Action": "secretsmanager:GetSecretValue", "Resource": "*",
    "Condition": {"StringEquals": {"secretsmanager:VersionStage": "AWSPREVIOUS"}}}}))
assert hers.get_secret_value(SecretId=arn, VersionStage="AWSPREVIOUS")["SecretString"] == text
raised(ClientError, hers.get_secret_value, SecretId=arn)

# Parameters.
e = parameters.exceptions
parameters.put_parameter(Name="/app/password", Value=text, Type="SecureString")
sealed = parameters.get_parameter(Name="/app/password")["Parameter"]["Value"]
assert text not in sealed
assert parameters.get_parameter(Name="/app/password", WithDecryption=True)["Parameter"]["Value"] == text
raised(e.ParameterAlreadyExists, parameters.put_parameter, Name="/app/password", Value="x", Type="SecureString")
raised(e.ParameterNotFound, parameters.get_parameter, Name="/none")
raised(e.ParameterNotFound, parameters.delete_parameter, Name="/none")
raised(e.ParameterVersionNotFound, parameters.get_parameter, Name="/app/password:2")
raised(e.HierarchyTypeMismatchException, parameters.put_parameter, Name="/app/password", Value="x", Type="String", Overwrite=True)
raised(e.ParameterPatternMismatchException, parameters.put_parameter, Name="/pattern", Value="x", Type="String", AllowedPattern=r"^\d+$")
raised(e.InvalidKeyId, parameters.put_parameter, Name="/key", Value="x", Type="SecureString", KeyId="alias/none")
raised(e.InvalidFilterKey, parameters.get_parameters_by_path, Path="/app", ParameterFilters=[{"Key": "Name", "Values": ["red"]}])
raised(e.InvalidNextToken, parameters.describe_parameters, NextToken="!")
raised(e.InvalidResourceId, parameters.list_tags_for_resource, ResourceType="Parameter", ResourceId="/none")
raised(e.InvalidResourceType, parameters.list_tags_for_resource, ResourceType="Document", ResourceId="/none")
for i in range(12):
    parameters.put_parameter(Name=f"/many/{i}", Value=str(i), Type="String")
found = [p["Value"] for page in parameters.get_paginator("get_parameters_by_path").paginate(Path="/many") for p in page["Parameters"]]
assert sorted(found, key=int) == [str(i) for i in range(12)], found
assert parameters.get_parameter(Name="/aws/reference/secretsmanager/app/db", WithDecryption=True)["Parameter"]["Type"] == "SecureString"
denied = raised(ClientError, boto3.client("ssm", **own).get_parameter, Name="/app/password")
assert f"User: {alice} is not authorized to perform: ssm:GetParameter on resource: arn:aws:ssm:us-east-1:000000000000:parameter/app/password" in denied, denied
print("secrets and parameters are as boto3 knows them")
