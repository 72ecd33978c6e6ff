import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from relay.adapters.signing_keys import MIN_TEXT_LENGTH, SigningKeyError, SigningKeys

ONE, OTHER = "1" * 64, "2" * 64


def public(text: str) -> list[str]:
    return [key.public.hex() for key in SigningKeys(lambda: text).live()]


def test_a_text_is_the_same_key_in_every_release() -> None:
    assert public(ONE) == ["aa19d66ae9408ae0b27e615acce6a8e7675c5d6e74df2bf915c534b2c1682a88"]


def test_a_key_signs_what_its_public_half_verifies() -> None:
    (key,) = SigningKeys(lambda: ONE).live()
    Ed25519PublicKey.from_public_bytes(key.public).verify(key.sign(b"body"), b"body")


@pytest.mark.parametrize("text", [f"{ONE} {OTHER}", f"\n{ONE}\t\r\n{OTHER}\n", f"{ONE} {OTHER} {ONE}"])
def test_texts_between_white_space_are_keys_in_their_order_each_once(text: str) -> None:
    assert public(text) == public(ONE) + public(OTHER)


def test_a_secret_that_is_not_there_has_no_keys() -> None:
    assert public("") == []


def test_a_blank_secret_is_refused() -> None:
    with pytest.raises(SigningKeyError, match="blank"):
        public(" \n")


def test_a_text_that_could_be_guessed_is_refused_without_being_quoted() -> None:
    guessable = "hunter2".ljust(MIN_TEXT_LENGTH - 1, "!")
    with pytest.raises(SigningKeyError, match="text 2 ") as raised:
        public(f"{ONE} {guessable}")
    assert "hunter2" not in str(raised.value)


def test_keys_are_made_anew_only_when_the_secret_has_changed() -> None:
    texts = [ONE]
    keys = SigningKeys(lambda: texts[-1])
    first = keys.live()
    assert keys.live() is first
    texts.append(f"{OTHER} {ONE}")
    assert [key.public.hex() for key in keys.live()] == public(OTHER) + public(ONE)
