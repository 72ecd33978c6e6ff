"""Tell: one push config's run through its plan: POST, advance; on failure the timer, then the mark that also ends the claim; give up.

The steps are the model's (tests/model): start, advance, timer, wait, give up. Every write is conditional on the claim.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from relay import observability
from relay.adapters.blobs import BlobMissingError
from relay.adapters.queues import Queue
from relay.adapters.table.cursors import Cursors, Wait
from relay.domain.claim import CLAIM
from relay.domain.delivery import Call, Plan, Step
from relay.domain.outcome import Outcome, OutcomeKind
from relay.domain.packing import PackedRevision
from relay.domain.push_config import Cursor, PushConfig
from relay.domain.schedule import GONE_RECHECK, RetryRules, comes_before, retry_delay
from relay.domain.wakeup import MAX_DELAY, DeliveryWakeup
from relay.use_cases.attempt import Attempt
from relay.use_cases.compose import Compose
from relay.use_cases.copies import Copies
from relay.use_cases.give_up import GiveUp
from relay.use_cases.receiver_gate import ReceiverGate
from relay.use_cases.return_wakeups import ReturnWakeups

_CLAIM_MARGIN = timedelta(seconds=2)  # what a POST's bookkeeping may take beside the POST itself
_RUN_MARGIN = timedelta(seconds=10)  # AWS clients: 3 tries of at most 3 s each
_POSTPONED = "receiver-unavailable"


@dataclass(frozen=True)
class Holding:
    """A claimed config: what the claim answered, under which token, until when."""

    call: Call
    cursor: Cursor
    token: str
    until: datetime


@dataclass
class Run:
    """One config's run through its plan; `ends` is when the rest goes to another run."""

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
    def owes_since(self) -> datetime | None:
        """When the first that is left was observed; None: only what an operator asks for again, which may be days old, is left."""
        left = self.plan.steps[self.place :]
        return next((step.revision.head.arrived_at for step in left if step.revision and not step.is_resent), None)

    @property
    def is_last(self) -> bool:
        return self.place == len(self.plan.steps) - 1

    def go_past(self, position: int) -> None:
        """The step is done with."""
        step = self.plan.steps[self.place]
        resend = tuple(number for number in self.cursor.resend if number != step.number) if step.is_resent else self.cursor.resend
        self.place += 1
        self.cursor = replace(self.cursor, position=position, resend=resend)

    def go_on(self, position: int, until: datetime) -> None:
        """After a success: the config is healed, and the claim renewed."""
        self.go_past(position)
        self.until = until
        self.cursor = replace(self.cursor, attempts=0, attempted=0, is_failing=False, gone_checked=False)


class Tell:
    def __init__(
        self,
        *,
        cursors: Cursors,
        queue: Queue,
        returns: ReturnWakeups,
        compose: Compose,
        attempt: Attempt,
        give_up: GiveUp,
        copies: Copies,
        gate: ReceiverGate,
        rules: RetryRules,
        timeout: timedelta,
        now: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        self._cursors = cursors
        self._queue = queue
        self._return = returns
        self._compose = compose
        self._attempt = attempt
        self._give_up = give_up
        self._copies = copies
        self._gate = gate
        self._rules = rules
        self._timeout = timeout
        self._now = now
        self._random = random
        self.claim_for = max(CLAIM, 2 * timeout)

    def __call__(self, run: Run) -> None:
        """Ends the claim in every case, or leaves it to run out if we die."""
        while run.is_going:
            self._next(run)

    def _next(self, run: Run) -> None:
        step = run.step
        if step is None or not self._has_time(run):
            self._hand_over(run)
        elif step.is_unwanted:
            self._pass_over(run, step)
        elif self._copies.has_ended(run.config):
            run.is_going = False
        elif step.revision is None:
            self._miss(run, step)
        else:
            try:
                self._start(run, step, step.revision)
            except BlobMissingError:
                self._miss(run, step)

    def _miss(self, run: Run, step: Step) -> None:
        """A revision that is not in the table any more, or whose task is not in the bucket."""
        self._give_up.one_that_is_missing(run.config, step.number)
        self._advance(run, step)

    def _pass_over(self, run: Run, step: Step) -> None:
        """The cursor goes past what the config's filter leaves out: no attempt, so nothing is healed by it."""
        position = run.cursor.position if step.is_resent else step.number
        is_last = run.is_last and not run.plan.is_partial
        observability.log("passed over: not among the config's events", config=run.key, revision=step.number)
        if not self._cursors.pass_over(run.key, run.token, position, ends=is_last, resent=step.number if step.is_resent else None):
            self._return(run.holding.call)
            run.is_going = False
        elif is_last:
            run.is_going = False
        else:
            run.go_past(position)

    def _start(self, run: Run, step: Step, revision: PackedRevision) -> None:
        """The POST, if the receiver's breaker lets it through."""
        postponed = None if self._is_last_chance(run) else self._gate.postponed(run.config)
        if postponed is not None:
            self._wait(run, revision, postponed, outcome=_POSTPONED)
            return
        with self._gate.slot(run.config) as is_free:
            told = self._compose(run.config, revision) if is_free else None
            if told is None or not self._has_time(self._renewed(run)):  # the breaker, the slot and the composing took theirs
                self._hand_over(run, delay=timedelta(seconds=1 + self._random()))
                return
            outcome = self._attempt(run.config, told, number=_attempt_number(run.cursor, step), is_resent=step.is_resent)
        self._gate.learn(run.config, outcome)
        if outcome.is_delivered:
            self._advance(run, step)
        else:
            self._fail(run, revision, outcome)

    def _is_last_chance(self, run: Run) -> bool:
        """A config that has waited as long as the whole schedule is not postponed any more: it gets its attempt, or is given up."""
        behind_since = run.cursor.behind_since
        return behind_since is not None and self._now() - behind_since > self._rules_of(run.config).horizon

    def _rules_of(self, config: PushConfig) -> RetryRules:
        return RetryRules(config.retry_policy.schedule) if config.retry_policy else self._rules

    def _has_time(self, run: Run) -> bool:
        """A POST starts only if the claim and the function's remaining time outlast it."""
        now = self._now()
        outlasts = self._outlasts(run, now) and run.remaining() >= self._timeout + _RUN_MARGIN
        return outlasts and (now < run.ends or run.place == 0)

    def _outlasts(self, run: Run, now: datetime) -> bool:
        return run.until - now >= self._timeout + _CLAIM_MARGIN

    def _renewed(self, run: Run) -> Run:
        """Composing a large task may take what the claim had left; unless it is renewed, such a task would never be POSTed."""
        now = self._now()
        until = now + self.claim_for
        if not self._outlasts(run, now) and self._cursors.renew_claim(run.key, run.token, until):
            run.until = until
        return run

    def _advance(self, run: Run, step: Step) -> None:
        """The cursor moves after each success; with the last one the claim ends in the same write."""
        position = run.cursor.position if step.is_resent else step.number
        is_last = run.is_last and not run.plan.is_partial
        until = None if is_last else self._now() + self.claim_for
        resent = step.number if step.is_resent else None
        kept = self._cursors.advance(run.key, run.token, position, until=until, caught_up=is_last, resent=resent)
        if not kept:
            self._return(run.holding.call)
            run.is_going = False
        elif until is None:
            run.is_going = False
        else:
            run.go_on(position, until)

    def _hand_over(self, run: Run, delay: timedelta = timedelta(0)) -> None:
        """The rest goes to a new wake-up, which looks for the newest revision itself; it is sent before the claim ends."""
        self._queue.send(DeliveryWakeup(run.key, group=run.cursor.group), delay)
        self._cursors.release(run.key, run.token, caught_up=False)
        run.is_going = False

    def _fail(self, run: Run, revision: PackedRevision, outcome: Outcome) -> None:
        is_gone, attempts = outcome.kind is OutcomeKind.GONE, run.cursor.attempts + 1
        if is_gone and run.cursor.gone_checked and self._give_up.is_current(run.config):
            run.is_going = False
            if not self._give_up.the_config(run.config, run.cursor, run.token, outcome=outcome.kind.value):
                self._return(run.holding.call)
            return
        delay = GONE_RECHECK if is_gone else self._retry_delay(run, attempts, outcome)
        if delay is None:
            run.is_going = False
            if not self._give_up.all_that_is_left(run.config, run.cursor, run.token, outcome=outcome.kind.value):
                self._return(run.holding.call)
        else:
            self._wait(run, revision, delay, outcome=outcome.kind.value, attempts=attempts, gone_checked=is_gone)

    def _retry_delay(self, run: Run, attempts: int, outcome: Outcome) -> timedelta | None:
        """None: give up; also when the config would have expired by then."""
        cursor, rules = run.cursor, self._rules_of(run.config)
        delay = retry_delay(attempts, rules, is_failing=cursor.is_failing, outcome=outcome, jitter=self._random())
        return delay if delay is not None and comes_before(cursor.expires, delay, self._now()) else None

    def _wait(
        self,
        run: Run,
        revision: PackedRevision,
        delay: timedelta,
        *,
        outcome: str,
        attempts: int | None = None,
        gone_checked: bool | None = None,
    ) -> None:
        """First the timer, then the mark that also ends the claim: the model shows what the other order loses."""
        run.is_going = False
        cursor, (timer, due) = run.cursor, self._timer(run, delay)
        wait = Wait(
            timer,
            due=due,
            attempts=cursor.attempts if attempts is None else attempts,
            behind_since=cursor.behind_since or run.owes_since or self._now(),
            outcome=outcome,
            gone_checked=cursor.gone_checked if gone_checked is None else gone_checked,
            attempted=revision.number,
        )
        if not self._cursors.wait(run.key, run.token, wait):
            self._return(run.holding.call)

    def _timer(self, run: Run, delay: timedelta) -> tuple[str, datetime]:
        """A delayed wake-up with a number of its own: that number, and when it is due. A long one hops."""
        timer, due = uuid4().hex, self._now() + delay
        not_before = due if delay > MAX_DELAY else None
        self._queue.send(DeliveryWakeup(run.key, timer=timer, not_before=not_before, group=run.cursor.group), delay)
        return timer, due


def _attempt_number(cursor: Cursor, step: Step) -> int:
    """The attempt's number within its notification: another revision than the one that failed begins at 1."""
    return cursor.attempts + 1 if cursor.attempted in (0, step.number) else 1
