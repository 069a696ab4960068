#!/usr/bin/env python3
"""Writes x509.json: requests signed with the keys of certificates, made without
any code of ours: the canonical request is put together by hand as
https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html
says, and signed by Python's cryptography package."""
import base64, datetime, hashlib, json, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

DAY = datetime.datetime(2026, 1, 1)


def certificate(subject, key, issuer, issuer_key, ca, serial):
    name = lambda cn: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])
    b = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
         .public_key(key.public_key()).serial_number(serial).not_valid_before(DAY)
         .not_valid_after(DAY + datetime.timedelta(days=36500))
         .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True))
    return b.sign(issuer_key, hashes.SHA256())


def b64(cert):
    return base64.b64encode(cert.public_bytes(serialization.Encoding.DER)).decode()


def vector(name, key, leaf, chain):
    body = '{"durationSeconds":3600}'
    query = [("trustAnchorArn", "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a b"), ("profileArn", "arn:x=y")]
    enc = lambda s: "".join(c if c.isalnum() or c in "-._~" else "%%%02X" % ord(c) for c in s)
    canonical_query = "&".join(sorted(enc(k) + "=" + enc(v) for k, v in query))
    headers = {"content-type": "application/json", "host": "rolesanywhere.eu-central-1.amazonaws.com",
               "x-amz-date": "20260301T101112Z", "x-amz-x509": b64(leaf)}
    if chain:
        headers["x-amz-x509-chain"] = ",".join(b64(c) for c in chain)
    signed = ";".join(sorted(headers))
    canonical = "\n".join(["POST", "/sessions", canonical_query] + [k + ":" + headers[k] for k in sorted(headers)]
                          + ["", signed, hashlib.sha256(body.encode()).hexdigest()])
    rsa_key = isinstance(key, rsa.RSAPrivateKey)
    algorithm = "AWS4-X509-%s-SHA256" % ("RSA" if rsa_key else "ECDSA")
    scope = "20260301/eu-central-1/rolesanywhere/aws4_request"
    to_sign = "\n".join([algorithm, "20260301T101112Z", scope, hashlib.sha256(canonical.encode()).hexdigest()]).encode()
    if rsa_key:
        signature = key.sign(to_sign, padding.PKCS1v15(), hashes.SHA256())
    else:
        signature = key.sign(to_sign, ec.ECDSA(hashes.SHA256()))
    headers["authorization"] = "%s Credential=%d/%s, SignedHeaders=%s, Signature=%s" % (
        algorithm, leaf.serial_number, scope, signed, signature.hex())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {"name": name, "query": canonical_query, "headers": headers, "body": body, "key": pem.decode(), "toSign": to_sign.decode()}


root_key = ec.generate_private_key(ec.SECP256R1())
rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
root = certificate("root", root_key, "root", root_key, True, 1)
out = [vector("rsa", rsa_key, certificate("rsa", rsa_key, "root", root_key, False, 11111222223333344444), [root])]
for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()):
    key = ec.generate_private_key(curve)
    out.append(vector(curve.name, key, certificate(curve.name, key, "root", root_key, False, 77), []))
json.dump(out, sys.stdout, indent=1)
