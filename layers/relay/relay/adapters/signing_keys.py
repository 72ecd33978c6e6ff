"""The relay's own ed25519 keys, made from the texts of one secret.

CloudFormation can make a secret of random text, but no key. So each text of the secret is a key: its seed is HKDF-SHA256 of the text, the
same in every process. Several texts, separated by white space, are several live keys, the first the current one.

Source: RFC 8032 (ed25519), RFC 5869 (HKDF).
"""

from collections.abc import Callable
from threading import Lock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from relay.domain.signer import SigningKey

MIN_TEXT_LENGTH = 32  # characters; of letters and digits that is 190 bits
_SEED_BYTES = 32
_INFO = b"a2a-push-relay ed25519 signing key"  # fixed for ever: another would be other keys


class SigningKeyError(Exception):
    """The secret holds nothing but white space, or a text that is too short to be a key. The message holds nothing of it."""


class SigningKeys:
    """The live keys; made anew only when the secret's text is another. Threads may share it: they wait for one reading."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read
        self._text = ""
        self._keys: tuple[SigningKey, ...] = ()
        self._reading = Lock()

    def live(self) -> tuple[SigningKey, ...]:
        """In the order of the secret, a text that is there twice only once; none when what is read is empty, for then there is no secret.

        Raises: SigningKeyError, or what `read` raises.
        """
        with self._reading:
            text = self._read()
            if text != self._text:
                self._keys, self._text = _keys_of(text), text
            return self._keys


def _keys_of(text: str) -> tuple[SigningKey, ...]:
    texts = dict.fromkeys(text.split())
    if not texts:
        raise SigningKeyError("the signing secret is blank")
    if short := [place for place, each in enumerate(texts, start=1) if len(each) < MIN_TEXT_LENGTH]:
        raise SigningKeyError(f"text {short[0]} of the signing secret has fewer than {MIN_TEXT_LENGTH} characters")
    return tuple(_key_of(each) for each in texts)


def _key_of(text: str) -> SigningKey:
    seed = HKDF(algorithm=SHA256(), length=_SEED_BYTES, salt=None, info=_INFO).derive(text.encode("utf-8"))
    private = Ed25519PrivateKey.from_private_bytes(seed)
    return SigningKey(public=private.public_key().public_bytes_raw(), sign=private.sign)
