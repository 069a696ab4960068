"""What `aws login` and a federation broker do, with botocore as it is.

The AWS CLI's own command needs a browser; here a cookie jar plays it, and the
rest is botocore: its sign-in client, its DPoP proofs, its cache of sessions and
its credential provider, which refreshes what has expired.
"""

import base64
import datetime
import hashlib
import http.cookiejar
import json
import os
import secrets
import sys
import urllib.error
import urllib.parse
import urllib.request

import boto3
import botocore
import botocore.config
import botocore.credentials
import botocore.session
import botocore.utils
from awscrt.crypto import EC, ECExportFormat, ECType

URL = os.environ["AWS_ENDPOINT_URL"]
CLIENT = "arn:aws:signin:::devtools/same-device"
REDIRECT = "http://127.0.0.1:49152/oauth/callback"


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


class Browser:
    def __init__(self):
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar), Stay())
        self.csrf = None

    def send(self, method, path, body=None, accept="application/json"):
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.csrf:
            headers["X-Csrf-Token"] = self.csrf
        request = urllib.request.Request(
            urllib.parse.urljoin(URL, path), method=method, headers=headers,
            data=None if body is None else json.dumps(body).encode(),
        )
        with self.opener.open(request) as answer:
            out = json.load(answer)
        self.csrf = out.get("csrfToken", self.csrf)
        return out


def new_user(name, password, actions):
    iam = boto3.client("iam")
    iam.create_user(UserName=name)
    iam.create_login_profile(UserName=name, Password=password)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}))
    return iam


def login(browser):
    """The part of `aws login`: authorize, redeem, save the session."""
    session = botocore.session.Session()
    client = session.create_client("signin", config=botocore.config.Config(signature_version=botocore.UNSIGNED))
    key = EC.new_generate(ECType.P_256)
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    query = urllib.parse.urlencode({
        "response_type": "code", "client_id": CLIENT, "state": "state-1", "code_challenge_method": "SHA-256",
        "scope": "openid", "redirect_uri": REDIRECT, "code_challenge": challenge,
    })
    asked = browser.send("GET", "/v1/authorize?" + query)
    location = browser.send("POST", "/v1/authorize", {"request": asked["request"]})["location"]
    answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))
    assert location.startswith(REDIRECT + "?") and answer["state"] == "state-1", location

    client.meta.events.register(
        "before-call.signin.CreateOAuth2Token", botocore.credentials._build_add_dpop_header_handler(key))
    out = client.create_o_auth2_token(tokenInput={
        "clientId": CLIENT, "grantType": "authorization_code", "code": answer["code"],
        "redirectUri": REDIRECT, "codeVerifier": verifier,
    })["tokenOutput"]
    payload = out["idToken"].split(".")[1]
    subject = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"]
    pem = base64.b64encode(key.export_key(ECExportFormat.SEC1)).decode()
    # As if it had been saved long ago: the first use has to refresh.
    past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    token = {
        "accessToken": {**out["accessToken"], "accountId": subject.split(":")[4], "expiresAt": past.strftime("%Y-%m-%dT%H:%M:%SZ")},
        "tokenType": out["tokenType"], "clientId": CLIENT, "refreshToken": out["refreshToken"], "idToken": out["idToken"],
        "dpopKey": "-----BEGIN EC PRIVATE KEY-----\n" + pem + "\n-----END EC PRIVATE KEY-----\n",
    }
    cache = botocore.utils.JSONFileCache(botocore.utils.get_login_token_cache_directory())
    loader = botocore.utils.LoginTokenLoader(cache)
    loader.save_token(subject, token)
    os.makedirs(os.path.expanduser("~/.aws"), exist_ok=True)
    with open(os.path.expanduser("~/.aws/config"), "w", encoding="utf-8") as f:
        f.write(f"[profile dev]\nlogin_session = {subject}\nregion = us-east-1\n")
    return subject, loader, token


def expire(loader, subject):
    """Makes the saved credentials those of an hour ago."""
    token = loader.load_token(subject)
    token["accessToken"]["expiresAt"] = "2001-01-01T00:00:00Z"
    loader.save_token(subject, token)


def new_session():
    iam = new_user("dev", "Correct-Horse-7", ["signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token", "iam:GetUser"])
    browser = Browser()
    out = browser.send("POST", "/signin/v1/session", {"account": "000000000000", "user": "dev", "password": "Correct-Horse-7"})
    assert out["state"] == "SIGNED_IN", out
    subject, loader, before = login(browser)
    assert subject == "arn:aws:iam::000000000000:user/dev", subject
    return iam, subject, loader, before


def test_login():
    iam, subject, loader, before = new_session()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del os.environ[name]
    dev = boto3.Session(profile_name="dev")
    assert dev.client("sts").get_caller_identity()["Arn"] == subject
    assert dev.get_credentials().method == "login"
    assert dev.client("iam").get_user()["User"]["UserName"] == "dev"
    after = loader.load_token(subject)
    assert after["refreshToken"] != before["refreshToken"]
    assert after["accessToken"]["accessKeyId"] != before["accessToken"]["accessKeyId"]

    for _ in range(2):  # and again, from what was saved
        expire(loader, subject)
        assert boto3.Session(profile_name="dev").client("sts").get_caller_identity()["Arn"] == subject

    expire(loader, subject)
    iam.update_login_profile(UserName="dev", Password="Another-Horse-8")
    try:
        boto3.Session(profile_name="dev").client("sts").get_caller_identity()
    except botocore.exceptions.LoginRefreshRequired:
        pass
    else:
        raise AssertionError("the session outlives the password")
    print("login: refreshed by botocore, ended with the password")


def test_federation(root):
    iam, sts = root.client("iam"), root.client("sts")
    iam.create_user(UserName="broker")
    iam.put_user_policy(UserName="broker", PolicyName="p", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}))
    iam.create_role(RoleName="visitor", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}]}))
    key = iam.create_access_key(UserName="broker")["AccessKey"]
    broker = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
    c = broker.client("sts").assume_role(RoleArn="arn:aws:iam::000000000000:role/visitor", RoleSessionName="AssumeRoleSession")["Credentials"]
    session = json.dumps({"sessionId": c["AccessKeyId"], "sessionKey": c["SecretAccessKey"], "sessionToken": c["SessionToken"]})
    query = "?Action=getSigninToken" + "&SessionDuration=43200" + "&Session=" + urllib.parse.quote_plus(session)
    with urllib.request.urlopen(URL + "/federation" + query) as answer:
        token = json.load(answer)["SigninToken"]
    address = URL + "/federation" + "?Action=login" + "&Issuer=Example.org" + \
        "&Destination=" + urllib.parse.quote_plus("https://console.aws.amazon.com/") + "&SigninToken=" + token
    browser = Browser()
    try:
        browser.opener.open(address)
    except urllib.error.HTTPError as e:
        assert (e.code, e.headers["Location"]) == (302, "/"), (e.code, e.headers)
    signed = browser.send("GET", "/signin/v1/session")
    assert signed["arn"] == "arn:aws:sts::000000000000:assumed-role/visitor/AssumeRoleSession", signed
    assert sts.get_caller_identity()["Arn"].endswith(":root")
    print("federation: console session of", signed["arn"])


def test_permissions(root):
    """AWS's rules of endpoints take no other one for Sign-In's control plane, so
    each request is turned to ours before it is signed."""
    client = root.client("signin")
    client.meta.events.register("before-sign.signin.*", lambda request, **_: setattr(
        request, "url", request.url.replace("https://signin.us-east-1.api.aws", URL)))
    first = client.put_resource_permission_statement(sourceIp="203.0.113.0/24", excludedPrincipal="arn:aws:iam::000000000000:user/emergency")
    client.put_resource_permission_statement(sourceVpc="vpc-12345678", requestedRegion="us-east-1")
    pages = client.get_paginator("list_resource_permission_statements").paginate(PaginationConfig={"PageSize": 1})
    assert len([s for page in pages for s in page["permissionStatements"]]) == 2
    policy = client.get_resource_policy()["signinResourceBasedPolicy"]
    assert {a for s in policy["statement"] for a in s["action"]} == {
        "signin:Authenticate", "signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token"}, policy
    try:
        client.put_resource_permission_statement(sourceVpc="vpc-12345678")
    except client.exceptions.ValidationException as e:
        assert "requestedRegion is required" in str(e), e
    else:
        raise AssertionError("a VPC without its Region is taken")
    client.delete_resource_permission_statement(statementId=first["statementId"])
    try:
        client.delete_resource_permission_statement(statementId=first["statementId"])
    except client.exceptions.ResourceNotFoundException as e:
        assert e.response["error"] == "RESOURCE_NOT_FOUND", e.response
    assert not client.get_console_authorization_configuration()["consoleAuthorizationEnabled"]
    assert client.put_console_authorization_configuration(targetId="000000000000")["consoleAuthorizationEnabled"]
    assert not client.delete_console_authorization_configuration()["consoleAuthorizationEnabled"]
    assert client.introspect_oauth2_token_with_iam(token="ASORunknown")["active"] is False
    client.revoke_oauth2_token_with_iam(token="ASORunknown")
    print("permissions: as botocore reads and writes them")


if __name__ == "__main__":
    if sys.argv[1:] == ["session"]:  # for another SDK to go on with
        new_session()
        sys.exit()
    root = boto3.Session(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    test_federation(root)
    test_permissions(root)
    test_login()
