"""The ownership challenge: which answers prove a receiver, and what the others mean."""

from dataclasses import replace
from datetime import timedelta

import pytest

from relay.domain.challenge import CHALLENGE_HEADER, Challenge
from relay.domain.outcome import Outcome, OutcomeKind, classify
from relay.domain.schedule import RetryRules, retry_delay

NONCE = "pJ2rVn-Qm_8x"
CHALLENGE = Challenge(NONCE)


def answered(status: int, answer: str) -> Outcome:
    return Outcome(classify(status), status=status, retry_after=timedelta(seconds=7), answer=answer, detail="as it was")


def test_nonce_travels_in_a_header_and_in_the_body() -> None:
    assert CHALLENGE.body == b'{"challenge": "pJ2rVn-Qm_8x"}'
    assert (CHALLENGE_HEADER, NONCE) in CHALLENGE.headers
    assert CHALLENGE.webhook_id == "chl_pJ2rVn-Qm_8x"


@pytest.mark.parametrize("status", [200, 202, 299])
@pytest.mark.parametrize(
    "answer", [NONCE, f" {NONCE}\r\n", f'"{NONCE}"', f'{{"challenge":"{NONCE}"}}', f'{{"challenge":"{NONCE}","x":[1]}}']
)
def test_2xx_that_echoes_it_is_a_proof(status: int, answer: str) -> None:
    assert CHALLENGE.judged(answered(status, answer)) is None


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "ok",
        "null",
        "{}",
        "[]",
        f'["{NONCE}"]',
        f"x{NONCE}",
        f"{NONCE}x",
        NONCE[:-1],
        NONCE.upper(),
        f'{{"nonce":"{NONCE}"}}',
        '{"challenge":7}',
        '{"challenge":null}',
        f'{{"challenge":["{NONCE}"]}}',
        "é",
        '"\\ud800"',
        "[" * 1024,
    ],
)
def test_anything_else_is_none(answer: str) -> None:
    judged = CHALLENGE.judged(answered(200, answer))
    assert judged is not None
    assert (judged.kind, judged.status, judged.answer) == (OutcomeKind.UNVERIFIED, 200, answer)
    assert "ownership challenge" in judged.detail


@pytest.mark.parametrize("status", [302, 400, 401, 404, 429, 500, 503])
def test_refusal_is_no_proof_though_it_echoes(status: int) -> None:
    judged = CHALLENGE.judged(answered(status, NONCE))
    assert judged is not None
    assert (judged.kind, judged.status, judged.retry_after) == (OutcomeKind.UNVERIFIED, status, timedelta(seconds=7))


@pytest.mark.parametrize("kind", [OutcomeKind.TIMEOUT, OutcomeKind.CONNECT_ERROR, OutcomeKind.TLS_ERROR, OutcomeKind.BLOCKED_ADDRESS])
def test_where_nobody_answered_the_outcome_is_that(kind: OutcomeKind) -> None:
    outcome = Outcome(kind, detail="as it was")
    assert CHALLENGE.judged(outcome) is outcome


def test_webhook_that_is_gone_is_gone() -> None:
    outcome = answered(410, "")
    assert CHALLENGE.judged(outcome) is outcome


@pytest.mark.parametrize("status", [200, 400, 405, 422])
def test_unverified_is_retried_on_the_normal_schedule_whatever_the_status(status: int) -> None:
    unverified = CHALLENGE.judged(replace(answered(status, ""), retry_after=None))
    assert unverified is not None
    assert retry_delay(1, RetryRules((8,)), is_failing=False, outcome=unverified, jitter=0.5) == timedelta(seconds=4)
    assert retry_delay(2, RetryRules((8,)), is_failing=False, outcome=unverified, jitter=0.5) is None
