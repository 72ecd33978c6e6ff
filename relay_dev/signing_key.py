"""`relay keys rotate signing`: the key that the relay signs with is replaced in two steps, between which both sign (docs/verify.md).

Its text is in Secrets Manager, where the stack made it; texts separated by white space are several live keys, the first the current one.
"""

import secrets

from relay.adapters.signing_keys import SigningKeys
from relay.wiring import wiring
from relay_dev.failure import DevError

SIGNING = "signing"  # in the place of a relay key's id, which is hexadecimal
_BYTES = 48  # 64 characters


def begin() -> int:
    """Puts a new text behind the old one: from now on both keys sign, and both are published."""
    texts = _texts()
    if len(texts) > 1:
        raise DevError(f"{len(texts)} keys sign already: end that with `relay keys rotate {SIGNING} --finish`")
    both = f"{texts[0]} {secrets.token_urlsafe(_BYTES)}"
    wiring().secrets.put(_arn(), both)
    old, new = _kids(both)
    print(f"{new} signs beside {old}: within five minutes on every notification, and in /.well-known/jwks.json")
    print(f"In an hour or later, when all receivers have read it: relay keys rotate {SIGNING} --finish")
    return 0


def finish() -> int:
    """Leaves the last text only."""
    texts = _texts()
    if len(texts) < 2:
        raise DevError(f"only one key signs: begin with `relay keys rotate {SIGNING}`")
    wiring().secrets.put(_arn(), texts[-1])
    (left,) = _kids(texts[-1])
    print(f"{left} signs alone, within five minutes")
    return 0


def _texts() -> list[str]:
    texts = wiring().secrets.get(_arn()).split()
    if not texts:
        raise DevError("the signing secret is blank")
    return texts


def _arn() -> str:
    if not (arn := wiring().settings.signing_secret_arn):
        raise DevError("this relay has no signing key of its own")
    return arn


def _kids(text: str) -> list[str]:
    return [key.id for key in SigningKeys(lambda: text).live()]
