"""Secrets at rest: envelope encryption under the stack's KMS key, each ciphertext bound to the item it belongs to.

KMS makes a data key (AES-256), this process encrypts with it (GCM), and the encrypted data key travels beside the ciphertext. The item's
own context (owner, agent, tenant, task, config) is authenticated with it: a ciphertext moved to another item does not open. KMS sees only
a context that is the same for the whole stack, so one data key serves many items and one call to KMS many secrets.

    version (1 byte) | length of the encrypted data key (2 bytes) | encrypted data key | nonce (12 bytes) | ciphertext and tag

Source: AWS KMS, "GenerateDataKey" and "Encryption context"; NIST SP 800-38D §8 (nonces).
"""

import json
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

VERSION = 1
STACK_CONTEXT = {"service": "a2a-push-relay"}  # KMS writes it to CloudTrail, so nothing of an item is in it
MAX_KEY_AGE = timedelta(minutes=5)
MAX_KEY_USES = 100_000  # far below the 2**32 random nonces that GCM allows one key
MAX_OPENING_KEYS = 1_000

_NONCE_BYTES = 12
_LENGTH_BYTES = 2
_HEAD_BYTES = 1 + _LENGTH_BYTES


class VaultError(Exception):
    """Something does not seal or open. The message holds no secret; the cause tells KMS's refusal from a ciphertext that is wrong."""


@dataclass
class _SealingKey:
    cipher: AESGCM
    encrypted: bytes
    made_at: datetime
    uses: int = 0

    def is_usable(self, now: datetime) -> bool:
        return self.uses < MAX_KEY_USES and timedelta(0) <= now - self.made_at < MAX_KEY_AGE


class Vault:
    """Seals and opens secrets; safe to share between threads. One call to KMS per process and five minutes of sealing."""

    def __init__(
        self,
        kms_client: "KMSClient",
        key_id: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._kms = kms_client
        self._key_id = key_id
        self._now = now
        self._random = random
        self._lock = RLock()
        self._sealing: _SealingKey | None = None
        self._opening: OrderedDict[bytes, AESGCM] = OrderedDict()  # by encrypted data key, the latest used last

    def seal(self, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        """Opens again only with an equal context. Two seals of one plaintext differ.

        Raises: VaultError when KMS gives no data key.
        """
        key = self._sealing_key()
        head = VERSION.to_bytes() + len(key.encrypted).to_bytes(_LENGTH_BYTES) + key.encrypted
        nonce = self._random(_NONCE_BYTES)
        return head + nonce + key.cipher.encrypt(nonce, plaintext, head + _canonical(context))

    def open(self, sealed: bytes, context: Mapping[str, str]) -> bytes:
        """The plaintext, if `sealed` is unchanged and was sealed for this context.

        Raises: VaultError when it was not, or when KMS does not decrypt its data key.
        """
        head, nonce, ciphertext = _parts(sealed)
        cipher = self._opening_key(head[_HEAD_BYTES:])
        try:
            return cipher.decrypt(nonce, ciphertext, head + _canonical(context))
        except InvalidTag as error:
            raise VaultError("this ciphertext was changed, or sealed for another item") from error

    def _sealing_key(self) -> _SealingKey:
        with self._lock:
            if self._sealing is None or not self._sealing.is_usable(self._now()):
                self._sealing = self._make_key()
            self._sealing.uses += 1
            return self._sealing

    def _make_key(self) -> _SealingKey:
        try:
            made = self._kms.generate_data_key(KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=STACK_CONTEXT)
        except (BotoCoreError, ClientError) as error:
            raise VaultError("KMS gave no data key") from error
        key = _SealingKey(AESGCM(made["Plaintext"]), made["CiphertextBlob"], self._now())
        self._remember(key.encrypted, key.cipher)
        return key

    def _opening_key(self, encrypted: bytes) -> AESGCM:
        with self._lock:
            if cipher := self._opening.get(encrypted):
                self._opening.move_to_end(encrypted)
                return cipher
        cipher = self._decrypted(encrypted)  # outside the lock: a slow KMS holds up only those who need this key
        self._remember(encrypted, cipher)
        return cipher

    def _decrypted(self, encrypted: bytes) -> AESGCM:
        try:
            found = self._kms.decrypt(CiphertextBlob=encrypted, KeyId=self._key_id, EncryptionContext=STACK_CONTEXT)
        except (BotoCoreError, ClientError) as error:
            raise VaultError("KMS did not decrypt the data key") from error
        return AESGCM(found["Plaintext"])

    def _remember(self, encrypted: bytes, cipher: AESGCM) -> None:
        with self._lock:
            self._opening[encrypted] = cipher
            self._opening.move_to_end(encrypted)
            while len(self._opening) > MAX_OPENING_KEYS:
                self._opening.popitem(last=False)


def _parts(sealed: bytes) -> tuple[bytes, bytes, bytes]:
    """Head (version, length, encrypted data key), nonce, ciphertext; the head is authenticated as it stands."""
    if not sealed or sealed[0] != VERSION:
        raise VaultError(f"not a version {VERSION} ciphertext")
    end = _HEAD_BYTES + int.from_bytes(sealed[1:_HEAD_BYTES])
    if len(sealed) < end + _NONCE_BYTES:
        raise VaultError("this ciphertext is cut short")
    return sealed[:end], sealed[end : end + _NONCE_BYTES], sealed[end + _NONCE_BYTES :]


def _canonical(context: Mapping[str, str]) -> bytes:
    """Equal contexts give equal bytes, whatever their order; no two others do."""
    return json.dumps(dict(context), sort_keys=True, separators=(",", ":")).encode("ascii")
