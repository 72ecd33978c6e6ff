"""List tasks: one agent's tasks whose status has changed are asked for now; a turn of its lister.

It moves as a watch does: claim; list; send the next timer; mark that it waits for it and end the claim; acknowledge. What it selects, each
page's at once, is woken before anything is remembered of it: a turn that dies is done again. It tells nothing itself: a task's own GetTask
does, and that is the agent's last word (design §2: a listed task is a hint).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from relay import observability
from relay.adapters.queues import NotSentError, Queue, Sending
from relay.adapters.table.listers import Listers
from relay.adapters.table.watches import Watches
from relay.adapters.upstream import Lists
from relay.domain import listing as rules
from relay.domain.agent import Agent
from relay.domain.claim import RETURN_DELAY_SECONDS, Verdict
from relay.domain.errors import (
    AgentNotFoundError,
    InvalidAgentResponseError,
    RelayError,
    UpstreamBusyError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from relay.domain.keys import ListKey, TaskKey
from relay.domain.listing import ListCall, Lister, Page
from relay.domain.strategy import Strategy
from relay.domain.wakeup import ListWakeup, WatchWakeup
from relay.domain.watch import Watch
from relay.use_cases.agent_gate import AgentGate
from relay.use_cases.agents import Agents
from relay.use_cases.recall_tasks import RecallTasks
from relay.use_cases.strategies import Strategies

_TURN_TIME = rules.TURN + rules.CALL_TIMEOUT + timedelta(seconds=10)  # and AWS calls with their retries


@dataclass(frozen=True)
class ListTasks:
    """`interval`: between two rounds."""

    agents: Agents
    strategies: Strategies
    lists: Lists
    listers: Listers
    watches: Watches
    gate: AgentGate
    recall_tasks: RecallTasks
    watch_queue: Queue
    interval: timedelta
    now: Callable[[], datetime]
    random: Callable[[], float]

    def __call__(self, call: ListCall, remaining: Callable[[], timedelta]) -> None:
        """Raises what is our own failure; an agent's never is."""
        if remaining() < _TURN_TIME:
            self._return(call)
            return
        now, token = self.now(), uuid4().hex
        claimed, lister = self.listers.claim(call, token, now=now, until=now + rules.CLAIM)
        if claimed and lister is not None:
            self._turn(lister, token)
        elif rules.refused(lister, call.timers, now) is Verdict.RETURN:
            self._return(call)

    def _turn(self, lister: Lister, token: str) -> None:
        key = lister.key
        if lister.recalls:
            self._recall(lister, token)
            return
        if lister.wanted_until <= self.now() and self.listers.end(key, token, unless_wanted_after=self.now()):
            observability.log("lister ended", agent_key=key.agent)
            return
        if wait := self.gate.wait(key.agent):
            self._rest(lister, token, wait=wait)
            return
        try:
            agent = self._agent(key)
            if agent is None:
                self._end(lister, token)
                return
            after = self._round(lister, agent)
        except RelayError as error:
            self._trouble(lister, token, error)
            return
        self.gate.learn(key.agent, None)
        if lister.good_until is None:
            observability.strategy_begun(key.agent, Strategy.LIST)
        self._rest(after, token, is_good=True)

    def _agent(self, key: ListKey) -> Agent | None:
        """None: its tasks are not to be listed any more. Raises: UpstreamUnavailableError when its card cannot be read."""
        try:
            agent = self.agents.find(key.agent)
            return agent if self.strategies.may_list(key.agent) else None
        except AgentNotFoundError:
            return None
        except RelayError as error:
            raise UpstreamUnavailableError("The agent's card cannot be read.") from error

    def _round(self, lister: Lister, agent: Agent) -> Lister:
        """As many pages as there is time for. Raises: RelayError."""
        if lister.mark is None:
            first = self._page(lister, agent, since=None, token="")
            if agent.follow is None and not any(not watch.lent for watch in self._followed(lister.key, first).values()):
                raise InvalidAgentResponseError("The agent's ListTasks shows none of the tasks that are followed.")
            lister = lister.marked(first)
        until, under_way = self.now() + rules.TURN, lister.begun(self.now())
        while True:
            page = self._page(lister, agent, since=under_way.since, token=under_way.token)
            under_way = under_way.after(page)
            self._select(lister.key, page)
            if under_way.is_over or self.now() >= until:
                return lister.after(under_way)

    def _page(self, lister: Lister, agent: Agent, *, since: datetime | None, token: str) -> Page:
        endpoint = agent.endpoint
        return self.lists.page(
            endpoint,
            tenant=lister.key.tenant,
            since=since,
            token=token,
            headers=agent.own_call_headers(),
            hidden=agent.hidden,
        )

    def _select(self, key: ListKey, page: Page) -> None:
        listed = {task.task_id: task for task in page.tasks}
        selected = [task for task, watch in self._followed(key, page).items() if rules.selects(listed[task.task_id], watch)]
        if not selected:
            return
        if self.watch_queue.send_all([Sending(WatchWakeup(task, asked_at=page.asked_at)) for task in selected]):
            raise NotSentError("SQS did not take every wake-up of a list")
        observability.log("tasks selected by list", agent_key=key.agent, count=len(selected))

    def _followed(self, key: ListKey, page: Page) -> dict[TaskKey, Watch]:
        """A task that nobody follows has no watch."""
        return self.watches.of_tasks(TaskKey(*key.agent, key.tenant, task.task_id) for task in page.tasks)

    def _trouble(self, lister: Lister, token: str, error: RelayError) -> None:
        """An agent that cannot be reached may be so for a moment; one that answers something else has no lists.

        Its tasks' own polls find out whether it is there at all: of them only what it says by itself, that it is busy, is heard.
        """
        agent, failures = lister.key.agent, lister.failures + 1
        observability.list_failed(agent, error)
        may_pass = isinstance(error, UpstreamUnavailableError | UpstreamTimeoutError)
        if not may_pass or failures >= rules.TROUBLES:
            self.strategies.give_up(agent, Strategy.LIST, reason=error.message)
            self._end(lister, token)
            return
        wait = self.gate.learn(agent, error) if isinstance(error, UpstreamBusyError) else timedelta(0)
        self._rest(replace(lister, failures=failures), token, wait=wait)

    def _end(self, lister: Lister, token: str) -> None:
        """Tasks that count on it may rest for long: they are recalled, once nobody can take it for a good one any more."""
        if lister.good_until is None:
            self.listers.end(lister.key, token)
        else:
            self._rest(lister.recalling(), token, wait=rules.RECALL_AFTER)

    def _recall(self, lister: Lister, token: str) -> None:
        """Those that were recalled are polled before it looks whether there are others."""
        if wait := self.recall_tasks(lister.key):
            self._rest(lister, token, wait=wait)
        else:
            self.listers.end(lister.key, token)

    def _rest(self, lister: Lister, token: str, *, wait: timedelta = timedelta(0), is_good: bool = False) -> None:
        """First the timer, then the mark that also ends the claim. A round that is under way goes on at once."""
        delay = max(timedelta(0) if is_good and lister.round else self.interval, wait)
        timer, due = uuid4().hex, self.now() + delay
        self.watch_queue.send(ListWakeup(lister.key, timer), delay)
        good_until = due + rules.OVERDUE if is_good else lister.good_until
        self.listers.rest(replace(lister, good_until=good_until), token, timer=timer, due=due)

    def _return(self, call: ListCall) -> None:
        """A fresh copy comes back in a moment: whoever has the claim may die."""
        shortest, longest = RETURN_DELAY_SECONDS
        for wakeup in dict.fromkeys(wakeup for _, wakeup in call.messages):
            self.watch_queue.send(wakeup, timedelta(seconds=shortest + (longest - shortest) * self.random()))
