"""What deliver's steps share: who holds a claim, and what follows when it was lost."""

from tests.model.rules import Rules, send, set_run
from tests.model.state import NO_CLAIM, Cursor, Run, State


def holds(cursor: Cursor, worker: int, rules: Rules) -> bool:
    """The condition `claim = :token AND attribute_exists(claim_until)`: a claim that ran out counts until somebody takes it."""
    return (cursor.holder == worker + 1 and cursor.until != NO_CLAIM) or rules.wrong == "no-claim"


def acknowledging(s: State, run: Run) -> Run:
    """The last step: only a death before it makes a difference."""
    return Run("acknowledge", run.config, run.messages) if s.left.crashes else Run()


def lost(s: State, worker: int, run: Run, rules: Rules) -> State:
    """A refused write returns the wake-ups: fresh copies, then the acknowledgement."""
    returned = s if rules.wrong == "drop-lost" else send(s, *dict.fromkeys(run.messages))
    return set_run(returned, worker, Run())
