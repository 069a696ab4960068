"""KMS, with boto3: bytes come back as they went, and errors as boto3's own types."""

import json

import boto3
from botocore.exceptions import ClientError

kms, iam = boto3.client("kms"), boto3.client("iam")
errors = kms.exceptions


def raised(exception, call, **arguments):
    """The call must fail with just this modelled exception."""
    try:
        call(**arguments)
    except exception as e:
        assert e.response["ResponseMetadata"]["RequestId"] and e.response["ResponseMetadata"]["HTTPStatusCode"] == 400, e.response
        return e.response["Error"]["Message"]
    raise AssertionError(f"{call.__name__}: succeeded, want {exception.__name__}")


key = kms.create_key(Description="näme", Tags=[{"TagKey": "ä", "TagValue": "ö"}])["KeyMetadata"]
assert key["CreationDate"].tzinfo is not None and key["KeyState"] == "Enabled" and key["Description"] == "näme", key
kid = key["KeyId"]
kms.create_alias(AliasName="alias/app", TargetKeyId=kid)
pairs = {"Ünit": "1", "a": ""}
everything = bytes(range(256)) * 16
blob = kms.encrypt(KeyId="alias/app", Plaintext=everything, EncryptionContext=pairs)["CiphertextBlob"]
assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=pairs)["Plaintext"] == everything
assert len(blob) < 6144, len(blob)

raised(errors.InvalidCiphertextException, kms.decrypt, CiphertextBlob=blob, EncryptionContext={"Ünit": "1"})
raised(errors.InvalidCiphertextException, kms.decrypt, CiphertextBlob=blob[:-1] + bytes([blob[-1] ^ 1]), EncryptionContext=pairs)
other = kms.create_key()["KeyMetadata"]["KeyId"]
raised(errors.IncorrectKeyException, kms.decrypt, CiphertextBlob=blob, EncryptionContext=pairs, KeyId=other)
assert raised(errors.NotFoundException, kms.describe_key, KeyId="nothing") == "Invalid keyId 'nothing'"
raised(errors.InvalidArnException, kms.describe_key, KeyId="arn:aws:s3:::b")
raised(errors.AlreadyExistsException, kms.create_alias, AliasName="alias/app", TargetKeyId=other)
raised(errors.InvalidMarkerException, kms.list_aliases, Marker="!")
raised(errors.MalformedPolicyDocumentException, kms.put_key_policy, KeyId=kid, Policy="{")
raised(errors.TagException, kms.tag_resource, KeyId=kid, Tags=[{"TagKey": "aws:x", "TagValue": ""}])
raised(errors.DryRunOperationException, kms.generate_data_key, KeyId=kid, KeySpec="AES_256", DryRun=True)
raised(errors.InvalidGrantTokenException, kms.encrypt, KeyId=kid, Plaintext=b"x", GrantTokens=["nothing"])
raised(errors.InvalidKeyUsageException, kms.generate_mac, KeyId=kid, Message=b"x", MacAlgorithm="HMAC_SHA_256")
raised(errors.UnsupportedOperationException, kms.get_parameters_for_import, KeyId=kid, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
raised(errors.CustomKeyStoreNotFoundException, kms.connect_custom_key_store, CustomKeyStoreId="cks-00000000000000000")

# A user with nothing but a grant, for one context.
arn = iam.create_user(UserName="alice")["User"]["Arn"]
k = iam.create_access_key(UserName="alice")["AccessKey"]
hers = boto3.client("kms", aws_access_key_id=k["AccessKeyId"], aws_secret_access_key=k["SecretAccessKey"])
denied = raised(ClientError, hers.decrypt, CiphertextBlob=blob, EncryptionContext=pairs)
assert f"User: {arn} is not authorized to perform: kms:Decrypt on" in denied, denied
grant = kms.create_grant(KeyId=kid, GranteePrincipal=arn, RetiringPrincipal=arn, Operations=["Decrypt"], Constraints={"EncryptionContextEquals": pairs})
assert hers.decrypt(CiphertextBlob=blob, EncryptionContext=pairs, GrantTokens=[grant["GrantToken"]])["Plaintext"] == everything
[listed] = [g for p in kms.get_paginator("list_grants").paginate(KeyId=kid) for g in p["Grants"]]
assert listed["GrantId"] == grant["GrantId"] and listed["GranteePrincipal"] == arn and listed["Constraints"] == {"EncryptionContextEquals": pairs}, listed
hers.retire_grant(GrantToken=grant["GrantToken"])
raised(ClientError, hers.decrypt, CiphertextBlob=blob, EncryptionContext=pairs)
raised(errors.NotFoundException, kms.revoke_grant, KeyId=kid, GrantId=grant["GrantId"])

# A secret that two agree on after quantum computers.
kem = kms.create_key(KeySpec="ML_KEM_768", KeyUsage="ENCAPSULATE_DECAPSULATE")["KeyMetadata"]["KeyId"]
made = kms.encapsulate(KeyId=kem, EncapsulationAlgorithm="ML_KEM")
opened = kms.decapsulate(KeyId=kem, SharedSecretCiphertextBlob=made["SharedSecretCiphertextBlob"], EncapsulationAlgorithm="ML_KEM")
assert opened["SharedSecret"] == made["SharedSecret"] and len(made["SharedSecret"]) == 32, (made, opened)

# A key policy that lets alice in, and no more.
policy = json.loads(kms.get_key_policy(KeyId=kid)["Policy"])
policy["Statement"].append({"Sid": "Alice", "Effect": "Allow", "Principal": {"AWS": arn}, "Action": "kms:DescribeKey", "Resource": "*"})
kms.put_key_policy(KeyId=kid, Policy=json.dumps(policy))
assert hers.describe_key(KeyId=kid)["KeyMetadata"]["Arn"] == key["Arn"]
raised(ClientError, hers.encrypt, KeyId=kid, Plaintext=b"x")

kms.disable_key(KeyId=kid)
raised(errors.DisabledException, kms.encrypt, KeyId=kid, Plaintext=b"x")
kms.schedule_key_deletion(KeyId=kid, PendingWindowInDays=7)
raised(errors.KMSInvalidStateException, kms.enable_key, KeyId=kid)

print("boto3", boto3.__version__, "is content with kms")
