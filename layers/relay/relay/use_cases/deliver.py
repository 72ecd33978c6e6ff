"""Deliver: claim a push config, read the revisions past its cursor, POST them in order, move the cursor.

A first attempt, a retry, a redrive and a replay are the same code on the same path. The steps are the model's
(shared/model/cursor_model.py): claim, read, start, advance; on failure timer, then wait; at the end give up; acknowledge or return.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import uuid4

from relay import observability
from relay.adapters.queues import Queue
from relay.adapters.table.batch import BatchReader, Found, Read
from relay.adapters.table.cursors import Cursors, Wait
from relay.adapters.table.revisions import Revisions
from relay.adapters.webhook import WebhookClient
from relay.domain.claim import CLAIM, MAX_POSTS, MAX_RUN, RETURN_DELAY_SECONDS, Verdict, refused
from relay.domain.delivery import Call, Plan, Step, plan_known, plan_looked, reads_up_to, reduce_calls
from relay.domain.keys import ConfigKey
from relay.domain.outcome import Outcome, OutcomeKind
from relay.domain.push_config import Cursor, PushConfig
from relay.domain.schedule import GONE_RECHECK, retry_delay
from relay.domain.task import Revision
from relay.domain.wakeup import MAX_DELAY, DeliveryWakeup, next_hop
from relay.use_cases.attempt import Attempt
from relay.use_cases.give_up import GiveUp

T = TypeVar("T")

_CLAIM_MARGIN = timedelta(seconds=2)  # what a POST's bookkeeping may take beside the POST itself
_RUN_MARGIN = timedelta(seconds=10)  # AWS clients: 3 tries of at most 3 s each


@dataclass(frozen=True)
class Holding:
    """A claimed config: what the claim answered, under which token, until when."""

    call: Call
    cursor: Cursor
    token: str
    until: datetime


class Deliver:
    def __init__(
        self,
        *,
        client: WebhookClient,
        reader: BatchReader,
        cursors: Cursors,
        revisions: Revisions,
        queue: Queue,
        attempt: Attempt,
        give_up: GiveUp,
        timeout: timedelta,
        schedule: Sequence[float],
        now: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        self._client = client
        self._reader = reader
        self._cursors = cursors
        self._revisions = revisions
        self._queue = queue
        self._attempt = attempt
        self._give_up = give_up
        self._timeout = timeout
        self._schedule = schedule
        self._claim_for = max(CLAIM, 2 * timeout)
        self._now = now
        self._random = random

    def __call__(self, messages: Sequence[tuple[str, DeliveryWakeup]], *, remaining: Callable[[], timedelta]) -> list[str]:
        """The ids of the messages that must come back because we failed; a receiver's failure is never among them.

        All configs of the batch are worked on at the same time. `remaining`: how long this function may still run.
        """
        self._attempt.prepare()
        failed: list[str] = []
        now = self._now()
        early = [(message_id, wakeup) for message_id, wakeup in messages if next_hop(wakeup, now)]
        due = [(message_id, wakeup) for message_id, wakeup in messages if not next_hop(wakeup, now)]
        for _, wakeup in early:
            self._queue.send(wakeup, next_hop(wakeup, now))  # a longer wait hops; this is no attempt
        holdings = self._run([(call, partial(self._claim, call)) for call in reduce_calls(due)], failed)
        found = self._read([holding for _, holding in holdings if holding])
        work = [(call, partial(self._work, holding, found[call.key], remaining)) for call, holding in holdings if holding]
        self._run(work, failed)
        return failed

    def _run(self, jobs: Sequence[tuple[Call, Callable[[], T]]], failed: list[str]) -> list[tuple[Call, T]]:
        """Runs all at the same time; what we could not do comes back by its messages. Anything but an Exception ends the function."""
        done: list[tuple[Call, T]] = []
        for (call, _), result in zip(jobs, self._client.run([job for _, job in jobs]), strict=True):
            if isinstance(result, Exception):
                observability.delivery_failed(call.key, result)
                failed.extend(call.message_ids)
            elif isinstance(result, BaseException):
                raise result
            else:
                done.append((call, result))
        return done

    def _claim(self, call: Call) -> Holding | None:
        """None: nothing to do, or the claim is taken and the wake-ups went back."""
        token, now = uuid4().hex, self._now()
        until = now + self._claim_for
        claimed, cursor = self._cursors.claim(call.key, token, now=now, until=until, timers=call.timers, revision=call.revision)
        if claimed and cursor is not None:
            return Holding(call, cursor, token, until)
        if refused(cursor, revision=call.revision, timers=call.timers, now=now) is Verdict.RETURN:
            self._return(call)
        return None

    def _read(self, holdings: Sequence[Holding]) -> dict[ConfigKey, Read]:
        """One batch for all: each config, and the revisions of those that need not look for the newest."""
        return self._reader.read((holding.call.key, _known_numbers(holding)) for holding in holdings)

    def _work(self, holding: Holding, read: Read, remaining: Callable[[], timedelta]) -> None:
        found = self._reader.open(read)
        if found.config is None:  # deleted meanwhile, or its registration has not been committed yet
            self._cursors.release(holding.call.key, holding.token, caught_up=False)
            return
        plan = self._plan(holding, found)
        if not plan.steps:
            self._cursors.release(holding.call.key, holding.token, caught_up=True)
            return
        run = _Run(config=found.config, holding=holding, plan=plan, ends=self._now() + MAX_RUN, remaining=remaining)
        while run.is_going:
            self._tell(run)

    def _plan(self, holding: Holding, found: Found) -> Plan:
        last = reads_up_to(holding.cursor, holding.call)
        if last is not None:
            return plan_known(holding.cursor, last, found.revisions)
        task, cursor = holding.call.key.task, holding.cursor
        resent = self._revisions.read([(task, number) for number in cursor.resend[: MAX_POSTS + 1]]) if cursor.resend else {}
        following = self._revisions.after(task, cursor.position, limit=MAX_POSTS + 1)
        return plan_looked(cursor, following, {number: revision for (_, number), revision in resent.items()})

    def _tell(self, run: "_Run") -> None:
        """One step of the plan: start the POST, then advance, or timer and wait."""
        step = run.step
        if step is None or not self._has_time(run):
            self._hand_over(run)
        elif step.revision is None:
            self._give_up.one_that_is_missing(run.config, step.number)
            self._advance(run, step)
        else:
            made = self._attempt(run.config, step.revision, number=run.cursor.attempts + 1, is_resent=step.is_resent)
            if made.outcome.is_delivered:
                self._advance(run, step)
            else:
                self._fail(run, step.revision, made.outcome)

    def _has_time(self, run: "_Run") -> bool:
        """A POST starts only if the claim and the function's remaining time outlast it."""
        now = self._now()
        outlasts = run.until - now >= self._timeout + _CLAIM_MARGIN and run.remaining() >= self._timeout + _RUN_MARGIN
        return outlasts and now < run.ends

    def _advance(self, run: "_Run", step: Step) -> None:
        """The cursor moves after each success; with the last one the claim ends in the same write."""
        position = run.cursor.position if step.is_resent else step.number
        is_last = run.is_last and not run.plan.is_partial
        until = None if is_last else self._now() + self._claim_for
        resent = step.number if step.is_resent else None
        kept = self._cursors.advance(run.key, run.token, position, until=until, caught_up=is_last, resent=resent)
        if not kept:
            self._return(run.holding.call)
            run.is_going = False
        elif until is None:
            run.is_going = False
        else:
            run.go_on(position, until)

    def _hand_over(self, run: "_Run") -> None:
        """The rest goes to a new wake-up, which looks for the newest revision itself; it is sent before the claim ends."""
        self._queue.send(DeliveryWakeup(run.key, group=run.cursor.group))
        self._cursors.release(run.key, run.token, caught_up=False)
        run.is_going = False

    def _fail(self, run: "_Run", revision: Revision, outcome: Outcome) -> None:
        """First the timer, then the mark that also ends the claim: the model shows what the other order loses."""
        run.is_going = False
        is_gone, attempts = outcome.kind is OutcomeKind.GONE, run.cursor.attempts + 1
        if is_gone and run.cursor.gone_checked:
            self._give_up.the_config(run.config, run.cursor, outcome=outcome.kind.value)
            return
        delay = GONE_RECHECK if is_gone else self._retry_delay(run.cursor, attempts, outcome)
        if delay is None:
            kept = self._give_up.all_that_is_left(run.config, run.cursor, run.token, outcome=outcome.kind.value)
        else:
            timer = self._send_timer(run, delay)
            behind_since = run.cursor.behind_since or revision.view.arrived_at
            due = self._now() + delay
            wait = Wait(timer, due=due, attempts=attempts, behind_since=behind_since, outcome=outcome.kind.value, gone_checked=is_gone)
            kept = self._cursors.wait(run.key, run.token, wait)
        if not kept:
            self._return(run.holding.call)

    def _retry_delay(self, cursor: Cursor, attempts: int, outcome: Outcome) -> timedelta | None:
        return retry_delay(attempts, self._schedule, is_failing=cursor.is_failing, retry_after=outcome.retry_after, jitter=self._random())

    def _send_timer(self, run: "_Run", delay: timedelta) -> str:
        timer = uuid4().hex
        not_before = self._now() + delay if delay > MAX_DELAY else None
        self._queue.send(DeliveryWakeup(run.key, timer=timer, not_before=not_before, group=run.cursor.group), delay)
        return timer

    def _return(self, call: Call) -> None:
        """A fresh copy comes back in a moment; never by visibility or batch failure, which would spend the receive count."""
        shortest, longest = RETURN_DELAY_SECONDS
        for wakeup in dict.fromkeys(wakeup for _, wakeup in call.messages):
            self._queue.send(wakeup, timedelta(seconds=shortest + (longest - shortest) * self._random()))
        observability.wakeup_returned(call.key)


@dataclass
class _Run:
    """One config's run through its plan."""

    config: PushConfig
    holding: Holding
    plan: Plan
    ends: datetime
    remaining: Callable[[], timedelta]
    place: int = 0
    is_going: bool = True

    def __post_init__(self) -> None:
        self.key, self.token = self.holding.call.key, self.holding.token
        self.cursor, self.until = self.holding.cursor, self.holding.until

    @property
    def step(self) -> Step | None:
        return self.plan.steps[self.place] if self.place < len(self.plan.steps) else None

    @property
    def is_last(self) -> bool:
        return self.place == len(self.plan.steps) - 1

    def go_on(self, position: int, until: datetime) -> None:
        """After a success: the config is healed, and the claim renewed."""
        self.place += 1
        self.until = until
        resend = tuple(number for number in self.cursor.resend if number != self.plan.steps[self.place - 1].number)
        self.cursor = replace(self.cursor, position=position, resend=resend, attempts=0, is_failing=False, gone_checked=False)


def _known_numbers(holding: Holding) -> Sequence[int]:
    last, position = reads_up_to(holding.cursor, holding.call), holding.cursor.position
    return range(position + 1, min(last, position + MAX_POSTS) + 1) if last is not None else ()
