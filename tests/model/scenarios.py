"""Where the search begins: a few focused beginnings, each small enough to be searched completely; and larger ones by the command line."""

from dataclasses import dataclass

from tests.model.rules import Rules
from tests.model.state import (
    HELD,
    HINT,
    NONE,
    OVER,
    PLAIN,
    TIMER,
    Breaker,
    Call,
    Config,
    Cursor,
    Head,
    Left,
    Letter,
    Run,
    State,
    Turn,
    Wakeup,
    Watch,
    WatchWakeup,
)
from tests.model.steps_clients import DELETE, REGISTER, SAY, WAIT


@dataclass(frozen=True)
class Scenario:
    tells: str
    start: State
    rules: Rules


def _client(*verbs: str, config: int = 0) -> Call:
    return Call(tuple((verb, config) for verb in verbs))


_REGISTERS = (_client(REGISTER),)
_TWO = (Run(), Run())
_TOLD = Config(cursor=Cursor(1, 1), push=True, lives=1, start=1)  # registered when revision 1 was the newest
_BEHIND = Config(cursor=Cursor(0, 1), push=True, lives=1)  # registered before the first revision
_ONE = (Head(1, 0, 1),)  # the log
_BACK = (Head(1, 0), Head(2, 0, 1, is_ending=True), Head(3, 1, 3))  # … of a task that was told as lost, and went on
_AT_ONCE = Rules(task="ab", fans_out_at_once=True)
_FOLLOWED = State(  # revision 1 is told, and the watch waits for its timer
    log=_ONE,
    configs=(_TOLD,),
    watch=Watch(waits=1, head=_ONE[0], polled=2),
    watch_queue=(WatchWakeup(TIMER, 1),),
    turns=(Turn(),),
)
_WATCHED = Rules(fans_out_at_once=True, delivers_at_once=True, asks_agent=True)
_ASKED = Rules(fans_out_at_once=True, asks_agent=True)


def _told(last: int) -> Config:
    """Registered before the first revision, and told all of them."""
    told = frozenset(range(1, last + 1))
    return Config(cursor=Cursor(last, 1), push=True, lives=1, posted=told, last_started=last)


def _given_up(first: int, last: int) -> Config:
    numbers = frozenset(range(first, last + 1))
    return Config(Cursor(last, 1, is_failing=True), push=True, letters=(Letter(first, last, 1),), lives=1, announced=numbers, posted=NONE)


SCENARIOS = {
    "dying": Scenario(
        "two workers, one dies; a POST fails; the config is registered while the task moves",
        State(calls=_REGISTERS, runs=_TWO, left=Left(crashes=1, failures=1)),
        _AT_ONCE,
    ),
    "slow": Scenario(
        "a live worker's claim runs out; a POST fails",
        State(calls=_REGISTERS, runs=_TWO, left=Left(slow=1, failures=1)),
        _AT_ONCE,
    ),
    "three": Scenario(
        "three revisions, wake-ups in any order and in batches, one handed out twice; a POST fails",
        State(configs=(_BEHIND,), runs=_TWO, left=Left(failures=1, duplicates=1)),
        Rules(task="abc", fans_out_at_once=True, batch=2),
    ),
    "filtered": Scenario(
        "the config does not want the second state of three; a worker dies or is slow; a POST fails",
        State(configs=(_BEHIND,), left=Left(crashes=1, slow=1, failures=1)),
        Rules(task="abc", fans_out_at_once=True, unwanted="b"),
    ),
    "filtered at the end": Scenario(
        "the config does not want the last state; two workers, one is slow",
        State(configs=(_BEHIND,), runs=_TWO, left=Left(slow=1)),
        Rules(task="ab", fans_out_at_once=True, unwanted="b"),
    ),
    "handing over": Scenario(
        "one POST a run: the rest goes to a new wake-up; a worker dies or is slow; a POST fails",
        State(configs=(_BEHIND,), left=Left(crashes=1, slow=1, failures=1)),
        Rules(task="abc", fans_out_at_once=True, max_posts=1),
    ),
    "postponing": Scenario(
        "the breaker is open, or no slot is free; a POST fails; a worker is slow",
        State(configs=(_BEHIND,), runs=_TWO, left=Left(postpones=1, failures=1, slow=1)),
        _AT_ONCE,
    ),
    "the breaker": Scenario(
        "two configs of one receiver, two workers; a POST fails, and the probe too",
        State(log=_ONE, configs=(_BEHIND, _BEHIND), queue=(Wakeup(PLAIN, 0, 1), Wakeup(PLAIN, 1, 1)), runs=_TWO, left=Left(failures=2)),
        Rules(task="a", fans_out_at_once=True, threshold=1),
    ),
    "the probe dies": Scenario(
        "the breaker is half-open; a worker dies, with or without the probe",
        State(
            log=_ONE,
            configs=(_BEHIND, _BEHIND),
            queue=(Wakeup(PLAIN, 0, 1), Wakeup(PLAIN, 1, 1)),
            breaker=Breaker(1, OVER),
            left=Left(crashes=1, failures=1),
        ),
        Rules(task="a", fans_out_at_once=True, threshold=1),
    ),
    "latest state": Scenario(
        "after a failure, what a newer revision contains is passed over; the config is given up",
        State(configs=(_BEHIND,), left=Left(failures=2, crashes=1)),
        Rules(task="abc", fans_out_at_once=True, tells_latest_only=True),
    ),
    "giving up": Scenario(
        "POSTs fail until the config is given up, and once more while it is failing; a worker dies",
        State(configs=(_BEHIND,), left=Left(failures=3, crashes=1)),
        _AT_ONCE,
    ),
    "giving up slowly": Scenario(
        "two workers; a claim runs out while its worker gives up",
        State(configs=(_BEHIND,), runs=_TWO, left=Left(failures=2, slow=1)),
        _AT_ONCE,
    ),
    "registering": Scenario(
        "a config is registered, deleted and registered again; its worker dies, or is slow",
        State(calls=(_client(REGISTER, DELETE, REGISTER),), left=Left(crashes=1)),
        Rules(task="ab", fans_out_at_once=True),
    ),
    "registering twice": Scenario(
        "two clients register the same id again and again, and one deletes it meanwhile",
        State(calls=(_client(REGISTER, REGISTER), _client(DELETE))),
        Rules(task="ab", fans_out_at_once=True, delivers_at_once=True),
    ),
    "deleting": Scenario(
        "a config with much to be told is deleted; two workers, one slow",
        State(
            log=(Head(1, 0), Head(2, 1)),
            configs=(_BEHIND,),
            queue=(Wakeup(PLAIN, 0, 2),),
            calls=(_client(DELETE),),
            runs=_TWO,
            left=Left(slow=1),
        ),
        Rules(task="abc", fans_out_at_once=True),
    ),
    "fanning out": Scenario(
        "one config is there, another one is registered; the fan-out dies, and SQS refuses an entry",
        State(configs=(_BEHIND, Config()), calls=(_client(REGISTER, config=1),), left=Left(crashes=1, refusals=1)),
        Rules(task="a", delivers_at_once=True),
    ),
    "timers lost": Scenario(
        "a config waits; its timer is lost, or late; a message comes twice; the sweep",
        State(log=_ONE, configs=(_BEHIND,), queue=(Wakeup(PLAIN, 0, 1),), left=Left(failures=1, late=1, timer_losses=1, duplicates=1)),
        Rules(task="ab", fans_out_at_once=True, sweeps=True),
    ),
    "redriving": Scenario(
        "what was given up is redriven twice, one revision at a time, and given up again; workers and the command die; the sweep",
        State(log=(Head(1, 0), Head(2, 1)), configs=(_given_up(1, 2),), left=Left(redrives=2, failures=2, crashes=1)),
        Rules(task="ab", fans_out_at_once=True, max_resend=1, sweeps=True),
    ),
    "redriving the newest": Scenario(
        "only the newest of what was given up is redriven, beside new revisions; two workers, one slow",
        State(log=(Head(1, 0), Head(2, 1)), configs=(_given_up(1, 2),), runs=_TWO, left=Left(redrives=1, failures=2, slow=1)),
        Rules(task="abc", fans_out_at_once=True, redrives_newest_only=True),
    ),
    "redriving the newest that is wanted": Scenario(
        "as before, and the config's filter leaves out the newest of what was given up",
        State(log=(Head(1, 0), Head(2, 1)), configs=(_given_up(1, 2),), left=Left(redrives=1, failures=1, crashes=1)),
        Rules(task="abc", fans_out_at_once=True, redrives_newest_only=True, unwanted="b", sweeps=True),
    ),
    "redriving after the end": Scenario(
        "the watch is over; a redriven config's worker dies, and a message is lost; the sweep",
        State(log=_ONE, configs=(_given_up(1, 1),), turns=(Turn(),), left=Left(redrives=1, crashes=1, losses=1)),
        Rules(task="T", fans_out_at_once=True, asks_agent=True, sweeps=True),
    ),
    "replaying": Scenario(
        "what was delivered is replayed twice, beside a new revision; workers and the command die; the sweep",
        State(log=(Head(1, 0), Head(2, 1)), configs=(_told(2),), left=Left(replays=2, failures=2, crashes=1)),
        Rules(task="abc", fans_out_at_once=True, sweeps=True),
    ),
    "replaying to two": Scenario(
        "likewise, one revision at a time, with two workers of which one is slow; what is given up is redriven",
        State(log=_ONE, configs=(_told(1),), runs=_TWO, left=Left(replays=1, redrives=1, failures=2, slow=1)),
        Rules(task="ab", fans_out_at_once=True, max_resend=1),
    ),
    "replaying after the end": Scenario(
        "the watch is over; a worker dies, and a message is lost; the sweep",
        State(log=_ONE, configs=(_told(1),), turns=(Turn(),), left=Left(replays=1, crashes=1, losses=1)),
        Rules(task="T", fans_out_at_once=True, asks_agent=True, sweeps=True),
    ),
    "watch starts": Scenario(
        "a config is registered while the task ends; any function dies",
        State(calls=_REGISTERS, turns=(Turn(),), left=Left(crashes=1)),
        Rules(task="aT", fans_out_at_once=True, delivers_at_once=True, asks_agent=True),
    ),
    "watch starts unheard": Scenario(
        "a config is registered; its stream record, or any message, is lost; the sweep",
        State(calls=_REGISTERS, turns=(Turn(),), left=Left(drops=1, losses=1)),
        Rules(task="a", fans_out_at_once=True, delivers_at_once=True, asks_agent=True, sweeps=True),
    ),
    "hints": Scenario(
        "a client's send sees the task move, and the task goes back to what the watch remembers",
        _FOLLOWED._replace(calls=(_client(SAY),)),
        Rules(task="aba", only_watches=True, asks_agent=True),
    ),
    "waiting": Scenario(
        "a waiting send sees the task move after its hint, and the task goes back",
        _FOLLOWED._replace(calls=(_client(WAIT),)),
        Rules(task="aba", only_watches=True, asks_agent=True),
    ),
    "hints alone": Scenario(
        "the task moves during two sends; nobody waits for the watch's timer: the hints alone bring the newest state",
        _FOLLOWED._replace(calls=(_client(SAY), _client(SAY))),
        Rules(task="ab", only_watches=True, asks_agent=True, hints_alone=True),
    ),
    "hints side by side": Scenario(
        "as before, with two workers of the watch: one polls while the other has the next hint",
        _FOLLOWED._replace(calls=(_client(SAY), _client(SAY)), turns=(Turn(), Turn())),
        Rules(task="ab", only_watches=True, asks_agent=True, hints_alone=True),
    ),
    "hints in batches": Scenario(
        "two clients send; their hints and the watch's timer come in batches",
        _FOLLOWED._replace(calls=(_client(SAY), _client(SAY))),
        Rules(task="a", only_watches=True, asks_agent=True, batch=2),
    ),
    "watch slow": Scenario(
        "two workers of the watch, one slow; a config is registered as the task ends; a message comes twice",
        State(calls=_REGISTERS, turns=(Turn(), Turn()), left=Left(slow=1)),
        Rules(task="T", fans_out_at_once=True, delivers_at_once=True, asks_agent=True),
    ),
    "watch ends": Scenario(
        "the last config is deleted while another one is registered",
        _FOLLOWED._replace(configs=(_TOLD, Config()), calls=(_client(DELETE), _client(REGISTER, config=1))),
        Rules(task="a", fans_out_at_once=True, delivers_at_once=True, asks_agent=True),
    ),
    "watch ends slowly": Scenario(
        "the watch is about to end, as no config is left; one is registered; two workers of the watch, one slow",
        _FOLLOWED._replace(
            configs=(Config(),),
            watch=Watch(holder=1, until=HELD),
            watch_queue=(),
            turns=(Turn("look", (WatchWakeup(HINT),), head=_ONE[0], polled=2, looks=True), Turn()),
            calls=_REGISTERS,
            left=Left(slow=1),
        ),
        Rules(task="a", only_watches=True, fans_out_at_once=True, delivers_at_once=True, asks_agent=True),
    ),
    "watch ends unheard": Scenario(
        "no config is left; one is registered while the watch ends, and a message is lost; the sweep",
        _FOLLOWED._replace(configs=(Config(),), calls=_REGISTERS, left=Left(losses=1)),
        Rules(task="a", fans_out_at_once=True, delivers_at_once=True, asks_agent=True, sweeps=True),
    ),
    "watch wakes": Scenario(
        "the task ends; messages of both queues are lost, and a worker dies; the sweep",
        _FOLLOWED._replace(left=Left(losses=1, crashes=1)),
        Rules(task="aT", fans_out_at_once=True, delivers_at_once=True, asks_agent=True, sweeps=True),
    ),
    "deadline": Scenario(
        "a send saw the task move, and its wake-up was lost; the watch's deadline comes; the agent does not answer; the sweep",
        _FOLLOWED._replace(moves=1, log=(*_ONE, Head(2, 1, 3)), left=Left(deadlines=1, silences=1, losses=1)),
        Rules(task="ab", fans_out_at_once=True, delivers_at_once=True, asks_agent=True, sweeps=True),
    ),
    "deadline after an ending": Scenario(
        "an ending was told, a send then saw the task move, and its wake-up was lost; the watch's deadline comes; the sweep",
        State(
            log=_BACK,
            moves=1,
            configs=(Config(cursor=Cursor(2, 1), push=True, lives=1, start=1, posted=frozenset({2})),),
            watch=Watch(waits=1, head=_BACK[1], polled=2),
            watch_queue=(WatchWakeup(TIMER, 1),),
            turns=(Turn(),),
            left=Left(deadlines=1),
        ),
        Rules(task="ab", fans_out_at_once=True, delivers_at_once=True, asks_agent=True, sweeps=True),
    ),
    "followed again": Scenario(
        "the watch is over and its ending told; the config is registered again while the task moves",
        State(
            log=(Head(1, 0), Head(2, 0, 1, is_ending=True)),
            configs=(Config(cursor=Cursor(2, 1), push=True, lives=1, start=1, posted=frozenset({2})),),
            calls=_REGISTERS,
            turns=(Turn(),),
        ),
        Rules(task="ab", fans_out_at_once=True, delivers_at_once=True, asks_agent=True),
    ),
    "unreachable": Scenario(
        "the agent does not answer for longer than may be, and then does; a client sees the task end meanwhile",
        _FOLLOWED._replace(calls=(_client(SAY),), left=Left(silences=1)),
        Rules(task="aT", only_watches=True, asks_agent=True),
    ),
    "all together": Scenario(
        "the watch and a worker, each in all its steps: the task ends, a POST fails, messages are lost; the sweep",
        _FOLLOWED._replace(left=Left(losses=1, failures=1)),
        Rules(task="aT", fans_out_at_once=True, asks_agent=True, sweeps=True),
    ),
}
