"""`relay keys rotate signing`: the key that the relay signs with is replaced in two steps, between which both sign (docs/verify.md).

Its text is in Secrets Manager, where the stack made it; texts separated by white space are several live keys, the first the current one.
Since when they are there, Secrets Manager knows.
"""

import secrets

from relay.adapters.secrets import MAX_AGE_IN_AN_OUTAGE
from relay.adapters.signing_keys import SigningKeys
from relay.clock import now
from relay.domain.signer import JWKS_MAX_AGE
from relay.wiring import wiring
from relay_dev.failure import DevError
from relay_dev.shown import shown_moment

SIGNING = "signing"  # in the place of a relay key's id, which is hexadecimal
OVERLAP = MAX_AGE_IN_AN_OUTAGE + JWKS_MAX_AGE  # the longest that a process may publish the old set, and a cache keep what it got last
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
    print(f"In {OVERLAP.total_seconds() / 60:.0f} minutes or later, when all receivers have read it: relay keys rotate {SIGNING} --finish")
    return 0


def finish(*, at_once: bool) -> int:
    """Leaves the last text only; before everyone can have read its public key, only if that is wanted."""
    texts = _texts()
    if len(texts) < 2:
        raise DevError(f"only one key signs: begin with `relay keys rotate {SIGNING}`")
    if not at_once:
        _check_all_have_read_it()
    wiring().secrets.put(_arn(), texts[-1])
    (left,) = _kids(texts[-1])
    print(f"{left} signs alone, within five minutes")
    return 0


def _check_all_have_read_it() -> None:
    at = wiring().secrets.changed_at(_arn()) + OVERLAP
    if now() < at:
        raise DevError(
            f"until {shown_moment(at)} receivers may have an answer of /.well-known/jwks.json without the new key, and would refuse what "
            f"it signs alone; if the old key has leaked, do not wait: `relay keys rotate {SIGNING} --finish --now`"
        )


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
