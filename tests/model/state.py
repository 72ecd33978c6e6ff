"""What the model knows at one moment: the table, the stream, the queues, every process, what may still go wrong.

All of it is immutable and compares by value. Fields marked *seen* are the observer's own notes: no step of the protocol reads them.
"""

from typing import NamedTuple

IDLE = "idle"
LOOK, PLAIN, TIMER = "look", "plain", "timer"  # wake-ups of the delivery queue
START, HINT = "start", "hint"  # with TIMER, wake-ups of the watch queue
NO_CLAIM, HELD, RAN_OUT = 0, 1, 2  # where a claim's `claim_until` lies
DEAD = 9  # the holder of a claim whose worker died
OPEN, OVER = 1, 2  # a breaker's pause, and that it has ended
BY_WAIT, BY_REDRIVE = 1, 2  # why a config is in the sparse index

Revisions = frozenset[int]
NONE: Revisions = frozenset()


class Wakeup(NamedTuple):
    """For one config. `number`: a plain one's revision, a timer's own number."""

    kind: str
    config: int
    number: int = 0


class WatchWakeup(NamedTuple):
    """For the task's watch. `number`: a timer's own; `asked`: when a hint was sent, 0 for one that nothing has answered yet."""

    kind: str
    number: int = 0
    asked: int = 0


class Record(NamedTuple):
    """One of the table's stream: a revision (`config` is -1), or a push config put or removed (`number` is 0)."""

    config: int
    number: int = 0
    is_removal: bool = False


class Letter(NamedTuple):
    """A dead letter. `written` tells two with the same key apart, as `written_at` does."""

    first: int
    last: int
    written: int
    asked_to: int = 0  # a redrive has asked for those up to it


class Cursor(NamedTuple):
    """The CURSOR# item. `life`: which registration made it."""

    position: int
    life: int
    holder: int = 0
    until: int = NO_CLAIM
    waits: int = 0
    is_overdue: bool = False
    indexed: int = 0
    attempts: int = 0
    is_behind: bool = False
    is_failing: bool = False
    resend: tuple[int, ...] = ()


class Config(NamedTuple):
    """One push config: its two items, its dead letters, and what was seen of it."""

    cursor: Cursor | None = None
    push: bool = False
    letters: tuple[Letter, ...] = ()
    lives: int = 0  # seen: how often a cursor was created
    start: int = 0  # seen: everything past it is owed
    posted: Revisions = NONE  # seen: accepted by the receiver
    announced: Revisions = NONE  # seen: a message on the dead-letter queue has told of them
    excused: Revisions = NONE  # seen: given up, and left out by a redrive of the newest only
    replayed: Revisions = NONE  # seen: asked for by a replay, and not accepted again since
    tries: int = 0  # seen: POSTs that have failed since the cursor moved; only where there is a breaker
    last_started: int = 0  # seen: the newest revision whose POST has started, redriven ones aside
    extra: int = 0  # seen: POSTs of what the receiver had already accepted, redriven ones aside
    is_deleting: bool = False  # seen: a delete has begun, and no registration was under way or has begun since
    is_deleted: bool = False  # seen: a delete was answered, and no registration has begun since
    is_unsure: bool = False  # seen: a registration or delete died before its answer


class Run(NamedTuple):
    """A worker of `deliver` at one config. `is_fresh`: as far as it knows, its claim has not run out."""

    phase: str = IDLE
    config: int = 0
    messages: tuple[Wakeup, ...] = ()
    life: int = 0
    is_fresh: bool = False
    position: int = 0
    attempts: int = 0
    is_behind: bool = False
    is_failing: bool = False
    resend: tuple[int, ...] = ()
    plan: tuple[tuple[int, bool], ...] = ()  # revision, and whether a redrive asked for it
    is_partial: bool = False
    number: int = 0  # of the timer it has sent; or the newest revision, as giving up has read it
    then: str = ""  # the phase after what is learnt of the receiver


class Breaker(NamedTuple):
    """The RECEIVER item. `probe`: who holds the probe."""

    failures: int = 0
    opened: int = 0
    probe: int = 0


class View(NamedTuple):
    """A task as the agent answered: its moves so far, when it was asked, when the answer came."""

    moves: int = 0
    asked: int = 0
    arrived: int = 0


class Head(NamedTuple):
    """A revision without its task, number 0 for none: the agent's moves it shows, when its view arrived.

    `is_ending`: the relay's own, which says that nothing more may come.
    """

    number: int = 0
    moves: int = -1
    arrived: int = 0
    is_ending: bool = False


class Watch(NamedTuple):
    """The WATCH item. It is in the sparse index as long as it is there (`is_indexed`: a wrong variant forgets it)."""

    holder: int = 0
    until: int = NO_CLAIM
    waits: int = 0
    head: Head = Head()
    polled: int = 0
    is_late: bool = False  # its deadline is over
    is_indexed: bool = True


class Turn(NamedTuple):
    """A worker of `watch` at the task."""

    phase: str = IDLE
    messages: tuple[WatchWakeup, ...] = ()
    head: Head = Head()
    view: View = View()
    polled: int = 0
    looks: bool = False
    is_late: bool = False
    is_troubled: bool = False  # the agent has not answered for longer than it may
    number: int = 0


class Call(NamedTuple):
    """A client's calls, one after the other: what it still asks for, and where the function is with the first of them."""

    script: tuple[tuple[str, int], ...] = ()
    phase: str = IDLE
    view: View = View()
    head: Head = Head()


class FanOut(NamedTuple):
    """A batch of the stream at work: its records, what is left to send, the first record that failed."""

    records: int
    sendings: tuple[tuple[int, Wakeup | WatchWakeup], ...]
    failed: int


class Redrive(NamedTuple):
    """The operator's command: of one config, the letters it has read, and what it asks to send again. A replay has read none."""

    phase: str = IDLE
    config: int = 0
    letters: tuple[Letter, ...] = ()
    revisions: tuple[int, ...] = ()


class Left(NamedTuple):
    """How often each thing may still go wrong, or be done from outside."""

    crashes: int = 0  # a function dies between any two steps
    failures: int = 0  # a POST fails
    postpones: int = 0  # the receiver's breaker is open
    slow: int = 0  # a live worker's claim runs out
    duplicates: int = 0  # a queue hands a message out twice
    losses: int = 0  # a queue loses a message
    timer_losses: int = 0  # … a timer
    refusals: int = 0  # SQS does not take an entry of a batch
    drops: int = 0  # a record of the stream is given up
    late: int = 0  # a timer comes more than two minutes late
    silences: int = 0  # the agent does not answer
    dues: int = 0  # the watch's timer is due, where nobody waits for that
    deadlines: int = 0  # the watch's deadline comes
    redrives: int = 0
    replays: int = 0


class State(NamedTuple):
    log: tuple[Head, ...] = ()
    moves: int = 0  # of the agent
    stream: tuple[Record, ...] = ()
    fan_out: FanOut | None = None
    configs: tuple[Config, ...] = (Config(),)
    queue: tuple[Wakeup, ...] = ()
    runs: tuple[Run, ...] = (Run(),)
    breaker: Breaker = Breaker()
    watch: Watch | None = None
    watch_queue: tuple[WatchWakeup, ...] = ()
    turns: tuple[Turn, ...] = ()
    calls: tuple[Call, ...] = ()
    redrive: Redrive = Redrive()
    left: Left = Left()
    fault: str = ""  # seen: what must never happen has happened

    @property
    def newest(self) -> int:
        return len(self.log)
