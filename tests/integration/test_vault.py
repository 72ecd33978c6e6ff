from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
import pytest

from relay.adapters import vault
from relay.adapters.vault import Vault, VaultError

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

CONTEXT = {"owner": "me", "agent": "default", "tenant": "", "task_id": "task-1", "config": "config-1"}
PLAINTEXT = b'{"token":"plain-t0ken"}'


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


class Calls(list[str]):
    """The names of the operations that went to KMS."""

    def __init__(self, client: "KMSClient") -> None:
        super().__init__()
        client.meta.events.register("before-call.kms", lambda model, **_: self.append(model.name))


@pytest.fixture
def kms(aws: None) -> "KMSClient":
    return boto3.client("kms")


@pytest.fixture
def key_id(kms: "KMSClient") -> str:
    return kms.create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def calls(kms: "KMSClient", key_id: str) -> Calls:
    return Calls(kms)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def new_vault(kms: "KMSClient", key_id: str, clock: Clock) -> Callable[[], Vault]:
    """Each one is another process: nothing cached."""
    return lambda: Vault(kms, key_id, now=clock)


@pytest.fixture
def the_vault(new_vault: Callable[[], Vault]) -> Vault:
    return new_vault()


def test_what_was_sealed_opens_in_another_process(new_vault: Callable[[], Vault]) -> None:
    assert new_vault().open(new_vault().seal(PLAINTEXT, CONTEXT), CONTEXT) == PLAINTEXT


def test_nothing_of_the_plaintext_shows(the_vault: Vault) -> None:
    sealed = the_vault.seal(PLAINTEXT, CONTEXT)
    assert b"t0ken" not in sealed
    assert sealed[0] == vault.VERSION


def test_the_same_plaintext_is_sealed_differently_each_time(the_vault: Vault) -> None:
    assert len({the_vault.seal(PLAINTEXT, CONTEXT) for _ in range(20)}) == 20


def test_an_empty_plaintext_can_be_sealed(the_vault: Vault) -> None:
    assert the_vault.open(the_vault.seal(b"", CONTEXT), CONTEXT) == b""


@pytest.mark.parametrize("part", list(CONTEXT))
def test_a_ciphertext_moved_to_another_item_does_not_open(the_vault: Vault, part: str) -> None:
    sealed = the_vault.seal(PLAINTEXT, CONTEXT)
    with pytest.raises(VaultError):
        the_vault.open(sealed, CONTEXT | {part: "other"})


def test_parts_of_a_context_cannot_be_shifted_into_each_other(the_vault: Vault) -> None:
    sealed = the_vault.seal(PLAINTEXT, {"a": 'x","b":"y'})
    with pytest.raises(VaultError):
        the_vault.open(sealed, {"a": "x", "b": "y"})


def test_order_of_the_context_does_not_matter(the_vault: Vault) -> None:
    sealed = the_vault.seal(PLAINTEXT, CONTEXT)
    assert the_vault.open(sealed, dict(reversed(CONTEXT.items()))) == PLAINTEXT


def test_any_changed_byte_and_any_cut_is_noticed(new_vault: Callable[[], Vault]) -> None:
    the_vault = new_vault()
    sealed = the_vault.seal(PLAINTEXT, CONTEXT)
    changed = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    for wrong in [*changed, *(sealed[:length] for length in range(len(sealed))), sealed + b"x"]:
        with pytest.raises(VaultError):
            the_vault.open(wrong, CONTEXT)


def test_errors_hold_nothing_secret(the_vault: Vault) -> None:
    with pytest.raises(VaultError) as raised:
        the_vault.open(the_vault.seal(PLAINTEXT, CONTEXT), {})
    assert "t0ken" not in repr(raised.value) + repr(raised.value.__cause__)


def test_five_minutes_of_sealing_and_opening_cost_one_call_to_kms(the_vault: Vault, calls: Calls, clock: Clock) -> None:
    for second in range(0, 300, 10):
        clock.time += timedelta(seconds=10 if second else 0)
        assert the_vault.open(the_vault.seal(PLAINTEXT, CONTEXT), CONTEXT) == PLAINTEXT
    assert calls == ["GenerateDataKey"]


def test_after_five_minutes_a_new_data_key_seals(the_vault: Vault, calls: Calls, clock: Clock) -> None:
    old = the_vault.seal(PLAINTEXT, CONTEXT)
    clock.time += vault.MAX_KEY_AGE
    new = the_vault.seal(PLAINTEXT, CONTEXT)
    assert calls == ["GenerateDataKey", "GenerateDataKey"]
    assert [the_vault.open(sealed, CONTEXT) for sealed in (old, new)] == [PLAINTEXT, PLAINTEXT]


def test_a_clock_that_was_set_back_does_not_keep_a_data_key(the_vault: Vault, calls: Calls, clock: Clock) -> None:
    the_vault.seal(PLAINTEXT, CONTEXT)
    clock.time -= timedelta(days=1)
    the_vault.seal(PLAINTEXT, CONTEXT)
    assert calls == ["GenerateDataKey", "GenerateDataKey"]


def test_a_data_key_seals_a_bounded_number_of_times(the_vault: Vault, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "MAX_KEY_USES", 3)
    for _ in range(7):
        the_vault.seal(PLAINTEXT, CONTEXT)
    assert calls == ["GenerateDataKey"] * 3


def test_a_data_key_is_decrypted_once_for_many_secrets(new_vault: Callable[[], Vault], calls: Calls) -> None:
    writer, reader = new_vault(), new_vault()
    sealed = [writer.seal(PLAINTEXT, CONTEXT) for _ in range(10)]
    assert {reader.open(each, CONTEXT) for each in sealed} == {PLAINTEXT}
    assert calls == ["GenerateDataKey", "Decrypt"]


def test_of_too_many_data_keys_the_one_unused_for_longest_is_forgotten(
    new_vault: Callable[[], Vault], calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault, "MAX_OPENING_KEYS", 2)
    first, second, third = (new_vault().seal(PLAINTEXT, CONTEXT) for _ in range(3))
    calls.clear()
    reader = new_vault()
    for sealed in (first, second, first, third, first):
        reader.open(sealed, CONTEXT)
    assert calls == ["Decrypt"] * 3
    reader.open(second, CONTEXT)
    assert calls == ["Decrypt"] * 4


def test_threads_share_one_data_key(the_vault: Vault, calls: Calls) -> None:
    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(lambda _: the_vault.seal(PLAINTEXT, CONTEXT), range(40)))
        assert set(pool.map(lambda each: the_vault.open(each, CONTEXT), sealed)) == {PLAINTEXT}
    assert calls == ["GenerateDataKey"]


def test_kms_sees_the_stack_s_context_and_no_part_of_an_item(the_vault: Vault, kms: "KMSClient") -> None:
    sealed = the_vault.seal(PLAINTEXT, CONTEXT)
    length = int.from_bytes(sealed[1:3])
    data_key = kms.decrypt(CiphertextBlob=sealed[3 : 3 + length], EncryptionContext=vault.STACK_CONTEXT)["Plaintext"]
    assert len(data_key) == 32
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(CiphertextBlob=sealed[3 : 3 + length], EncryptionContext={"service": "another"})


def test_randomness_comes_from_outside(kms: "KMSClient", key_id: str) -> None:
    sealed = Vault(kms, key_id, random=lambda count: b"n" * count).seal(PLAINTEXT, CONTEXT)
    assert b"n" * 12 in sealed


def test_a_key_that_kms_does_not_have_is_an_error_of_the_vault(kms: "KMSClient", the_vault: Vault, key_id: str) -> None:
    sealed = the_vault.seal(PLAINTEXT, CONTEXT)
    missing = Vault(kms, "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000")
    with pytest.raises(VaultError, match="no data key"):
        missing.seal(PLAINTEXT, CONTEXT)
    with pytest.raises(VaultError, match="did not decrypt"):
        missing.open(sealed, CONTEXT)


def test_a_version_of_the_future_is_refused_not_guessed(the_vault: Vault) -> None:
    with pytest.raises(VaultError, match="version"):
        the_vault.open(b"\x02" + the_vault.seal(PLAINTEXT, CONTEXT)[1:], CONTEXT)
