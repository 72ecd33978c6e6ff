"""What a text that a client registers as its secret is as a key.

Source: Standard Webhooks 1.0.0, "Signature scheme".
"""

import base64
import binascii

_KEY_IN_BASE64 = "whsec_"


def signing_key(secret: str) -> bytes:
    """`whsec_` is followed by the key in base64, padded or not; any other secret is its own UTF-8 bytes.

    Raises: ValueError when nothing is left or the base64 is none; registration asks here, so that a stored secret always signs.
    """
    key = _decoded(secret.removeprefix(_KEY_IN_BASE64)) if secret.startswith(_KEY_IN_BASE64) else secret.encode("utf-8")
    if not key:
        raise ValueError("a signing secret is not empty")
    return key


def _decoded(encoded: str) -> bytes:
    padded = encoded.rstrip("=") + "=" * (-len(encoded.rstrip("=")) % 4)
    try:
        return base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a whsec_ secret is base64 after its prefix") from None  # the cause could quote the secret
