"""One-time passwords of virtual MFA devices: RFC 6238."""

import base64
import hashlib
import hmac
import struct


def totp(seed, steps, now):
    """RFC 6238's code of a base32 seed, some periods of 30 s from now, in seconds."""
    key = base64.b32decode(seed + "=" * (-len(seed) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(now) // 30 + steps), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 1000000:06}"
