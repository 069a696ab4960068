"""Every paginator and waiter that boto3 has for the services that are built.

A paginator with one or two to the page must give what one call without a size
gives, in two pages or more. Waiters succeed, and give up where nothing comes.
"""

import json
import pathlib
import sys
import time

import boto3
import jmespath
from botocore.exceptions import WaiterError
from recorder import Recorder
from totp import totp

SERVICES = ("iam", "sts", "organizations", "accessanalyzer", "rolesanywhere", "iam-toolbox", "signin", "eks", "eks-auth", "cloudtrail", "kms", "secretsmanager", "ssm", "cloudhsmv2", "redshift", "events", "logs", "sns", "sqs")
ANYONE = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}}
QUICK = {"Delay": 0.05, "MaxAttempts": 2}


def allow(action, **more):
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "*", **more}})


def trust(**principal):
    return json.dumps({**ANYONE, "Statement": {**ANYONE["Statement"], "Principal": principal}})


def file(name):
    return pathlib.Path(name).read_text(encoding="utf-8")


def tags(count=3):
    return [{"Key": f"k{i}", "Value": "v"} for i in range(count)]


# Paginators that are not driven, and why.
NOT = {
    ("iam", "list_account_aliases"): "there is one alias",
    ("organizations", "list_roots"): "there is one root",
    ("organizations", "list_parents"): "there is one parent",
    ("organizations", "list_tags_for_resource"): "it takes no size of a page, and one page holds all the tags there can be",
    ("organizations", "list_handshakes_for_account"): "an account is invited by one organization here",
    ("accessanalyzer", "get_finding_v2"): "a finding of external access has one detail, and one page",
    ("rolesanywhere", "list_subjects"): "subjects come with sessions, which no SDK makes: service/rolesanywhere turns their pages",
    ("kms", "list_key_policies"): "a key has one policy",
    ("kms", "describe_custom_key_stores"): "each store needs a proxy or an HSM of its own",
    ("secretsmanager", "list_resource_policies"): "a secret has one policy",
    ("cloudhsmv2", "describe_backups"): "there are no backups",
    ("sns", "list_subscriptions"): "it takes no size of a page, which is a hundred: service/sns turns its pages",
    ("sns", "list_subscriptions_by_topic"): "it takes no size of a page, which is a hundred: service/sns turns its pages",
    ("logs", "describe_resource_policies"): "ten policies are one page",
    ("cloudtrail", "list_public_keys"): "it takes no size of a page, and one page holds them all",
    ("cloudtrail", "list_tags"): "it takes no size of a page, and one page holds them all",
    ("cloudtrail", "list_trails"): "it takes no size of a page, which is a thousand",
    ("iam-toolbox", "get_request_authorization_details"): "it takes no size of a page",
}


class Pages:
    def __init__(self):
        self.failed, self.driven = [], set()

    def of(self, service, operation, size=1, **arguments):
        """One list, whole and in pages; the paginator's result keys are compared."""
        client = boto3.client(service)
        self.driven.add((service, operation))
        paginator = client.get_paginator(operation)
        keys = [k.expression for k in paginator.result_keys]
        # Roles Anywhere's paginators do not say which member is the size.
        named = {"pageSize": size} if service == "rolesanywhere" else {"PaginationConfig": {"PageSize": size}}
        pages = list(paginator.paginate(**arguments, **named))
        whole = getattr(client, operation)(**arguments)
        for key in keys:
            want = jmespath.search(key, whole)
            if not isinstance(want, list):
                continue
            got = [v for p in pages for v in jmespath.search(key, p) or []]
            if got != want:
                self.failed.append(f"{service} {operation}: {key} in pages is {got}, at once {want}")
            sizes = [len(jmespath.search(key, p) or []) for p in pages]
            if len(keys) == 1 and max(sizes) > size:
                self.failed.append(f"{service} {operation}: pages of {sizes}, asked for {size}")
        if len(pages) < 2:
            self.failed.append(f"{service} {operation}: {len(pages)} page")

    def complete(self):
        """Whatever paginator botocore has was driven."""
        for service in SERVICES:
            client = boto3.client(service)
            for method, operation in client.meta.method_to_api_mapping.items():
                name = (service, method)
                if client.can_paginate(method) and not absent(service, operation) and (name in self.driven) == (name in NOT):
                    self.failed.append(f"{service} {method} is " + ("driven and excepted" if name in NOT else "not driven"))


def absent(service, operation):
    spec = pathlib.Path(sys.argv[1], service.replace("-", "") + ".txt").read_text(encoding="utf-8")
    return f"\n{operation} absent" in "\n" + spec


def trail(pages):
    for i in range(3):
        boto3.client("iam").create_user(UserName=f"seen{i}", Path="/trail/")
    pages.of("cloudtrail", "lookup_events", LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateUser"}])


def iam(pages):
    c = boto3.client("iam")
    for i in range(3):
        c.create_user(UserName=f"u{i}", Tags=tags())
        c.create_group(GroupName=f"g{i}")
        c.create_role(RoleName=f"r{i}", AssumeRolePolicyDocument=json.dumps(ANYONE), Tags=tags())
        c.create_policy(PolicyName=f"p{i}", PolicyDocument=allow("sts:*"), Tags=tags())
        c.create_instance_profile(InstanceProfileName=f"i{i}", Tags=tags())
        c.create_virtual_mfa_device(VirtualMFADeviceName=f"m{i}", Tags=tags())
        c.upload_server_certificate(ServerCertificateName=f"c{i}", CertificateBody=file("leaf.pem"), PrivateKey=file("leaf.key"), Tags=tags())
    arn = "arn:aws:iam::000000000000:"
    for i in range(3):
        c.add_user_to_group(GroupName=f"g{i}", UserName="u0")
        c.put_user_policy(UserName="u0", PolicyName=f"own{i}", PolicyDocument=allow("iam:GetUser"))
        c.put_group_policy(GroupName="g0", PolicyName=f"own{i}", PolicyDocument=allow("iam:GetUser"))
        c.put_role_policy(RoleName="r0", PolicyName=f"own{i}", PolicyDocument=allow("iam:GetUser"))
        c.attach_user_policy(UserName="u0", PolicyArn=f"{arn}policy/p{i}")
        c.attach_group_policy(GroupName="g0", PolicyArn=f"{arn}policy/p{i}")
        c.attach_role_policy(RoleName="r0", PolicyArn=f"{arn}policy/p{i}")
        c.create_policy_version(PolicyArn=f"{arn}policy/p0", PolicyDocument=allow("iam:GetRole"))
    c.add_user_to_group(GroupName="g0", UserName="u1")
    for i in range(2):
        c.create_access_key(UserName="u0")
        c.add_role_to_instance_profile(InstanceProfileName=f"i{i}", RoleName="r0")
    c.upload_ssh_public_key(UserName="u0", SSHPublicKeyBody=file("ssh.pub"))
    c.upload_ssh_public_key(UserName="u0", SSHPublicKeyBody=file("ssh2.pub"))
    c.upload_signing_certificate(UserName="u0", CertificateBody=file("leaf.pem"))
    c.upload_signing_certificate(UserName="u0", CertificateBody=file("ca.pem"))
    devices(c)
    saml = c.create_saml_provider(Name="corp", SAMLMetadataDocument=file("metadata.xml"), Tags=tags())["SAMLProviderArn"]
    oidc = c.create_open_id_connect_provider(Url="https://example.com", ThumbprintList=["0" * 40], Tags=tags())["OpenIDConnectProviderArn"]
    for operation in ("list_users", "list_groups", "list_roles", "list_instance_profiles", "list_server_certificates", "list_virtual_mfa_devices"):
        pages.of("iam", operation)
    pages.of("iam", "list_policies", Scope="Local")
    pages.of("iam", "get_account_authorization_details", Filter=["User", "Group", "Role", "LocalManagedPolicy"])
    pages.of("iam", "get_group", GroupName="g0")
    for operation in ("access_keys", "attached_user_policies", "groups_for_user", "mfa_devices", "ssh_public_keys", "signing_certificates", "user_policies", "user_tags"):
        pages.of("iam", "list_" + operation, UserName="u0")
    for operation in ("attached_group_policies", "group_policies"):
        pages.of("iam", "list_" + operation, GroupName="g0")
    for operation in ("attached_role_policies", "role_policies", "role_tags", "instance_profiles_for_role"):
        pages.of("iam", "list_" + operation, RoleName="r0")
    for operation in ("entities_for_policy", "policy_tags", "policy_versions"):
        pages.of("iam", "list_" + operation, PolicyArn=arn + "policy/p0")
    pages.of("iam", "list_instance_profile_tags", InstanceProfileName="i0")
    pages.of("iam", "list_mfa_device_tags", SerialNumber=arn + "mfa/m0")
    pages.of("iam", "list_server_certificate_tags", ServerCertificateName="c0")
    pages.of("iam", "list_saml_provider_tags", SAMLProviderArn=saml)
    pages.of("iam", "list_open_id_connect_provider_tags", OpenIDConnectProviderArn=oidc)
    asked = {"ActionNames": ["iam:GetUser", "iam:GetRole", "s3:GetObject"], "ResourceArns": ["*"]}
    pages.of("iam", "simulate_principal_policy", PolicySourceArn=arn + "user/u0", **asked)
    pages.of("iam", "simulate_custom_policy", PolicyInputList=[allow("iam:Get*")], **asked)


def devices(client):
    """Gives u0 two devices of one-time passwords."""
    for name in ("one", "two"):
        d = client.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
        seed, now = d["Base32StringSeed"].decode(), time.time()
        client.enable_mfa_device(UserName="u0", SerialNumber=d["SerialNumber"], AuthenticationCode1=totp(seed, -1, now), AuthenticationCode2=totp(seed, 0, now))


def waiters(_):
    c = boto3.client("iam")
    for name, arguments, missing in (
        ("user_exists", {"UserName": "u0"}, {"UserName": "nobody"}),
        ("role_exists", {"RoleName": "r0"}, {"RoleName": "nobody"}),
        ("instance_profile_exists", {"InstanceProfileName": "i0"}, {"InstanceProfileName": "nobody"}),
        ("policy_exists", {"PolicyArn": "arn:aws:iam::000000000000:policy/p0"}, {"PolicyArn": "arn:aws:iam::000000000000:policy/none"}),
    ):
        waiter = c.get_waiter(name)
        waiter.wait(**arguments, WaiterConfig=QUICK)
        try:
            waiter.wait(**missing, WaiterConfig=QUICK)
            raise AssertionError(f"{name}: what is missing exists")
        except WaiterError as e:
            assert "Max attempts exceeded" in str(e), e
    assert set(c.waiter_names) == {"user_exists", "role_exists", "instance_profile_exists", "policy_exists"}, c.waiter_names


def organizations(pages):
    c = boto3.client("organizations")
    c.create_organization()
    root = c.list_roots()["Roots"][0]["Id"]
    accounts = []
    for i in range(3):
        c.create_organizational_unit(ParentId=root, Name=f"ou{i}", Tags=tags())
        job = c.create_account(Email=f"a{i}@example.com", AccountName=f"a{i}")["CreateAccountStatus"]["Id"]
        accounts.append(created(c, job))
    for kind in ("SERVICE_CONTROL_POLICY", "BACKUP_POLICY"):
        c.enable_policy_type(RootId=root, PolicyType=kind)
    for i in range(2):
        p = c.create_policy(Type="SERVICE_CONTROL_POLICY", Name=f"p{i}", Description="", Content=allow("*"))["Policy"]["PolicySummary"]["Id"]
        c.attach_policy(PolicyId=p, TargetId=accounts[0])
        c.enable_aws_service_access(ServicePrincipal=("guardduty.amazonaws.com", "config.amazonaws.com")[i])
        c.register_delegated_administrator(AccountId=accounts[0], ServicePrincipal=("guardduty.amazonaws.com", "config.amazonaws.com")[i])
        c.invite_account_to_organization(Target={"Id": f"guest{i}@example.com", "Type": "EMAIL"})
    c.register_delegated_administrator(AccountId=accounts[1], ServicePrincipal="config.amazonaws.com")
    broken = c.create_policy(Type="BACKUP_POLICY", Name="broken", Description="", Content=json.dumps(
        {"plans": {n: {"rules": {"day": {"schedule_expression": {"@@assign": "cron(0 5 ? * * *)"}}}} for n in ("a", "b")}}))["Policy"]["PolicySummary"]["Id"]
    for account in accounts[:2]:
        c.attach_policy(PolicyId=broken, TargetId=account)
    for operation in ("aws_service_access_for_organization", "accounts", "create_account_status", "delegated_administrators", "handshakes_for_organization"):
        pages.of("organizations", "list_" + operation)
    for operation in ("accounts_for_parent", "organizational_units_for_parent"):
        pages.of("organizations", "list_" + operation, ParentId=root)
    pages.of("organizations", "list_children", ParentId=root, ChildType="ACCOUNT")
    pages.of("organizations", "list_delegated_services_for_account", AccountId=accounts[0])
    pages.of("organizations", "list_policies", Filter="SERVICE_CONTROL_POLICY")
    pages.of("organizations", "list_policies_for_target", TargetId=accounts[0], Filter="SERVICE_CONTROL_POLICY")
    pages.of("organizations", "list_targets_for_policy", PolicyId="p-FullAWSAccess")
    pages.of("organizations", "list_accounts_with_invalid_effective_policy", PolicyType="BACKUP_POLICY")
    pages.of("organizations", "list_effective_policy_validation_errors", AccountId=accounts[0], PolicyType="BACKUP_POLICY")


def created(client, job):
    for _ in range(100):
        status = client.describe_create_account_status(CreateAccountRequestId=job)["CreateAccountStatus"]
        if status["State"] == "SUCCEEDED":
            return status["AccountId"]
        time.sleep(0.05)
    raise AssertionError(status)


def accessanalyzer(pages):
    c, iam_client = boto3.client("accessanalyzer"), boto3.client("iam")
    for i in range(3):
        iam_client.create_role(RoleName=f"shared{i}", AssumeRolePolicyDocument=trust(AWS="999988887777"))
    arn = c.create_analyzer(analyzerName="outside", type="ACCOUNT")["arn"]
    c.create_analyzer(analyzerName="unused", type="ACCOUNT_UNUSED_ACCESS", configuration={"unusedAccess": {"unusedAccessAge": 30}})
    for i in range(3):
        c.create_archive_rule(analyzerName="outside", ruleName=f"rule{i}", filter={"principal.AWS": {"eq": [f"11112222333{i}"]}})
    public = {"iamRole": {"trustPolicy": trust(AWS=["111122223333", "444455556666"])}}
    previews = [c.create_access_preview(analyzerArn=arn, configurations={f"arn:aws:iam::000000000000:role/shared{i}": public})["id"] for i in range(2)]
    for i in range(2):
        c.start_policy_generation(policyGenerationDetails={"principalArn": f"arn:aws:iam::000000000000:role/shared{i}"})
        waited(lambda: all(g["status"] == "SUCCEEDED" for g in c.list_policy_generations()["policyGenerations"]))
    waited(lambda: len(c.list_findings(analyzerArn=arn)["findings"]) == 3)
    waited(lambda: all(p["status"] == "COMPLETED" for p in c.list_access_previews(analyzerArn=arn)["accessPreviews"]))
    for operation in ("findings", "findings_v2", "analyzed_resources", "access_previews"):
        pages.of("accessanalyzer", "list_" + operation, analyzerArn=arn)
    pages.of("accessanalyzer", "list_analyzers")
    pages.of("accessanalyzer", "list_archive_rules", analyzerName="outside")
    pages.of("accessanalyzer", "list_access_preview_findings", analyzerArn=arn, accessPreviewId=previews[0])
    pages.of("accessanalyzer", "list_policy_generations")
    unused(pages, c, iam_client)
    pages.of("accessanalyzer", "validate_policy", policyType="IDENTITY_POLICY", policyDocument=allow(["s3:Nothing", "iam:Nothing", "sts:Nothing"]))


def unused(pages, client, iam_client):
    """A recommendation with a step for each policy of a user who did nothing for 45 days."""
    arn = client.get_analyzer(analyzerName="unused")["analyzer"]["arn"]
    iam_client.create_user(UserName="idle")
    for i in range(3):
        iam_client.put_user_policy(UserName="idle", PolicyName=f"own{i}", PolicyDocument=allow(["s3:GetObject", f"sqs:Get{'Queue' * i}*"]))
    print("advance 1080h", flush=True)  # who started this program does it
    assert sys.stdin.readline().strip() == "done"
    idle = {"resource": {"contains": ["user/idle"]}, "findingType": {"eq": ["UnusedPermission"]}}
    waited(lambda: client.list_findings_v2(analyzerArn=arn, filter=idle)["findings"])
    finding = {"analyzerArn": arn, "id": client.list_findings_v2(analyzerArn=arn, filter=idle)["findings"][0]["id"]}
    client.generate_finding_recommendation(**finding)
    waited(lambda: client.get_finding_recommendation(**finding)["status"] == "SUCCEEDED")
    pages.of("accessanalyzer", "get_finding_recommendation", **finding)


def waited(condition):
    for _ in range(100):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it does not come")


def others(pages):
    anywhere = boto3.client("rolesanywhere")
    role = boto3.client("iam").create_role(RoleName="host", AssumeRolePolicyDocument=trust(
        Service=["rolesanywhere.amazonaws.com", "pods.eks.amazonaws.com"]).replace('"sts:AssumeRole"', '["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]'))["Role"]["Arn"]
    source = {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": file("ca.pem")}}
    for i in range(2):
        anchor = anywhere.create_trust_anchor(name=f"a{i}", source=source)["trustAnchor"]["trustAnchorArn"]
        anywhere.create_profile(name=f"p{i}", roleArns=[role])
        anywhere.import_crl(name=f"c{i}", crlData=file("crl.pem").encode(), trustAnchorArn=anchor)
    for operation in ("list_trust_anchors", "list_profiles", "list_crls"):
        pages.of("rolesanywhere", operation)
    eks = boto3.client("eks")
    for i in range(3):
        eks.create_pod_identity_association(clusterName="prod", namespace="shop", serviceAccount=f"s{i}", roleArn=role)
    pages.of("eks", "list_pod_identity_associations", clusterName="prod")
    url = boto3.client("iam").meta.endpoint_url
    signin = boto3.client("signin")
    turn = lambda request, **_: setattr(request, "url", request.url.replace("https://signin.us-east-1.api.aws", url))  # noqa: E731
    boto3.DEFAULT_SESSION.events.register("before-sign.signin", turn)
    signin = boto3.client("signin")
    for i in range(2):
        signin.put_resource_permission_statement(sourceIp=f"203.0.113.{i}/32")
    pages.of("signin", "list_resource_permission_statements")


def kms(pages):
    c = boto3.client("kms")
    user = boto3.client("iam").create_user(UserName="grantee")["User"]["Arn"]
    keys = [c.create_key(Tags=[{"TagKey": f"k{i}", "TagValue": "v"} for i in range(3)])["KeyMetadata"]["KeyId"] for _ in range(3)]
    for i in range(3):
        c.create_alias(AliasName=f"alias/a{i}", TargetKeyId=keys[0])
        c.create_grant(KeyId=keys[0], GranteePrincipal=user, RetiringPrincipal=user, Operations=["Encrypt"])
        c.rotate_key_on_demand(KeyId=keys[0])
    for operation in ("list_keys", "list_aliases"):
        pages.of("kms", operation)
    for operation in ("list_grants", "list_resource_tags", "list_key_rotations"):
        pages.of("kms", operation, KeyId=keys[0])
    pages.of("kms", "list_aliases", KeyId=keys[0])
    pages.of("kms", "list_grants", KeyId=keys[0], GranteePrincipal=user)
    pages.of("kms", "list_key_rotations", KeyId=keys[0], IncludeKeyMaterial="ALL_KEY_MATERIAL")
    pages.of("kms", "list_retirable_grants", RetiringPrincipal=user)


def secrets(pages):
    c = boto3.client("secretsmanager")
    for i in range(3):
        c.create_secret(Name=f"page{i}", SecretString="x", Tags=[{"Key": "k", "Value": "v"}])
    pages.of("secretsmanager", "list_secrets")
    pages.of("secretsmanager", "list_secrets", SortBy="name", SortOrder="asc", Filters=[{"Key": "tag-value", "Values": ["v"]}])
    for _ in range(3):
        c.put_secret_value(SecretId="page0", SecretString="y")
    # boto3 turns these two by hand.
    turned(pages, c.list_secret_version_ids, "Versions", SecretId="page0", IncludeDeprecated=True)
    turned(pages, c.batch_get_secret_value, "SecretValues", Filters=[{"Key": "name", "Values": ["page"]}])


def turned(pages, call, key, size="MaxResults", token="NextToken", **arguments):
    """A list without a paginator, in pages of one and at once."""
    whole, got, following = call(**arguments)[key], [], {}
    while True:
        page = call(**arguments, **{size: 1}, **following)
        got += page[key]
        if token not in page:
            break
        following = {token: page[token]}
    if got != whole or len(whole) < 2:
        pages.failed.append(f"{call.__name__}: {key} in pages is {got}, at once {whole}")


def parameters(pages):
    c = boto3.client("ssm")
    for i in range(3):
        c.put_parameter(Name=f"/page/p{i}", Value="x", Type="SecureString", Tier="Advanced")
    for _ in range(2):
        c.put_parameter(Name="/page/p0", Value="y", Overwrite=True)
    pages.of("ssm", "describe_parameters")
    pages.of("ssm", "get_parameters_by_path", Path="/page", WithDecryption=True)
    pages.of("ssm", "get_parameter_history", Name="/page/p0", WithDecryption=True)
    arn = c.get_parameter(Name="/page/p0")["Parameter"]["ARN"]
    for account in ("111122223333", "444455556666"):
        c.put_resource_policy(ResourceArn=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "ssm:GetParameter", "Resource": arn, "Condition": {"StringEquals": {"aws:PrincipalAccount": account}}}}))
    pages.of("ssm", "get_resource_policies", ResourceArn=arn)


def hsms(pages):
    c = boto3.client("cloudhsmv2")
    for _ in range(3):
        cluster = c.create_cluster(HsmType="hsm2m.medium", SubnetIds=["subnet-11111111"], TagList=tags())["Cluster"]["ClusterId"]
    pages.of("cloudhsmv2", "describe_clusters")
    pages.of("cloudhsmv2", "list_tags", ResourceId=cluster)
    r = boto3.client("redshift")
    for i in range(21):  # a page of Redshift's has twenty at least
        r.create_hsm_client_certificate(HsmClientCertificateIdentifier=f"c{i:02}", Tags=tags(1))
        r.create_hsm_configuration(HsmConfigurationIdentifier=f"h{i:02}", Description="page", HsmIpAddress="10.0.0.9",
                                   HsmPartitionName="cluster-22222222222", HsmPartitionPassword="page-password", HsmServerPublicCertificate=file("ca.pem"))
    for operation in ("describe_hsm_client_certificates", "describe_hsm_configurations", "describe_tags"):
        pages.of("redshift", operation, size=20)


def happenings(pages):
    e, logs, sns = boto3.client("events"), boto3.client("logs"), boto3.client("sns")
    for i in range(3):
        logs.create_log_group(logGroupName=f"/page/g{i}")
        logs.create_log_stream(logGroupName="/page/g0", logStreamName=f"s{i}")
        e.put_rule(Name=f"r{i}", EventPattern='{"source":["s"]}')
        e.put_targets(Rule=f"r{i}", Targets=[{"Id": "one", "Arn": "arn:aws:logs:us-east-1:000000000000:log-group:/page/g0"}])
        e.put_targets(Rule="r0", Targets=[{"Id": f"t{i}", "Arn": f"arn:aws:logs:us-east-1:000000000000:log-group:/page/g{i}"}])
        e.create_event_bus(Name=f"b{i}")
        e.create_archive(ArchiveName=f"a{i}", EventSourceArn="arn:aws:events:us-east-1:000000000000:event-bus/default")
    pages.of("events", "list_rules")
    pages.of("events", "list_targets_by_rule", Rule="r0")
    pages.of("events", "list_rule_names_by_target", TargetArn="arn:aws:logs:us-east-1:000000000000:log-group:/page/g0")
    for call, key in ((e.list_event_buses, "EventBuses"), (e.list_archives, "Archives")):
        turned(pages, call, key, size="Limit")
    turned(pages, logs.list_log_groups, "logGroups", size="limit", token="nextToken")
    now = e.describe_archive(ArchiveName="a0")["CreationTime"].timestamp()  # the server's time may have been moved
    logs.put_log_events(logGroupName="/page/g0", logStreamName="s0", logEvents=[{"timestamp": int(now * 1000) + i, "message": f"m{i}"} for i in range(3)])
    pages.of("logs", "describe_log_groups")
    pages.of("logs", "describe_log_streams", logGroupName="/page/g0")
    pages.of("logs", "filter_log_events", logGroupName="/page/g0")
    sqs = boto3.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": 1})}
    for i in range(3):
        sqs.create_queue(QueueName=f"q{i}", Attributes=redrive)
    pages.of("sqs", "list_queues")
    pages.of("sqs", "list_dead_letter_source_queues", QueueUrl=dead)
    for i in range(101):
        sns.create_topic(Name=f"t{i:03}")
    got = [t["TopicArn"] for p in sns.get_paginator("list_topics").paginate() for t in p["Topics"]]
    pages.driven.add(("sns", "list_topics"))
    if got != [f"arn:aws:sns:us-east-1:000000000000:t{i:03}" for i in range(101)]:
        pages.failed.append(f"sns list_topics: {len(got)} topics in pages")


if __name__ == "__main__":
    boto3.setup_default_session()
    recorder = Recorder(boto3.DEFAULT_SESSION._session)
    run = Pages()
    for part in (trail, iam, waiters, organizations, accessanalyzer, others, kms, secrets, parameters, hsms, happenings, Pages.complete):
        part(run)
    run.failed += recorder.problems()
    print("\n".join(run.failed) or f"{len(run.driven)} paginators turn pages, {len(NOT)} have reasons not to")
    sys.exit(1 if run.failed else 0)
