"""Signed webhooks, both ways: Standard Webhooks 1.0.0, symmetric. Pure; time comes in.

The signature is base64 of HMAC-SHA256 over `id.timestamp.body`; the header carries `v1,SIGNATURE`, several separated by
spaces while a secret is being rotated. Every fault of form is a wrong signature: nothing here raises on what was sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = (24, 64)
"""Least and most, as the standard asks."""
TOLERANCE_S: Final = 300
SIGNATURES_MAX: Final = 8
"""In one header; a rotation needs two."""
ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")


def secret_of(text: str) -> bytes:
    """The key of `whsec_BASE64`, or of the base64 alone. Raises ValueError: what is wrong, never the secret."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("a signing secret is whsec_ and base64") from error
    least, most = SECRET_BYTES
    if not least <= len(key) <= most:
        raise ValueError(f"a signing secret holds {least} to {most} bytes, this one {len(key)}")
    return key


def sign(secrets: Iterable[bytes], message_id: str, at: datetime, body: bytes) -> str:
    """The header `webhook-signature`: one signature for each secret."""
    return " ".join(f"v1,{_digest(secret, message_id, int(at.timestamp()), body)}" for secret in secrets)


def verify(secrets: Iterable[bytes], headers: tuple[str, str, str], body: bytes, now: datetime) -> bool:
    """Whether `(id, timestamp, signature)` were made with a secret of these, for this body, within five minutes of now.

    Every secret is compared with every signature, in constant time, so that the time taken tells nothing.
    """
    message_id, timestamp, signature = headers
    if ID.fullmatch(message_id) is None or _TIMESTAMP.fullmatch(timestamp) is None:
        return False
    given = [part[3:] for part in signature.split(" ") if part.startswith("v1,")]
    right = False
    for secret in secrets:
        expected = _digest(secret, message_id, int(timestamp), body).encode("ascii")
        for one in given[:SIGNATURES_MAX]:
            right |= hmac.compare_digest(one.encode("utf-8", "replace"), expected)
    fresh = abs(int(timestamp) - now.timestamp()) <= TOLERANCE_S
    return right and fresh and len(given) <= SIGNATURES_MAX


def _digest(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode("ascii") + body
    return base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode("ascii")
