"""Deliver: claim a push config, read the revisions past its cursor, POST them in order, move the cursor.

A first attempt, a retry, a redrive and a replay are the same code on the same path. The steps are the model's (tests/model): claim, read,
then what `tell` does, then acknowledge or return.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import uuid4

from relay import observability
from relay.adapters.table.batch import BatchReader, Found, Read
from relay.adapters.table.cursors import Cursors
from relay.adapters.table.revisions import Revisions
from relay.adapters.webhook import at_once
from relay.domain.claim import MAX_POSTS, MAX_RUN, Verdict, refused
from relay.domain.delivery import Call, Plan, filtered, passed_over, plan_known, plan_looked, reads_up_to, reduce_calls
from relay.domain.evo_ai import wants
from relay.domain.keys import ConfigKey
from relay.domain.push_config import Updates
from relay.domain.wakeup import DeliveryWakeup, next_hop
from relay.use_cases.attempt import Attempt
from relay.use_cases.return_wakeups import ReturnWakeups
from relay.use_cases.tell import Holding, Run, Tell

T = TypeVar("T")


class Deliver:
    def __init__(
        self,
        *,
        reader: BatchReader,
        cursors: Cursors,
        revisions: Revisions,
        returns: ReturnWakeups,
        attempt: Attempt,
        tell: Tell,
        updates: Updates,
        now: Callable[[], datetime],
    ) -> None:
        self._reader = reader
        self._cursors = cursors
        self._revisions = revisions
        self._return = returns
        self._attempt = attempt
        self._tell = tell
        self._updates = updates
        self._now = now

    def __call__(self, messages: Sequence[tuple[str, DeliveryWakeup]], *, remaining: Callable[[], timedelta]) -> list[str]:
        """The ids of the messages that must come back because we failed; a receiver's failure is never among them.

        All configs of the batch are worked on at the same time; several batches may be, too, all within a run of the HTTP client.
        `remaining`: how long this function may still run.
        """
        self._attempt.prepare()
        failed: list[str] = []
        now = self._now()
        early = [(message_id, wakeup) for message_id, wakeup in messages if next_hop(wakeup, now)]
        due = [(message_id, wakeup) for message_id, wakeup in messages if not next_hop(wakeup, now)]
        self._return.hop([wakeup for _, wakeup in early], now)
        holdings = self._run([(call, partial(self._claim, call)) for call in reduce_calls(due)], failed)
        found = self._read([holding for _, holding in holdings if holding])
        work = [(call, partial(self._work, holding, found[call.key], remaining)) for call, holding in holdings if holding]
        self._run(work, failed)
        return failed

    def _run(self, jobs: Sequence[tuple[Call, Callable[[], T]]], failed: list[str]) -> list[tuple[Call, T]]:
        """Runs all at the same time; what we could not do comes back by its messages. Anything but an Exception ends the function."""
        done: list[tuple[Call, T]] = []
        for (call, _), result in zip(jobs, at_once([job for _, job in jobs]), strict=True):
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
        until = now + self._tell.claim_for
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
        plan = filtered(self._plan(holding, found), partial(wants, found.config.events))
        plan, left_out = passed_over(plan, holding.cursor, found.config.updates or self._updates)
        for step in left_out:
            observability.log("passed over: a newer notification contains it", config=holding.call.key, revision=step.number)
        if not plan.steps:
            self._cursors.release(holding.call.key, holding.token, caught_up=True)
            return
        self._tell(Run(config=found.config, holding=holding, plan=plan, ends=self._now() + MAX_RUN, remaining=remaining))

    def _plan(self, holding: Holding, found: Found) -> Plan:
        last = reads_up_to(holding.cursor, holding.call)
        if last is not None and (plan := plan_known(holding.cursor, last, found.revisions)):
            return plan
        task, cursor = holding.call.key.task, holding.cursor
        resent = self._revisions.read([(task, number) for number in cursor.resend[: MAX_POSTS + 1]]) if cursor.resend else {}
        following = self._revisions.after(task, cursor.position, limit=MAX_POSTS + 1)
        return plan_looked(cursor, following, {number: revision for (_, number), revision in resent.items()})


def _known_numbers(holding: Holding) -> Sequence[int]:
    last, position = reads_up_to(holding.cursor, holding.call), holding.cursor.position
    return range(position + 1, min(last, position + MAX_POSTS) + 1) if last is not None else ()
