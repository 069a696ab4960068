"""A rotation function as Bartizan runs one: the event is on standard input."""

import json
import sys

event = json.load(sys.stdin)
secret, version = event["SecretId"], event["ClientRequestToken"]
if event["Step"] not in ("createSecret", "finishSecret"):
    sys.exit()

import boto3  # noqa: E402: it takes a second, and two of four steps need it

manager = boto3.client("secretsmanager")
if event["Step"] == "createSecret":
    manager.put_secret_value(SecretId=secret, ClientRequestToken=version, SecretString="rotated", VersionStages=["AWSPENDING"], RotationToken=event["RotationToken"])
else:
    old = manager.get_secret_value(SecretId=secret)["VersionId"]
    if old != version:  # a secret's first value is in use as it is
        manager.update_secret_version_stage(SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=version, RemoveFromVersionId=old)
