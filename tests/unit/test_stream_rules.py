from datetime import timedelta

import pytest

from relay.domain.errors import InvalidAgentResponseError, RelayError, UpstreamRefusedError, UpstreamUnavailableError
from relay.domain.stream import CLAIM, HANDOVER, RECONNECTS, RENEW_EVERY, STOP, StreamClaim, is_unsupported, reconnect_pause
from relay.domain.wakeup import StreamWakeup, UnknownMessageError
from tests.support.samples import NOW, SECOND, TASK


def refused(code: int) -> RelayError:
    return UpstreamRefusedError("no", agent_code=code, agent_message="")


@pytest.mark.parametrize("error", [refused(-32601), refused(-32004), InvalidAgentResponseError("HTTP 404")])
def test_agent_that_knows_no_streams_is_told_from_one_that_fails(error: RelayError) -> None:
    assert is_unsupported(error)
    assert not is_unsupported(refused(-32603))
    assert not is_unsupported(UpstreamUnavailableError("away"))


def test_claim_is_believed_until_its_end() -> None:
    assert StreamClaim("t", NOW + SECOND).is_live(NOW)
    assert not StreamClaim("t", NOW).is_live(NOW)


def test_claim_outlasts_two_renewals_that_fail() -> None:
    assert 3 * RENEW_EVERY <= CLAIM


def test_tasks_are_offered_to_others_well_before_they_are_let_go() -> None:
    assert timedelta(seconds=20) < HANDOVER - STOP


def test_pauses_between_connections_grow_and_are_jittered() -> None:
    pauses = [reconnect_pause(failures, 0) for failures in range(RECONNECTS + 1)]
    assert [pause.total_seconds() for pause in pauses] == [0.3, 1, 2]
    assert reconnect_pause(99, 0) == pauses[-1]
    assert reconnect_pause(1, 0.5).total_seconds() == 1.25


def test_wakeup_survives_its_queue() -> None:
    for wakeup in (StreamWakeup(TASK), StreamWakeup(TASK, instead_of="token")):
        assert StreamWakeup.load(wakeup.dump()) == wakeup


@pytest.mark.parametrize("body", ['{"v":2,"kind":"stream","task":[]}', '{"v":1,"kind":"watch","task":[]}', '{"v":1,"kind":"stream"}', "x"])
def test_wakeup_of_another_kind_goes_back(body: str) -> None:
    with pytest.raises(UnknownMessageError):
        StreamWakeup.load(body)
