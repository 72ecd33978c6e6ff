"""Poll: one question about one followed task, under the credential that its watch has; what goes wrong with it is a value."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from relay import observability
from relay.adapters.table.watches import Watches
from relay.adapters.upstream import NoTurnError
from relay.domain.endings import Trouble, trouble_after
from relay.domain.errors import RelayError, TaskNotFoundError
from relay.domain.forwarding import Headers
from relay.domain.task import Ending, View
from relay.domain.watch import POLL_TIMEOUT, Watch
from relay.use_cases.agent_gate import AgentGate
from relay.use_cases.ask import Ask

_NEXT_TURN = timedelta(seconds=5)  # after a large answer that could not be taken in


@dataclass(frozen=True)
class Polled:
    """A full, fresh view, or what is in its way; and how long the agent is to be left alone at least."""

    view: View | None = None
    trouble: Trouble | None = None
    wait: timedelta = timedelta(0)


class Poll:
    def __init__(self, *, ask: Ask, watches: Watches, gate: AgentGate, now: Callable[[], datetime]) -> None:
        self._ask = ask
        self._gate = gate
        self._watches = watches
        self._now = now

    def __call__(self, watch: Watch) -> Polled:
        """A watch that is paused asks nothing, nor one whose agent is left alone: then it is out of reach for this task too."""
        if watch.is_paused:
            return Polled(trouble=watch.trouble)
        agent = watch.task.agent_key
        if wait := self._gate.wait(agent):
            return Polled(trouble=watch.trouble or Trouble(Ending.UNREACHABLE, self._now()), wait=wait)
        lent = ""
        try:
            self._ask.find(watch.task)  # its card is asked for as the operator: a refusal there says nothing about what was lent
            lent = watch.lent
            view = self._view(watch, self._watches.credential(watch))
            self._gate.learn(agent, None)
            return Polled(view=view)
        except NoTurnError:
            observability.log("large answer put off: others come before it", task=watch.task)
            return Polled(trouble=watch.trouble, wait=_NEXT_TURN)
        except RelayError as error:
            observability.poll_failed(watch.task, error)
            return Polled(trouble=self._trouble(watch, error, lent), wait=self._gate.learn(agent, error))

    def _view(self, watch: Watch, credential: Headers) -> View:
        view = self._ask(watch.task, timeout=POLL_TIMEOUT, credential=credential)
        if view is None:
            raise TaskNotFoundError("The agent does not know the task any more.")
        return view

    def _trouble(self, watch: Watch, error: RelayError, lent: str) -> Trouble:
        trouble = trouble_after(watch.trouble, error, lent=lent, now=self._now())
        if trouble.refused:
            observability.watch_paused(watch.task)
        return trouble
