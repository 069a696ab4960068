"""AWS's quotas and refusals, with AWS's codes and messages, through boto3.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html

Each limit is reached, and one beyond it is refused.
"""

import json
import pathlib
import random
import re
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from recorder import Recorder

ACCOUNT = "arn:aws:iam::000000000000:"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
failed, tried = [], 0


def client(service, key=None):
    """A client that leaves the judgement of lengths to the server."""
    config = Config(parameter_validation=False)
    if key is None:
        return boto3.client(service, config=config)
    return boto3.client(service, config=config, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"], aws_session_token=key.get("SessionToken"))


def refused(code, message, call, **arguments):
    """The call fails with this code; message is what the error's begins with,
    or its Reason."""
    global tried
    tried += 1
    name = f"{call.__self__.meta.service_model.service_name} {call.__name__}"
    try:
        call(**arguments)
    except ClientError as e:
        error = e.response["Error"]
        if error["Code"] != code or not (error["Message"].startswith(message) or e.response.get("Reason") == message or e.response.get("reason") == message):
            failed.append(f"{name}: {error['Code']}: {error['Message']} {e.response.get('Reason', '')}\n    want {code}: {message}")
        return
    failed.append(f"{name} succeeded, want {code}: {message}")


def file(name):
    return pathlib.Path(name).read_text(encoding="utf-8")


def policy(action="sts:*", size=0, **more):
    """A policy of as many characters, white space not counted."""
    text = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "*", **more}})
    if size:
        pad = size - len(re.sub(r"\s", "", text)) - len(',"Sid":""')
        text = policy(action, Sid="a" * pad, **more)
        assert len(re.sub(r"\s", "", text)) == size
    return text


def trust(principal=None, size=0, **more):
    text = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": principal or {"AWS": "000000000000"}, "Action": "sts:AssumeRole", **more}})
    if size:
        text = trust(principal, Sid="a" * (size - len(re.sub(r"\s", "", text)) - len(',"Sid":""')), **more)
    return text


def spaced(document):
    """The same with thousands of white space."""
    return document.replace(",", "," + " \n\t" * 1000)


def tags(count):
    return [{"Key": f"k{i}", "Value": "v"} for i in range(count)]


def sizes(iam):
    iam.create_policy(PolicyName="size", PolicyDocument=spaced(policy(size=6144)))
    refused("LimitExceeded", "Cannot exceed quota for PolicySize: 6144", iam.create_policy, PolicyName="over", PolicyDocument=policy(size=6145))
    refused("LimitExceeded", "Cannot exceed quota for PolicySize: 6144", iam.create_policy_version, PolicyArn=ACCOUNT + "policy/size", PolicyDocument=policy(size=6145))
    iam.create_user(UserName="size")
    iam.create_group(GroupName="size")
    iam.create_role(RoleName="size", AssumeRolePolicyDocument=spaced(trust(size=2048)))
    for kind, limit, put in (("user", 2048, iam.put_user_policy), ("role", 10240, iam.put_role_policy), ("group", 5120, iam.put_group_policy)):
        name = {kind.title() + "Name": "size"}
        half = limit // 2
        put(**name, PolicyName="one", PolicyDocument=policy(size=half))
        put(**name, PolicyName="two", PolicyDocument=spaced(policy(size=limit - half)))
        put(**name, PolicyName="two", PolicyDocument=policy(size=limit - half))  # in its own place
        refused("LimitExceeded", f"Maximum policy size of {limit} bytes exceeded for {kind} size", put, **name, PolicyName="three", PolicyDocument=policy())
        refused("LimitExceeded", f"Maximum policy size of {limit} bytes exceeded for {kind} size", put, **name, PolicyName="two", PolicyDocument=policy(size=limit - half + 1))
    refused("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048", iam.create_role, RoleName="over", AssumeRolePolicyDocument=trust(size=2049))
    refused("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048", iam.update_assume_role_policy, RoleName="size", PolicyDocument=trust(size=2049))


def numbers(iam):
    iam.create_user(UserName="many")
    iam.create_group(GroupName="many")
    iam.create_role(RoleName="many", AssumeRolePolicyDocument=trust())
    for i in range(11):
        arn = iam.create_policy(PolicyName=f"p{i}", PolicyDocument=policy())["Policy"]["Arn"]
        iam.create_group(GroupName=f"g{i}")
        for kind, attach in (("User", iam.attach_user_policy), ("Role", iam.attach_role_policy), ("Group", iam.attach_group_policy)):
            if i < 10:
                attach(**{kind + "Name": "many"}, PolicyArn=arn)
                attach(**{kind + "Name": "many"}, PolicyArn=arn)  # once more is no error
            else:
                refused("LimitExceeded", f"Cannot exceed quota for Policies{'Per' + kind}: 10", attach, **{kind + "Name": "many"}, PolicyArn=arn)
        if i < 10:
            iam.add_user_to_group(GroupName=f"g{i}", UserName="many")
        else:
            refused("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10", iam.add_user_to_group, GroupName=f"g{i}", UserName="many")
    for _ in range(4):
        iam.create_policy_version(PolicyArn=ACCOUNT + "policy/p0", PolicyDocument=policy())
    refused("LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
            iam.create_policy_version, PolicyArn=ACCOUNT + "policy/p0", PolicyDocument=policy())
    for _ in range(2):
        iam.create_access_key(UserName="many")
    refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", iam.create_access_key, UserName="many")
    for _ in range(2):
        iam.create_service_specific_credential(UserName="many", ServiceName="codecommit.amazonaws.com")
    refused("LimitExceeded", "Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2", iam.create_service_specific_credential, UserName="many", ServiceName="codecommit.amazonaws.com")
    provider = iam.create_open_id_connect_provider(Url="https://example.com", ThumbprintList=["0" * 40], ClientIDList=[f"c{i}" for i in range(100)])["OpenIDConnectProviderArn"]
    refused("LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100", iam.add_client_id_to_open_id_connect_provider, OpenIDConnectProviderArn=provider, ClientID="over")
    refused("EntityAlreadyExists", "Provider with url https://example.com already exists.", iam.create_open_id_connect_provider, Url="https://example.com", ThumbprintList=["0" * 40])
    iam.create_instance_profile(InstanceProfileName="many")
    iam.add_role_to_instance_profile(InstanceProfileName="many", RoleName="many")
    refused("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1", iam.add_role_to_instance_profile, InstanceProfileName="many", RoleName="size")


def conflicts(iam):
    for call, arguments, message in (
        (iam.delete_policy, {"PolicyArn": ACCOUNT + "policy/p0"}, "Cannot delete a policy attached to entities."),
        (iam.delete_user, {"UserName": "many"}, "Cannot delete entity, must "),
        (iam.delete_user, {"UserName": "size"}, "Cannot delete entity, must delete policies first."),
        (iam.delete_group, {"GroupName": "many"}, "Cannot delete entity, must detach all policies first."),
        (iam.delete_group, {"GroupName": "size"}, "Cannot delete entity, must delete policies first."),
        (iam.delete_group, {"GroupName": "g0"}, "Cannot delete entity, must remove users from group first."),
        (iam.delete_role, {"RoleName": "size"}, "Cannot delete entity, must delete policies first."),
        (iam.delete_instance_profile, {"InstanceProfileName": "many"}, "Cannot delete entity, must remove roles from instance profile first."),
        (iam.delete_policy_version, {"PolicyArn": ACCOUNT + "policy/p0", "VersionId": "v1"}, "Cannot delete the default version of a policy."),
    ):
        refused("DeleteConflict", message, call, **arguments)
    for name in ("leaf.pem", "ca.pem"):
        iam.upload_signing_certificate(UserName="many", CertificateBody=file(name))
    refused("LimitExceeded", "Cannot exceed quota for CertificatesPerUser: 2", iam.upload_signing_certificate, UserName="many", CertificateBody=file("other.pem"))
    refused("MalformedCertificate", "", iam.upload_signing_certificate, UserName="size", CertificateBody="no PEM")
    iam.create_user(UserName="holder")
    iam.upload_ssh_public_key(UserName="holder", SSHPublicKeyBody=file("ssh.pub"))
    refused("DeleteConflict", "Cannot delete entity, must ", iam.delete_user, UserName="holder")
    iam.create_user(UserName="login")
    iam.create_login_profile(UserName="login", Password="Correct-Horse-7")
    refused("DeleteConflict", "Cannot delete entity, must delete login profile first.", iam.delete_user, UserName="login")
    refused("EntityAlreadyExists", "Login Profile for user login already exists.", iam.create_login_profile, UserName="login", Password="Correct-Horse-7")
    iam.create_policy(PolicyName="old", PolicyDocument=policy())
    iam.create_policy_version(PolicyArn=ACCOUNT + "policy/old", PolicyDocument=policy())
    refused("DeleteConflict", "This policy has more than one version.", iam.delete_policy, PolicyArn=ACCOUNT + "policy/old")


def names(iam):
    invalid = "The specified value for {} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
    long = "1 validation error detected: Value at '{}' failed to satisfy constraint: Member must have length less than or equal to {}"
    refused("ValidationError", invalid.format("userName"), iam.create_user, UserName="a b")
    refused("ValidationError", invalid.format("groupName"), iam.create_group, GroupName="a/b")
    refused("ValidationError", invalid.format("roleName"), iam.create_role, RoleName="ä", AssumeRolePolicyDocument=trust())
    refused("ValidationError", invalid.format("policyName"), iam.create_policy, PolicyName="*", PolicyDocument=policy())
    iam.create_user(UserName="u" * 64)
    refused("ValidationError", long.format("userName", 64), iam.create_user, UserName="u" * 65)
    refused("ValidationError", long.format("roleName", 64), iam.create_role, RoleName="r" * 65, AssumeRolePolicyDocument=trust())
    refused("ValidationError", long.format("groupName", 128), iam.create_group, GroupName="g" * 129)
    refused("ValidationError", long.format("policyName", 128), iam.create_policy, PolicyName="p" * 129, PolicyDocument=policy())
    refused("ValidationError", "The specified value for path is invalid.", iam.create_user, UserName="path", Path="a/b")
    refused("ValidationError", long.format("path", 512), iam.create_user, UserName="path", Path="/" + "a" * 511 + "/")
    for name, what, call, more in (
        ("User", "User with name MANY", iam.create_user, {}), ("Group", "Group with name MANY", iam.create_group, {}),
        ("Role", "Role with name MANY", iam.create_role, {"AssumeRolePolicyDocument": trust()}), ("InstanceProfile", "Instance Profile MANY", iam.create_instance_profile, {}),
    ):
        refused("EntityAlreadyExists", what + " already exists.", call, **{name + "Name": "MANY"}, **more)
    refused("EntityAlreadyExists", "A policy called P0 already exists. Duplicate names are not allowed.", iam.create_policy, PolicyName="P0", PolicyDocument=policy())
    refused("NoSuchEntity", "The user with name nobody cannot be found.", iam.delete_user, UserName="nobody")
    refused("NoSuchEntity", "The role with name nobody cannot be found.", iam.get_role, RoleName="nobody")
    refused("NoSuchEntity", "The group with name nobody cannot be found.", iam.get_group, GroupName="nobody")
    refused("NoSuchEntity", f"Policy {ACCOUNT}policy/nobody was not found.", iam.get_policy, PolicyArn=ACCOUNT + "policy/nobody")
    refused("NoSuchEntity", f"Policy {ACCOUNT}policy/nobody does not exist or is not attachable.", iam.attach_user_policy, UserName="many", PolicyArn=ACCOUNT + "policy/nobody")
    refused("NoSuchEntity", "The user policy with name none cannot be found.", iam.get_user_policy, UserName="many", PolicyName="none")
    refused("ValidationError", "1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000", iam.list_users, MaxItems=1001)
    refused("ValidationError", "1 validation error detected: Value at 'maxSessionDuration' failed to satisfy constraint: Member must have value less than or equal to 43200",
            iam.update_role, RoleName="many", MaxSessionDuration=43201)


def tagging(iam):
    iam.create_user(UserName="tags", Tags=tags(50))
    iam.tag_user(UserName="tags", Tags=[{"Key": "K0", "Value": ""}])  # the same key in another case
    refused("LimitExceeded", "The number of tags has reached the maximum limit.", iam.tag_user, UserName="tags", Tags=[{"Key": "one more", "Value": ""}])
    refused("ValidationError", "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50",
            iam.create_user, UserName="over", Tags=tags(51))
    refused("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.", iam.tag_role, RoleName="many", Tags=[{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}])
    iam.tag_role(RoleName="many", Tags=[{"Key": "k" * 128, "Value": "v" * 256}])
    refused("ValidationError", "1 validation error detected: Value at 'tags.1.member.key' failed to satisfy constraint: Member must have length less than or equal to 128",
            iam.tag_role, RoleName="many", Tags=[{"Key": "k" * 129, "Value": ""}])
    refused("ValidationError", "1 validation error detected: Value at 'tags.1.member.value' failed to satisfy constraint: Member must have length less than or equal to 256",
            iam.tag_role, RoleName="many", Tags=[{"Key": "k", "Value": "v" * 257}])
    refused("ValidationError", "System tags cannot be added/updated by requester.", iam.tag_role, RoleName="many", Tags=[{"Key": "aws:team", "Value": ""}])


def documents(iam):
    for document, message in (
        ("{", "Syntax errors in policy."),
        ('{"Version": "2012-10-17"}', "Syntax errors in policy."),
        ('{"Version": "2012-10-17", "Statement": [{"Effect": "Maybe", "Action": "s3:*", "Resource": "*"}]}', "Syntax errors in policy."),
        ('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*"}]}', "Policy statement must contain actions."),
        ('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*"}]}', "Policy statement must contain resources."),
        ('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "GetObject", "Resource": "*"}]}', "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        ('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "bucket"}]}', 'Resource bucket must be in ARN format or "*".'),
        ('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Principal": "*"}]}', "Policy document should not specify a principal."),
    ):
        refused("MalformedPolicyDocument", message, iam.create_policy, PolicyName="bad", PolicyDocument=document)
        refused("MalformedPolicyDocument", message, iam.put_role_policy, RoleName="many", PolicyName="bad", PolicyDocument=document)
    for document, message in (
        ("{", "This policy contains invalid Json"),
        (trust({"AWS": ACCOUNT + "user/nobody"}), f'Invalid principal in policy: "AWS":"{ACCOUNT}user/nobody"'),
        (trust({"Service": "nothing"}), 'Invalid principal in policy: "SERVICE":"nothing"'),
        (trust(Resource="*"), "Has prohibited field Resource"),
    ):
        refused("MalformedPolicyDocument", message, iam.create_role, RoleName="bad", AssumeRolePolicyDocument=document)


def sessions(iam):
    user = iam.create_user(UserName="caller")["User"]["Arn"]
    iam.attach_user_policy(UserName="caller", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    key = iam.create_access_key(UserName="caller")["AccessKey"]
    role = iam.create_role(RoleName="session", AssumeRolePolicyDocument=trust({"AWS": user}).replace('"sts:AssumeRole"', '["sts:AssumeRole", "sts:TagSession"]'))["Role"]["Arn"]
    sts = client("sts", key)
    ask = {"RoleArn": role, "RoleSessionName": "ss"}
    refused("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", sts.assume_role, **ask, DurationSeconds=3601)
    refused("ValidationError", "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900", sts.assume_role, **ask, DurationSeconds=899)
    refused("ValidationError", f"1 validation error detected: Value '{'s' * 65}' at 'roleSessionName' failed to satisfy constraint: Member must have length less than or equal to 64",
            sts.assume_role, RoleArn=role, RoleSessionName="s" * 65)
    refused("PackedPolicyTooLarge", "Packed size of session tags and policies consumes ", sts.assume_role, **ask, Policy=policy(["sts:*", *(f"iam:{random.random()}" for _ in range(300))]))
    refused("ValidationError", "1 validation error detected: Value '{", sts.get_federation_token, Name="fed", Policy=policy(size=2049))
    refused("MalformedPolicyDocument", "", sts.assume_role, **ask, Policy="{")
    refused("ValidationError", "1 validation error detected: Value '[51 elements]' at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50", sts.assume_role, **ask, Tags=tags(51))
    refused("InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.", sts.assume_role, **ask, Tags=[{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}])
    chained = client("sts", sts.assume_role(**ask)["Credentials"])
    iam.update_assume_role_policy(RoleName="session", PolicyDocument=trust())
    iam.put_role_policy(RoleName="session", PolicyName="own", PolicyDocument=policy())
    iam.update_role(RoleName="session", MaxSessionDuration=7200)
    refused("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining", chained.assume_role, **ask, DurationSeconds=3601)
    refused("AccessDenied", "Roles may not be assumed by root accounts.", client("sts").assume_role, **ask)


def made(organizations, number):
    job = organizations.create_account(Email=f"quota{number}@example.com", AccountName=f"quota{number}")["CreateAccountStatus"]["Id"]
    for _ in range(200):
        status = organizations.describe_create_account_status(CreateAccountRequestId=job)["CreateAccountStatus"]
        if status["State"] != "IN_PROGRESS":
            return status
        time.sleep(0.05)
    raise AssertionError(status)


def organization(_):
    o = client("organizations")
    o.create_organization()
    refused("AlreadyInOrganizationException", "The provided account is already a member of an organization.", o.create_organization)
    root = o.list_roots()["Roots"][0]["Id"]
    parent = root
    for depth in range(5):
        level, parent = parent, o.create_organizational_unit(ParentId=parent, Name=f"level {depth}")["OrganizationalUnit"]["Id"]
    refused("ConstraintViolationException", "OU_DEPTH_LIMIT_EXCEEDED", o.create_organizational_unit, ParentId=parent, Name="too deep")
    refused("DuplicateOrganizationalUnitException", "", o.create_organizational_unit, ParentId=root, Name="level 0")
    refused("ParentNotFoundException", "", o.create_organizational_unit, ParentId="r-zzzz", Name="x")
    refused("PolicyTypeNotEnabledException", "", o.attach_policy, PolicyId="p-FullAWSAccess", TargetId=root)
    o.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    refused("PolicyTypeAlreadyEnabledException", "", o.enable_policy_type, RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    scp = {"Type": "SERVICE_CONTROL_POLICY", "Description": ""}
    o.create_policy(**scp, Name="full", Content=json.dumps(json.loads(policy(size=5120)), separators=(",", ":")))
    refused("ConstraintViolationException", "POLICY_CONTENT_LIMIT_EXCEEDED", o.create_policy, **scp, Name="over", Content=policy(size=5121))
    refused("DuplicatePolicyException", "", o.create_policy, **scp, Name="full", Content=policy())
    refused("MalformedPolicyDocumentException", "", o.create_policy, **scp, Name="bad", Content="{}")
    ids = [o.create_policy(**scp, Name=f"p{i}", Content=policy("*"))["Policy"]["PolicySummary"]["Id"] for i in range(5)]
    for i, p in enumerate(ids):
        if i < 4:  # FullAWSAccess is the fifth
            o.attach_policy(PolicyId=p, TargetId=parent)
        else:
            refused("ConstraintViolationException", "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", o.attach_policy, PolicyId=p, TargetId=parent)
    refused("DuplicatePolicyAttachmentException", "", o.attach_policy, PolicyId=ids[0], TargetId=parent)
    refused("PolicyInUseException", "", o.delete_policy, PolicyId=ids[0])
    refused("ConstraintViolationException", "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", o.detach_policy, PolicyId="p-FullAWSAccess", TargetId=root)
    refused("InvalidInputException", "IMMUTABLE_POLICY", o.delete_policy, PolicyId="p-FullAWSAccess")
    o.tag_resource(ResourceId=parent, Tags=tags(50))
    refused("ConstraintViolationException", "MAX_TAG_LIMIT_EXCEEDED", o.tag_resource, ResourceId=parent, Tags=[{"Key": "one more", "Value": ""}])
    refused("InvalidInputException", "INVALID_SYSTEM_TAGS_PARAMETER", o.tag_resource, ResourceId=root, Tags=[{"Key": "aws:x", "Value": ""}])
    refused("InvalidInputException", "DUPLICATE_TAG_KEY", o.tag_resource, ResourceId=root, Tags=[{"Key": "x", "Value": ""}, {"Key": "x", "Value": ""}])
    refused("InvalidInputException", "UNRECOGNIZED_SERVICE_PRINCIPAL", o.enable_aws_service_access, ServicePrincipal="nothing.amazonaws.com")
    refused("OrganizationalUnitNotEmptyException", "", o.delete_organizational_unit, OrganizationalUnitId=o.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"][0]["Id"])
    for number in range(9):  # the management account is the tenth
        account = made(o, number)["AccountId"]
    refused("ConstraintViolationException", "ACCOUNT_NUMBER_LIMIT_EXCEEDED", o.create_account, Email="over@example.com", AccountName="over")
    refused("ConstraintViolationException", "WAIT_PERIOD_ACTIVE", o.remove_account_from_organization, AccountId=account)
    refused("ConstraintViolationException", "SERVICE_ACCESS_NOT_ENABLED", o.register_delegated_administrator, AccountId=account, ServicePrincipal="config.amazonaws.com")
    refused("DuplicateAccountException", "", o.move_account, AccountId=account, SourceParentId=root, DestinationParentId=root)
    refused("SourceParentNotFoundException", "", o.move_account, AccountId=account, SourceParentId=parent, DestinationParentId=level)
    refused("ConstraintViolationException", "CANNOT_CLOSE_MANAGEMENT_ACCOUNT", o.close_account, AccountId="000000000000")
    refused("OrganizationNotEmptyException", "", o.delete_organization)


def analyzers(_):
    a = client("accessanalyzer")
    first = a.create_analyzer(analyzerName="outside", type="ACCOUNT", clientToken="t-1")["arn"]
    assert a.create_analyzer(analyzerName="outside", type="ACCOUNT", clientToken="t-1")["arn"] == first  # the same call once more
    refused("ConflictException", "", a.create_analyzer, analyzerName="outside", type="ACCOUNT", clientToken="t-2")
    refused("ServiceQuotaExceededException", "", a.create_analyzer, analyzerName="second", type="ACCOUNT")
    refused("ValidationException", "", a.create_analyzer, analyzerName="1st", type="ACCOUNT_UNUSED_ACCESS")
    rule = {"analyzerName": "outside", "filter": {"isPublic": {"eq": ["true"]}}}
    a.create_archive_rule(**rule, ruleName="r0")
    refused("ConflictException", "", a.create_archive_rule, **rule, ruleName="r0")
    for i in range(1, 100):
        a.create_archive_rule(**rule, ruleName=f"r{i}")
    refused("ServiceQuotaExceededException", "", a.create_archive_rule, **rule, ruleName="over")
    refused("ValidationException", "", a.update_archive_rule, analyzerName="outside", ruleName="r0", filter={"nothing": {"eq": ["x"]}})
    refused("ValidationException", "", a.update_archive_rule, analyzerName="outside", ruleName="r0", filter={"resource": {"eq": [str(i) for i in range(21)]}})
    refused("ValidationException", "", a.list_findings, analyzerArn=first, nextToken="???")
    refused("ResourceNotFoundException", "", a.get_analyzer, analyzerName="nobody")


def hosts(iam):
    role = iam.create_role(RoleName="host", AssumeRolePolicyDocument=trust({"Service": ["rolesanywhere.amazonaws.com", "pods.eks.amazonaws.com"]}))["Role"]["Arn"]
    r = client("rolesanywhere")
    refused("ValidationException", "", r.create_trust_anchor, name="a", source={"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": "no PEM"}})
    source = {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": file("ca.pem")}}
    anchors = [r.create_trust_anchor(name=f"a{i}", source=source)["trustAnchor"]["trustAnchorArn"] for i in range(50)]
    refused("ValidationException", "The account has reached its quota of 50 ", r.create_trust_anchor, name="over", source=source)
    crl = {"trustAnchorArn": anchors[0], "crlData": file("crl.pem").encode()}
    for i in range(2):
        r.import_crl(name=f"c{i}", **crl)
    refused("ValidationException", "A trust anchor can have at most 2 CRLs.", r.import_crl, name="over", **crl)
    for i in range(249):
        r.create_profile(name=f"p{i}", roleArns=[role])
    refused("ValidationException", "", r.create_profile, name="p", roleArns=[role], durationSeconds=899)
    profile = r.create_profile(name="p", roleArns=[role])["profile"]
    refused("ValidationException", "The account has reached its quota of 250 ", r.create_profile, name="over", roleArns=[role])
    r.tag_resource(resourceArn=profile["profileArn"], tags=[{"key": f"k{i}", "value": "v"} for i in range(200)])
    refused("TooManyTagsException", "", r.tag_resource, resourceArn=profile["profileArn"], tags=[{"key": "one more", "value": ""}])
    refused("ResourceNotFoundException", "", r.get_profile, profileId="00000000-0000-4000-8000-000000000000")
    e = client("eks")
    pod = {"clusterName": "prod", "namespace": "shop", "serviceAccount": "web", "roleArn": role}
    first = e.create_pod_identity_association(**pod, clientRequestToken="t-1")["association"]["associationId"]
    assert e.create_pod_identity_association(**pod, clientRequestToken="t-1")["association"]["associationId"] == first
    refused("ResourceInUseException", "", e.create_pod_identity_association, **pod, clientRequestToken="t-2")
    refused("ResourceNotFoundException", "", e.describe_pod_identity_association, clusterName="prod", associationId="a-00000000000000000")


def keys(iam):
    """https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html"""
    k = client("kms")
    user = iam.create_user(UserName="grantee")["User"]["Arn"]
    key, other = (k.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    for i in range(50):
        k.create_alias(AliasName=f"alias/a{i}", TargetKeyId=key)
    refused("LimitExceededException", "", k.create_alias, AliasName="alias/over", TargetKeyId=key)
    refused("AlreadyExistsException", "An alias with the name arn:aws:kms:us-east-1:000000000000:alias/a0 already exists", k.create_alias, AliasName="alias/a0", TargetKeyId=other)
    refused("NotFoundException", "Alias arn:aws:kms:us-east-1:000000000000:alias/none is not found.", k.delete_alias, AliasName="alias/none")
    for i in range(25):
        k.rotate_key_on_demand(KeyId=key)
    refused("LimitExceededException", "", k.rotate_key_on_demand, KeyId=key)
    k.tag_resource(KeyId=key, Tags=[{"TagKey": f"k{i}", "TagValue": "v"} for i in range(50)])
    refused("TagException", "", k.tag_resource, KeyId=key, Tags=[{"TagKey": "one more", "TagValue": ""}])
    refused("TagException", "", k.tag_resource, KeyId=key, Tags=[{"TagKey": "aws:x", "TagValue": ""}])
    statement = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT + "root"}, "Action": "kms:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    k.put_key_policy(KeyId=key, Policy=document + " " * (32768 - len(document)))
    refused("LimitExceededException", "", k.put_key_policy, KeyId=key, Policy=document + " " * (32769 - len(document)))
    refused("MalformedPolicyDocumentException", "", k.put_key_policy, KeyId=key, Policy="{")
    refused("MalformedPolicyDocumentException", "", k.put_key_policy, KeyId=key, Policy=document.replace(ACCOUNT + "root", ACCOUNT + "user/nobody"))
    refused("MalformedPolicyDocumentException", "The new key policy will not allow you to update the key policy in the future.",
            k.put_key_policy, KeyId=key, Policy=document.replace("kms:*", "kms:Encrypt"))
    k.encrypt(KeyId=key, Plaintext=bytes(4096))
    refused("ValidationException", "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096",
            k.encrypt, KeyId=key, Plaintext=bytes(4097))
    refused("ValidationException", "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1",
            k.encrypt, KeyId=key, Plaintext=b"")
    k.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"k": "v" * 8000})
    refused("ValidationException", "", k.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"k": "v" * 8192})
    refused("ValidationException", "Please specify either number of bytes or key spec.", k.generate_data_key, KeyId=key)
    refused("ValidationException", "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint: Member must have value less than or equal to 1024",
            k.generate_data_key, KeyId=key, NumberOfBytes=1025)
    for days in (89, 2561):
        refused("ValidationException", "1 validation error detected: Value", k.enable_key_rotation, KeyId=key, RotationPeriodInDays=days)
    for days in (6, 31):
        refused("ValidationException", "", k.schedule_key_deletion, KeyId=key, PendingWindowInDays=days)
    refused("InvalidArnException", "", k.create_grant, KeyId=key, GranteePrincipal=ACCOUNT + "user/nobody", Operations=["Encrypt"])
    refused("ValidationException", "", k.create_grant, KeyId=key, GranteePrincipal=user, Operations=["Sign"])
    refused("InvalidGrantTokenException", "", k.encrypt, KeyId=key, Plaintext=b"x", GrantTokens=["nothing"])
    refused("NotFoundException", "Invalid keyId 'nothing'", k.describe_key, KeyId="nothing")
    refused("NotFoundException", "Key 'arn:aws:kms:us-east-1:000000000000:key/00000000-0000-4000-8000-000000000000' does not exist",
            k.describe_key, KeyId="00000000-0000-4000-8000-000000000000")
    refused("InvalidMarkerException", "Could not deserialize marker", k.list_keys, Marker="!")
    refused("ValidationException", "KeyUsage SIGN_VERIFY is not compatible with KeySpec ", k.create_key, KeyUsage="SIGN_VERIFY")
    refused("ValidationException", "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.", k.create_key, KeySpec="RSA_2048")
    k.disable_key(KeyId=key)
    refused("DisabledException", f"arn:aws:kms:us-east-1:000000000000:key/{key} is disabled.", k.encrypt, KeyId=key, Plaintext=b"x")
    k.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    refused("KMSInvalidStateException", f"arn:aws:kms:us-east-1:000000000000:key/{key} is pending deletion.", k.encrypt, KeyId=key, Plaintext=b"x")
    refused("KMSInvalidStateException", f"arn:aws:kms:us-east-1:000000000000:key/{key} is pending deletion.", k.enable_key, KeyId=key)
    refused("KMSInvalidStateException", f"arn:aws:kms:us-east-1:000000000000:key/{other} is not pending deletion.", k.cancel_key_deletion, KeyId=other)


def secrets(_):
    """https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html"""
    s = client("secretsmanager")
    arn = s.create_secret(Name="limits", SecretString="x" * 65536)["ARN"]
    beyond = "1 validation error detected: Value"
    refused("ValidationException", beyond, s.create_secret, Name="over", SecretString="x" * 65537)
    refused("InvalidParameterException", "You can't specify both", s.create_secret, Name="over", SecretString="x", SecretBinary=b"x")
    refused("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!", s.create_secret, Name="a b")
    s.create_secret(Name="n" * 512)
    refused("ValidationException", beyond, s.create_secret, Name="n" * 513)
    refused("ResourceExistsException", "The operation failed because the secret limits already exists.", s.create_secret, Name="limits", SecretString="y")
    refused("InvalidRequestException", "You must provide a ClientRequestToken value. We recommend a UUID-type value.", s.put_secret_value,
            SecretId=arn, SecretString="y", ClientRequestToken=None)
    for i in range(9):  # and AWSCURRENT: twenty labels on all versions
        s.put_secret_value(SecretId=arn, SecretString=f"v{i}", VersionStages=[f"a{i}", f"b{i}"])
    s.put_secret_value(SecretId=arn, SecretString="v", VersionStages=["c"])
    refused("LimitExceededException", "", s.put_secret_value, SecretId=arn, SecretString="w", VersionStages=["d"])
    s.tag_resource(SecretId=arn, Tags=[{"Key": f"k{i}", "Value": "v"} for i in range(50)])
    refused("InvalidParameterException", "", s.tag_resource, SecretId=arn, Tags=[{"Key": "one more", "Value": ""}])
    refused("InvalidParameterException", "", s.tag_resource, SecretId=arn, Tags=[{"Key": "aws:x", "Value": ""}])
    document = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": ACCOUNT + "root"}, "Action": "secretsmanager:*", "Resource": "*"}})
    s.put_resource_policy(SecretId=arn, ResourcePolicy=document + " " * (20480 - len(document)))
    refused("ValidationException", beyond, s.put_resource_policy, SecretId=arn, ResourcePolicy=document + " " * (20481 - len(document)))
    refused("MalformedPolicyDocumentException", "This resource policy contains a syntax error.", s.put_resource_policy, SecretId=arn, ResourcePolicy="{")
    refused("MalformedPolicyDocumentException", "This resource policy contains an unsupported principal.", s.put_resource_policy,
            SecretId=arn, ResourcePolicy=document.replace("root", "user/nobody"))
    refused("InvalidParameterException", "You can modify only the default policy.", s.put_resource_policy, SecretId=arn, ResourcePolicy=document, PolicyName="other")
    refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.", s.get_secret_value, SecretId="none")
    refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: none", s.get_secret_value, SecretId=arn, VersionStage="none")
    refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: " + "0" * 36, s.get_secret_value, SecretId=arn, VersionId="0" * 36)
    refused("InvalidNextTokenException", "The NextToken value is invalid.", s.list_secrets, NextToken="!")
    refused("InvalidParameterException", "Password length is too short based on the required types.", s.get_random_password, PasswordLength=3)
    refused("InvalidRequestException", "", s.rotate_secret, SecretId=arn)
    refused("InvalidParameterException", "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).", s.delete_secret, SecretId=arn, RecoveryWindowInDays=31)
    refused("InvalidParameterException", "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.", s.delete_secret,
            SecretId=arn, RecoveryWindowInDays=7, ForceDeleteWithoutRecovery=True)
    refused("InvalidParameterException", "", s.replicate_secret_to_regions, SecretId=arn, AddReplicaRegions=[{"Region": "us-east-1"}])
    refused("InvalidRequestException", "Operation only permitted on a replica secret. Call must be made in replica secret's region.", s.stop_replication_to_replica, SecretId=arn)
    s.delete_secret(SecretId=arn)
    refused("InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.", s.get_secret_value, SecretId=arn)
    refused("InvalidRequestException", "You can't create this secret because a secret with this name is already scheduled for deletion.", s.create_secret, Name="limits", SecretString="z")


def parameters(_):
    """https://docs.aws.amazon.com/general/latest/gr/ssm.html#parameter-store"""
    p = client("ssm")
    put = {"Type": "String", "Overwrite": True}
    p.put_parameter(Name="/limits", Value="x" * 4096, **put)
    refused("ValidationException", "Standard tier parameters support a maximum parameter value of 4096 characters.", p.put_parameter, Name="/limits", Value="x" * 4097, **put)
    p.put_parameter(Name="/large", Value="x" * 8192, Tier="Advanced", **put)
    refused("ValidationException", "Advanced tier parameters support a maximum parameter value of 8192 characters.", p.put_parameter, Name="/large", Value="x" * 8193, **put)
    refused("ValidationException", "This parameter uses the advanced-parameter tier. You can't downgrade", p.put_parameter, Name="/large", Value="x", Tier="Standard", **put)
    p.put_parameter(Name="/l" * 15, Value="x", **put)
    refused("HierarchyLevelLimitExceededException", "", p.put_parameter, Name="/l" * 16, Value="x", **put)
    for name in ("aws-x", "ssm-x", "/ssm/x", "a b"):
        refused("ValidationException", "Parameter name: can't be prefixed with", p.put_parameter, Name=name, Value="x", **put)
    refused("ValidationException", "Parameter name must be a fully qualified name.", p.put_parameter, Name="a/b", Value="x", **put)
    refused("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
            p.put_parameter, Name="/limits", Value="x", Type="String")
    refused("HierarchyTypeMismatchException", "", p.put_parameter, Name="/limits", Value="x", Type="StringList", Overwrite=True)
    p.label_parameter_version(Name="/limits", Labels=[f"l{i}" for i in range(10)])
    refused("ParameterVersionLabelLimitExceeded", "", p.label_parameter_version, Name="/limits", Labels=["over"])
    for _ in range(99):
        p.put_parameter(Name="/limits", Value="y", Overwrite=True)
    refused("ParameterMaxVersionLimitExceeded", "", p.put_parameter, Name="/limits", Value="z", Overwrite=True)
    p.unlabel_parameter_version(Name="/limits", ParameterVersion=1, Labels=[f"l{i}" for i in range(10)])
    p.put_parameter(Name="/limits", Value="z", Overwrite=True)
    refused("ParameterVersionNotFound", "Systems Manager could not find version 1 of /limits. Verify the version and try again.", p.get_parameter, Name="/limits:1")
    p.add_tags_to_resource(ResourceType="Parameter", ResourceId="/limits", Tags=tags(50))
    refused("TooManyTagsError", "", p.add_tags_to_resource, ResourceType="Parameter", ResourceId="/limits", Tags=[{"Key": "one more", "Value": ""}])
    refused("InvalidAllowedPatternException", "", p.put_parameter, Name="/pattern", Value="x", AllowedPattern="(", **put)
    refused("ParameterPatternMismatchException", "", p.put_parameter, Name="/pattern", Value="x", AllowedPattern="^\\d$", **put)
    expiration = {"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": "2099-01-01T00:00:00Z"}}
    refused("ValidationException", "Standard tier parameters do not support parameter policies.", p.put_parameter, Name="/rules", Value="x", Policies=json.dumps([expiration]), **put)
    notice = {"Type": "NoChangeNotification", "Version": "1.0", "Attributes": {"After": "20", "Unit": "Days"}}
    p.put_parameter(Name="/rules", Value="x", Tier="Advanced", Policies=json.dumps([expiration] + [notice] * 9), **put)
    refused("PoliciesLimitExceededException", "", p.put_parameter, Name="/rules", Value="x", Policies=json.dumps([expiration] + [notice] * 10), **put)
    refused("InvalidPolicyTypeException", "", p.put_parameter, Name="/rules", Value="x", Policies=json.dumps([{**notice, "Type": "Other"}]), **put)
    refused("InvalidKeyId", "", p.put_parameter, Name="/key", Value="x", Type="SecureString", KeyId="alias/none")
    refused("InvalidNextToken", "", p.describe_parameters, NextToken="!")
    refused("ValidationException", "", p.get_parameters, Names=[f"/{i}" for i in range(11)])


def hsms(_):
    """https://docs.aws.amazon.com/cloudhsm/latest/userguide/limits.html"""
    h = client("cloudhsmv2")
    subnets = {"HsmType": "hsm2m.medium", "SubnetIds": ["subnet-11111111"]}
    clusters = [h.create_cluster(**subnets)["Cluster"]["ClusterId"] for _ in range(4)]
    refused("CloudHsmInvalidRequestException", "The account has reached its limit of 4 clusters", h.create_cluster, **subnets)
    h.tag_resource(ResourceId=clusters[0], TagList=tags(50))
    refused("CloudHsmResourceLimitExceededException", "", h.tag_resource, ResourceId=clusters[0], TagList=[{"Key": "one more", "Value": ""}])
    refused("CloudHsmResourceNotFoundException", "", h.delete_cluster, ClusterId="cluster-22222222222")
    r = client("redshift")
    certificate = r.create_hsm_client_certificate(HsmClientCertificateIdentifier="limits", Tags=tags(50))["HsmClientCertificate"]["HsmClientCertificateIdentifier"]
    arn = f"arn:aws:redshift:us-east-1:000000000000:hsmclientcertificate:{certificate}"
    refused("TagLimitExceededFault", "", r.create_tags, ResourceName=arn, Tags=[{"Key": "one more", "Value": ""}])
    refused("InvalidTagFault", "", r.create_tags, ResourceName=arn, Tags=[{"Key": "aws:x", "Value": ""}])
    for identifier in ("1st", "a--b", "a-", "a" * 256):
        refused("InvalidParameterValue", "", r.create_hsm_client_certificate, HsmClientCertificateIdentifier=identifier)


def happenings(_):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
    https://docs.aws.amazon.com/general/latest/gr/sns.html"""
    e, logs, sns = client("events"), client("logs"), client("sns")
    for i in range(99):  # and the default one
        e.create_event_bus(Name=f"b{i}")
    refused("LimitExceededException", "The requested resource exceeds the maximum number allowed.", e.create_event_bus, Name="beyond")
    e.put_rule(Name="r", EventPattern='{"source":["s"]}')
    group = "arn:aws:logs:us-east-1:000000000000:log-group:/g"
    e.put_targets(Rule="r", Targets=[{"Id": f"t{i}", "Arn": group} for i in range(5)])
    refused("LimitExceededException", "", e.put_targets, Rule="r", Targets=[{"Id": "beyond", "Arn": group}])
    entry = {"Source": "s", "DetailType": "t", "Detail": "{}"}
    refused("ValidationException", "1 validation error detected", e.put_events, Entries=[entry] * 11)
    refused("ValidationException", "Total size of the entries in the request is over the limit.", e.put_events, Entries=[{**entry, "Detail": json.dumps({"x": "x" * 262144})}])
    e.tag_resource(ResourceARN="arn:aws:events:us-east-1:000000000000:rule/r", Tags=tags(50))
    refused("ValidationException", "A resource can have at most 50 tags.", e.tag_resource, ResourceARN="arn:aws:events:us-east-1:000000000000:rule/r", Tags=[{"Key": "one more", "Value": ""}])
    logs.create_log_group(logGroupName="/g")
    logs.create_log_stream(logGroupName="/g", logStreamName="s")
    refused("ResourceAlreadyExistsException", "The specified log group already exists", logs.create_log_group, logGroupName="/g")
    refused("ResourceNotFoundException", "The specified log stream does not exist.", logs.put_log_events, logGroupName="/g", logStreamName="none", logEvents=[{"timestamp": 1, "message": "x"}])
    for i in range(10):
        logs.put_resource_policy(policyName=f"p{i}", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "logs:PutLogEvents", "Resource": "*"}}))
    refused("LimitExceededException", "", logs.put_resource_policy, policyName="beyond", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "logs:PutLogEvents", "Resource": "*"}}))
    topic = sns.create_topic(Name="t" * 256, Tags=tags(50))["TopicArn"]
    refused("InvalidParameter", "Invalid parameter: Topic Name", sns.create_topic, Name="t" * 257)
    refused("TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded", sns.tag_resource, ResourceArn=topic, Tags=[{"Key": "one more", "Value": ""}])
    sns.publish(TopicArn=topic, Message="x" * 262144, Subject="s" * 100)
    refused("InvalidParameter", "Invalid parameter: Message too long", sns.publish, TopicArn=topic, Message="x" * 262145)
    refused("InvalidParameter", "Invalid parameter: Subject", sns.publish, TopicArn=topic, Message="x", Subject="s" * 101)
    refused("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.", sns.publish_batch,
            TopicArn=topic, PublishBatchRequestEntries=[{"Id": f"e{i}", "Message": "x"} for i in range(11)])
    refused("NotFound", "Topic does not exist", sns.publish, TopicArn=topic[:-1], Message="x")


if __name__ == "__main__":
    boto3.setup_default_session()
    recorder = Recorder(boto3.DEFAULT_SESSION._session)
    for part in (sizes, numbers, conflicts, names, tagging, documents, sessions, organization, analyzers, hosts, keys, secrets, parameters, hsms, happenings):
        try:
            part(client("iam"))
        except ClientError as e:
            failed.append(f"{part.__name__} ends: {e}")
    failed += recorder.problems()
    print("\n".join(failed) or f"{tried} refusals are AWS's")
    sys.exit(1 if failed else 0)
