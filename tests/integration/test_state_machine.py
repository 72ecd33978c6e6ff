"""Whatever comes in whatever order: changes, registrations, deletes, wake-ups twice and out of order, deaths, two workers, time, outages.

Hypothesis makes up stories and looks for the shortest that breaks a promise (design §6, 1 to 4). The same stories in every run; another
`--hypothesis-seed` tells others.
"""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from relay.domain.wakeup import DeliveryWakeup
from relay_dev.received import Notification
from tests.support.mortal import Moment, MortalReceiver
from tests.support.wire import AwsRequest, Effect, undisturbed
from tests.support.world import DELIVERY, FAULTS, SWEEP, VISIBILITY, WATCHING, World, config_key

CONFIGS = st.sampled_from(["a", "b"])
STATES = ["working", "input-required", "submitted"]
_SERIAL = iter(range(10**6))


@pytest.fixture(scope="module", autouse=True)
def _kept(kept_worlds: None) -> None:
    """The stories share one world."""


class Relay(RuleBasedStateMachine):
    """One task, two configs, one receiver."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World.kept()
        self.receiver = MortalReceiver(self.world.wire, moment_of=lambda: self.moment()).start()
        self.task_id = f"task {next(_SERIAL)}"
        self.task = self.world.agent.task(self.task_id)
        self.starts: dict[str, int] = {}  # of the configs that are registered now
        self.gone: dict[str, int] = {}  # of those that are not: how many POSTs they had got
        self.lives: dict[str, int] = {}  # how often each was registered anew: its webhook-ids may come again
        self.changes = 0
        self.moment: Callable[[], Moment] = lambda: Moment.NEVER

    @initialize(config_id=CONFIGS)
    def begins(self, config_id: str) -> None:
        self.registers(config_id)

    # --- what clients and the agent do

    @rule(state=st.sampled_from(STATES))
    def changes_state(self, state: str) -> None:
        self.changes += 1
        if not self.task.is_terminal:
            self.task.becomes(state, message=f"change {self.changes}")

    @rule(config_id=CONFIGS)
    def registers(self, config_id: str) -> None:
        params = {"taskId": self.task_id, "id": config_id, "url": f"{self.receiver.url}/{config_id}"}
        answer = self.world.call("CreateTaskPushNotificationConfig", params)
        assert "error" not in answer
        if config_id not in self.starts:
            self.starts[config_id] = self.world.cursor(self.task_id, config_id).position
            self.lives[config_id] = len(self.posts(config_id))
            self.gone.pop(config_id, None)

    @rule(config_id=CONFIGS)
    def deletes(self, config_id: str) -> None:
        self.world.delete(self.task_id, config_id)
        if self.starts.pop(config_id, None) is not None:
            self.gone[config_id] = len(self.posts(config_id))

    # --- what AWS does

    @rule()
    def steps(self) -> None:
        self.world.runner.step()

    @rule(seconds=st.sampled_from([1, 6, 11, 31, 130, SWEEP, VISIBILITY]))
    def time_passes(self, seconds: int) -> None:
        self.world.runner.advance(timedelta(seconds=seconds))

    @rule(config_id=CONFIGS, revision=st.sampled_from([None, 1, 2, 3, 9]), timer=st.sampled_from(["", "an old one", "the one"]))
    def a_message_comes_again(self, config_id: str, revision: int | None, timer: str) -> None:
        key = config_key(self.task_id, config_id)
        if timer == "the one":
            cursor = self.world.cursors.get(key, now=self.world.runner.clock.now())
            timer = cursor.waits_for if cursor else ""
        self.world.put(DELIVERY, DeliveryWakeup(key, None if timer else revision, timer=timer).dump())

    @rule(seed=st.integers(0, 99))
    def messages_change_places(self, seed: int) -> None:
        for queue in (DELIVERY, WATCHING):
            self.world.shuffle(queue, random.Random(seed))

    @rule()
    def deliveries_are_lost(self) -> None:
        self.world.purge(DELIVERY)

    @rule(ahead=st.integers(1, 6), effect=st.sampled_from([Effect.DIES_BEFORE, Effect.DIES_AFTER, Effect.TIMES_OUT, Effect.FAILS]))
    def something_happens_soon(self, ahead: int, effect: Effect) -> None:
        """To one of the next requests of a function that clients do not wait for."""
        left = [ahead]

        def decide(request: AwsRequest) -> Effect:
            if request.function in ("watch", "fanout", "deliver", "sweep"):
                left[0] -= 1
            return effect if left[0] == 0 else Effect.NONE

        self.world.wire.decide = decide
        self.world.runner.step()
        self.world.wire.decide = undisturbed

    @rule(moment=st.sampled_from([Moment.BEFORE, Moment.DURING, Moment.AFTER]))
    def dies_at_a_post(self, moment: Moment) -> None:
        self.moment = lambda: moment
        self.world.runner.step()
        self.moment = lambda: Moment.NEVER

    @rule(config_id=CONFIGS)
    def another_worker_takes_the_claim_and_dies(self, config_id: str) -> None:
        now = self.world.runner.clock.now()
        key = config_key(self.task_id, config_id)
        self.world.cursors.claim(key, "another worker", now=now, until=now + timedelta(seconds=20), timers=(), revision=None)

    @rule(config_id=CONFIGS)
    def another_worker_comes_during_a_post(self, config_id: str) -> None:
        """Its batch is worked on while this one's POST is under way."""
        body = DeliveryWakeup(config_key(self.task_id, config_id)).dump()

        def meanwhile() -> Moment:
            self.moment = lambda: Moment.NEVER
            self.world.runner.invoke("DeliverFunction", {"Records": [{"messageId": "m", "body": body}]})
            return Moment.NEVER

        self.moment = meanwhile
        self.world.runner.step()
        self.moment = lambda: Moment.NEVER

    # --- what receivers do

    @rule(status=st.sampled_from([500, 503]), times=st.integers(1, 3))
    def fails(self, status: int, times: int) -> None:
        self.receiver.fail_next(status, times)

    @rule()
    @precondition(lambda self: bool(self.receiver.notifications))
    def works_again(self) -> None:
        self.receiver.heal()

    # --- what must hold all the time

    @invariant()
    def order_is_kept(self) -> None:
        for config_id in self.starts:
            numbers = [int(post.revision) for post in self.posts(config_id)[self.lives[config_id] :]]
            assert numbers == sorted(numbers), f"{config_id}: {numbers}"

    @invariant()
    def nothing_is_posted_after_a_delete(self) -> None:
        for config_id, count in self.gone.items():
            assert len(self.posts(config_id)) == count, f"{config_id}: POSTed after its delete"

    @invariant()
    def a_notification_is_always_the_same(self) -> None:
        for config_id in (*self.starts, *self.gone):
            posts = self.posts(config_id)
            assert len({(post.revision, post.webhook_id, post.body) for post in posts}) == len({post.revision for post in posts})

    # --- and at the end

    def teardown(self) -> None:
        try:
            self.all_ends_well()
        finally:
            self.receiver.stop()

    def all_ends_well(self) -> None:
        self.receiver.heal()
        self.task.becomes("completed")
        for _ in range(15):
            self.world.advance(VISIBILITY)
        self.order_is_kept()
        self.nothing_is_posted_after_a_delete()
        assert not any(self.world.length(queue) for queue in FAULTS)
        newest = self.world.newest(self.task_id)
        for config_id, start in self.starts.items():
            cursor = self.world.cursor(self.task_id, config_id)
            told = {int(post.revision) for post in self.posts(config_id)[self.lives[config_id] :] if post.is_accepted}
            lost = set(range(start + 1, newest + 1)) - told - self.given_up(config_id)
            assert not lost, f"{config_id} lost {sorted(lost)} of {newest}"
            assert (cursor.position, cursor.waits_for, cursor.claim_until) == (newest, "", None)
        assert self.world.watch(self.task_id) is None
        assert self.world.length(DELIVERY) == self.world.length(WATCHING) == 0

    def given_up(self, config_id: str) -> set[int]:
        letters = (letter for letter in self.world.dead_letters() if letter.key == config_key(self.task_id, config_id))
        return {number for letter in letters for number in range(letter.first, letter.last + 1)}

    def posts(self, config_id: str) -> list[Notification]:
        return self.world.posts(config_id, self.receiver)


TestRelay = Relay.TestCase
TestRelay.settings = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
