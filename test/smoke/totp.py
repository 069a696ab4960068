"""One-time passwords of virtual MFA devices: RFC 6238."""

import base64
import hashlib
import hmac
import struct
import time


def totp(seed, steps):
    """RFC 6238's code of a base32 seed, some periods of 30 s from now."""
    key = base64.b32decode(seed + "=" * (-len(seed) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30 + steps), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 1000000:06}"
