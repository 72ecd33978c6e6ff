"""What one run does for one push config: which revisions it tells, in which order, and what is left for another run."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from relay.domain.claim import MAX_POSTS
from relay.domain.keys import ConfigKey
from relay.domain.packing import PackedRevision
from relay.domain.push_config import Cursor, Updates
from relay.domain.task import RevisionHead
from relay.domain.wakeup import DeliveryWakeup, by_subject, timers_of


@dataclass(frozen=True)
class Call:
    """All wake-ups of a batch for one config, reduced to one. `revision` None: look for the newest."""

    key: ConfigKey
    messages: tuple[tuple[str, DeliveryWakeup], ...]

    @property
    def revision(self) -> int | None:
        revisions = [wakeup.revision for _, wakeup in self.messages]
        return None if any(revision is None for revision in revisions) else max(r for r in revisions if r is not None)

    @property
    def timers(self) -> tuple[str, ...]:
        return timers_of(self.messages)

    @property
    def message_ids(self) -> tuple[str, ...]:
        return tuple(message_id for message_id, _ in self.messages)


@dataclass(frozen=True)
class Step:
    """One revision to tell. `revision` None: it is missing from the table. `is_resent`: a redrive asked for it.

    `is_unwanted`: the config's filter leaves it out, so that the cursor goes past it without a POST.
    """

    number: int
    revision: PackedRevision | None
    is_resent: bool = False
    is_unwanted: bool = False


@dataclass(frozen=True)
class Plan:
    """`is_partial`: more is left than one run tells; the rest goes to a new wake-up."""

    steps: tuple[Step, ...] = field(default=())
    is_partial: bool = False


def reduce_calls(messages: Iterable[tuple[str, DeliveryWakeup]]) -> list[Call]:
    """One call per config."""
    return [Call(key, found) for key, found in by_subject(messages, lambda wakeup: wakeup.key).items()]


def reads_up_to(cursor: Cursor, call: Call) -> int | None:
    """The revision a plain wake-up reads to; None: look for the newest, since wake-ups for it may have been acknowledged meanwhile.

    Checked with the model: a config that never waited since it caught up has a wake-up on its way for every later revision.
    """
    looks = call.revision is None or call.timers or cursor.behind_since is not None or cursor.resend
    return None if looks else call.revision


def passed_over(plan: Plan, cursor: Cursor, updates: Updates) -> tuple[Plan, tuple[Step, ...]]:
    """After a failure, and only if it is so wished: the plan without what a newer snapshot in it contains, and what was left out.

    Never left out is a terminal or interrupted state, what a redrive asked for, a revision that is missing, or the newest that is told.
    """
    if not cursor.attempts or updates is not Updates.LATEST_STATE:
        return plan, ()
    told = [step for step in plan.steps if not step.is_unwanted]
    newest = max((step.number for step in told), default=0)
    left_out = tuple(step for step in told if step.number != newest and not step.is_resent and _is_passing(step))
    return Plan(tuple(step for step in plan.steps if step not in left_out), plan.is_partial), left_out


def filtered(plan: Plan, wants: Callable[[RevisionHead], bool]) -> Plan:
    """The plan with what the config does not want marked so; before what it wants it is left out, for the cursor goes past both at once.

    A revision that is missing is told of whatever the filter: nobody knows what it was.
    """
    if all(step.revision is None or wants(step.revision.head) for step in plan.steps):
        return plan
    marked = [replace(step, is_unwanted=step.revision is not None and not wants(step.revision.head)) for step in plan.steps]
    kept = [
        step
        for step, following in zip(marked, [*marked[1:], None], strict=True)
        if not step.is_unwanted or step.is_resent or following is None
    ]
    return Plan(tuple(kept), plan.is_partial)


def _is_passing(step: Step) -> bool:
    """A state on the way: what follows contains it."""
    return step.revision is not None and not (step.revision.head.state.is_terminal or step.revision.head.state.is_interrupted)


def plan_known(cursor: Cursor, last: int, revisions: Mapping[int, PackedRevision]) -> Plan | None:
    """From a batch's read: the revisions past the cursor up to `last`; None: one is missing, so look.

    Only a look tells a gap in the log from a wake-up that is ahead of it: a table restored to an earlier moment gives its numbers again.
    """
    numbers = range(cursor.position + 1, min(last, cursor.position + MAX_POSTS) + 1)
    if any(number not in revisions for number in numbers):
        return None
    return Plan(tuple(Step(number, revisions[number]) for number in numbers), is_partial=last > cursor.position + MAX_POSTS)


def plan_looked(cursor: Cursor, found: Sequence[PackedRevision], resent: Mapping[int, PackedRevision]) -> Plan:
    """After a look at the table: what a redrive asked for, then all that was found past the cursor, with the gaps between."""
    existing = {revision.number: revision for revision in found}
    last = max(existing, default=cursor.position)
    steps = [Step(number, resent.get(number), is_resent=True) for number in cursor.resend]
    steps += [Step(number, existing.get(number)) for number in range(cursor.position + 1, last + 1)]
    return Plan(tuple(steps[:MAX_POSTS]), is_partial=len(steps) > MAX_POSTS)
