"""Checks raw answers against the output shapes of AWS's models.

botocore drops what it does not know and fills in nothing that is missing, so
the bytes are parsed here once more. Problems are returned as lines of text.
"""

import base64
import binascii
import datetime
import json
import math
import re
import xml.etree.ElementTree as ElementTree

from botocore.parsers import BaseCBORParser
from dateutil import parser as dates

# Where AWS itself answers what is not in its model's enum, by shape.
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachedPermissionsBoundary.html ("can only have a value of Policy")
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html (its example)
# https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html (has the same value as KeySpec, which has more)
BESIDE = {
    "PermissionsBoundaryAttachmentType": {"Policy"}, "PolicySourceType": {"IAM Policy"},
    "CustomerMasterKeySpec": {"ECC_NIST_EDWARDS25519", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87", "ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"},
}

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def problems(operation, status, headers, body):
    """What is wrong with a successful answer of an operation."""
    found = []
    shape = operation.output_shape
    protocol = operation.service_model.metadata["protocol"]
    expected = operation.http.get("responseCode", 200)
    if status != expected:
        found.append(f"status {status}, the model says {expected}")
    try:
        if protocol == "query":
            _query(operation, body, found)
        elif shape is None:
            if body.strip() not in (b"", b"{}"):
                found.append(f"a body where the model has none: {body[:80]!r}")
        elif protocol == "rest-json":
            _rest(shape, headers, body, found)
        elif protocol == "rest-xml":
            _rest_xml(operation, headers, body, found)
        elif headers.get("smithy-protocol") == "rpc-v2-cbor":  # a client may speak JSON to a service that has both
            _json(shape, _plain(CBOR().read(body)), "", found)
        else:
            _json(shape, json.loads(body), "", found)
    except (ValueError, ElementTree.ParseError) as e:
        found.append(f"cannot be parsed: {e}: {body[:80]!r}")
    return found


class CBOR(BaseCBORParser):
    """Reads CBOR: what there is, without a model."""

    def __init__(self):
        super().__init__()

    def read(self, body):
        stream = self.get_peekable_stream_from_bytes(body)
        value = self.parse_data_item(stream)
        if rest := stream.read():
            raise ValueError(f"{len(rest)} bytes behind the answer")
        return value


def _plain(value):
    """What CBOR has, as JSON would have it: timestamps and bytes are no types of
    JSON's, so they become what the check of such a member wants."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def _rest(shape, headers, body, found):
    payload = shape.serialization.get("payload")
    members = {}
    for name, member in shape.members.items():
        where = member.serialization
        if where.get("location") in ("header", "headers", "statusCode"):
            if name in shape.required_members and where["location"] == "header" and where["locationName"] not in headers:
                found.append(f"header {where['locationName']} is missing")
        else:
            members[name] = member
    if payload:
        if members[payload].type_name == "structure":
            _json(members[payload], json.loads(body), payload, found)
        return
    if members or body.strip():
        _json(shape, json.loads(body), "", found, members)


def _rest_xml(operation, headers, body, found):
    shape = operation.output_shape
    members = {}
    for name, member in shape.members.items():
        where = member.serialization
        if where.get("location") == "header":
            if name in shape.required_members and where.get("locationName", name).lower() not in {k.lower() for k in headers}:
                found.append(f"header {where.get('locationName', name)} is missing")
        elif not where.get("location"):
            members[name] = member
    if not members and not body.strip():
        return
    root = ElementTree.fromstring(body)
    if _bare(root.tag) != shape.name:
        found.append(f"the root is {root.tag}")
    _xml(shape, root, "", found, members)


def _json(shape, value, path, found, members=None):
    kind = shape.type_name
    if kind == "structure" and not getattr(shape, "is_document_type", False):
        if not isinstance(value, dict):
            found.append(f"{path}: {value!r} is no structure")
            return
        members = shape.members if members is None else members
        names = {m.serialization.get("name", n): n for n, m in members.items()}
        _structure(shape, {names.get(k, k) for k, v in value.items() if v is not None}, members, path, found)
        for key, v in value.items():
            if v is None:
                found.append(f"{path}.{key} is null")
            elif key in names:
                _json(members[names[key]], v, f"{path}.{key}", found)
    elif kind == "list":
        if not isinstance(value, list):
            found.append(f"{path}: {value!r} is no list")
            return
        for i, v in enumerate(value):
            _json(shape.member, v, f"{path}[{i}]", found)
    elif kind == "map":
        if not isinstance(value, dict):
            found.append(f"{path}: {value!r} is no map")
            return
        for k, v in value.items():
            _json(shape.key, k, f"{path} key", found)
            _json(shape.value, v, f"{path}.{k}", found)
    elif kind == "timestamp":
        style = shape.serialization.get("timestampFormat", "unixTimestamp")
        if style == "unixTimestamp":
            good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e11 and math.isfinite(value)
        else:
            good = isinstance(value, str) and _date(value, style)
        if not good:
            found.append(f"{path}: {value!r} is no {style}")
    else:
        types = {"string": str, "character": str, "blob": str, "boolean": bool, "integer": int, "long": int, "float": (int, float), "double": (int, float)}
        if kind in types and (not isinstance(value, types[kind]) or isinstance(value, bool) != (kind == "boolean")):
            found.append(f"{path}: {value!r} is no {kind}")
        elif kind in ("string", "blob"):
            _text(shape, value, path, found)


def _structure(shape, there, members, path, found):
    for name in sorted(there - set(members)):
        found.append(f"{path}.{name} is not in the model")
    for name in shape.required_members:
        if name in members and name not in there:
            found.append(f"{path}.{name} is required and missing")
    if getattr(shape, "is_tagged_union", False) and len(there) != 1:
        found.append(f"{path}: a union with {sorted(there)}")


def _text(shape, value, path, found):
    if shape.type_name == "blob":
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error:
            found.append(f"{path}: {value[:40]!r} is no base64")
        return
    enum = shape.metadata.get("enum")
    if enum and value not in enum and value not in BESIDE.get(shape.name, ()):
        found.append(f"{path}: {value!r} is none of {enum[:6]}")


def _date(value, style):
    if style == "iso8601":
        return bool(ISO.fullmatch(value))
    try:
        dates.parse(value)
    except ValueError:
        return False
    return True


def _bare(tag):
    return tag.rpartition("}")[2]


def _query(operation, body, found):
    root = ElementTree.fromstring(body)
    namespace = operation.service_model.metadata.get("xmlNamespace", "")
    if root.tag != f"{{{namespace}}}{operation.name}Response":
        found.append(f"the root is {root.tag}")
    children = {_bare(e.tag): e for e in root}
    request = children.pop("ResponseMetadata", None)
    if request is None or not "".join(request.itertext()).strip():
        found.append("no RequestId")
    shape = operation.output_shape
    if shape is not None:
        wrapper = shape.serialization.get("resultWrapper")
        result = children.pop(wrapper, None) if wrapper else root
        if result is None:
            found.append(f"no {wrapper}")
        else:
            _xml(shape, result, "", found)
    for name in children:
        if shape is not None or len(children[name]):
            found.append(f"{name} beside the result")


def _xml(shape, element, path, found, members=None):
    kind = shape.type_name
    if kind == "structure":
        members = shape.members if members is None else members
        names = {m.serialization.get("name", n): n for n, m in members.items()}
        tags = [_bare(e.tag) for e in element]
        for tag in {t for t in tags if tags.count(t) > 1}:
            found.append(f"{path}.{tag} is there twice")
        _structure(shape, {names.get(t, t) for t in tags}, members, path, found)
        for e in element:
            if _bare(e.tag) in names:
                _xml(members[names[_bare(e.tag)]], e, f"{path}.{_bare(e.tag)}", found)
        return
    if kind in ("list", "map"):
        want = shape.member.serialization.get("name", "member") if kind == "list" else "entry"
        for i, e in enumerate(element):
            if _bare(e.tag) != want:
                found.append(f"{path}: {_bare(e.tag)} in a {kind}")
            elif kind == "list":
                _xml(shape.member, e, f"{path}[{i}]", found)
            else:
                _entry(shape, e, f"{path}[{i}]", found)
        return
    text = element.text or ""
    if len(element):
        found.append(f"{path}: elements in a {kind}")
    elif kind == "timestamp" and not ISO.fullmatch(text):
        found.append(f"{path}: {text!r} is no iso8601")
    elif kind == "boolean" and text not in ("true", "false"):
        found.append(f"{path}: {text!r} is no boolean")
    elif kind in ("integer", "long") and not re.fullmatch(r"-?\d+", text):
        found.append(f"{path}: {text!r} is no {kind}")
    elif kind in ("string", "blob"):
        _text(shape, text, path, found)


def _entry(shape, element, path, found):
    pair = {_bare(e.tag): e for e in element}
    key, value = (s.serialization.get("name", n) for s, n in ((shape.key, "key"), (shape.value, "value")))
    if set(pair) != {key, value} or len(element) != 2:
        found.append(f"{path}: an entry of {sorted(pair)}")
        return
    _xml(shape.key, pair[key], f"{path} key", found)
    _xml(shape.value, pair[value], path, found)
