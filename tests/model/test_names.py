"""The code's steps bear the model's names: where each phase of the model is in the code, and that nothing is renamed on one side only."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from relay import sqs_event
from relay.adapters.queues import DeadLetterQueue, Queue
from relay.adapters.table.configs import Configs
from relay.adapters.table.cursors import Cursors
from relay.adapters.table.dead_letters import DeadLetters
from relay.adapters.table.receivers import Receivers
from relay.adapters.table.revisions import Revisions
from relay.adapters.table.watches import Watches
from relay.use_cases.ask import Ask
from relay.use_cases.attempt import Attempt
from relay.use_cases.deliver import Deliver
from relay.use_cases.follow_task import FollowTask
from relay.use_cases.forward import Forward
from relay.use_cases.observe import Observe
from relay.use_cases.poll import Poll
from relay.use_cases.receiver_gate import ReceiverGate
from relay.use_cases.redrive import Redrive
from relay.use_cases.tell import Tell
from relay.use_cases.tell_ending import TellEnding
from relay.use_cases.watch import FollowTasks
from tests.model import steps_clients, steps_deliver, steps_operate, steps_watch

Code = Mapping[str, Callable[..., Any]]

DELIVER: Code = {
    "claim": Deliver._claim,
    "read": Deliver._read,
    "start": Tell._start,
    "attempt": Attempt.__call__,
    "learn": ReceiverGate.learn,
    "open": Receivers._open,
    "advance": Tell._advance,
    "hand over": Tell._hand_over,
    "release": Cursors.release,
    "caught up": Cursors.release,
    "timer": Tell._timer,
    "wait": Tell._wait,
    "newest": Revisions.newest,
    "letter": DeadLetters.put,
    "announce": DeadLetterQueue.announce,
    "give up": Cursors.give_up,
    "acknowledge": sqs_event.failures,
}
WATCH: Code = {
    "start": Watches.start,
    "claim": Watches.claim,
    "ask": FollowTasks._ask,
    "asked": Poll.__call__,
    "observe": Observe.__call__,
    "look": FollowTasks._look,
    "tell": TellEnding.__call__,
    "timer": FollowTasks._timer,
    "rest": FollowTasks._rest,
    "end": Watches.end,
    "acknowledge": sqs_event.failures,
}
REDRIVE: Code = {"add": Cursors.add_resend, "watch": Watches.start, "wake": Queue.send, "settle": Redrive._settle}
CLIENTS: Code = {
    "asked": Ask.__call__,
    "answered": Ask.__call__,
    "hint": Forward._hint,
    "put cursor": Cursors.create,
    "put push": Configs.put,
    "get cursor": Cursors.get,
    "follow": FollowTask.__call__,
    "delete cursor": Cursors.delete,
    "delete push": Configs.delete,
}
_STEMS = {"asked": "ask|poll", "answered": "answer|view"}


@pytest.mark.parametrize(
    ("model", "code"), [(steps_deliver, DELIVER), (steps_watch, WATCH), (steps_operate, REDRIVE), (steps_clients, CLIENTS)]
)
def test_each_phase_of_the_model_is_somewhere_in_the_code(model: Any, code: Code) -> None:
    assert set(model._PHASES) == set(code)


@pytest.mark.parametrize(("phase", "step"), [(phase, step) for code in (DELIVER, WATCH, REDRIVE, CLIENTS) for phase, step in code.items()])
def test_the_code_says_the_step_in_the_models_words(phase: str, step: Callable[..., Any]) -> None:
    said = f"{step.__module__} {step.__qualname__} {inspect.getsource(step)}".lower()
    assert [word for word in phase.split() if not re.search(_STEMS.get(word, word), said)] == []
