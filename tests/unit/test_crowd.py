"""How many tasks one process has had turns for lately."""

from datetime import timedelta

from relay.domain.crowd import Crowd
from relay.domain.keys import TaskKey
from tests.support.samples import NOW, SECOND

MINUTE = timedelta(minutes=1)


def task(number: int) -> TaskKey:
    return TaskKey("default", "a", "", f"t{number}")


def crowd_of(many: int, interval: timedelta = MINUTE) -> Crowd:
    crowd = Crowd()
    for number in range(many):
        crowd = crowd.joined(task(number), interval, NOW)
    return crowd


def test_each_task_counts_once() -> None:
    assert crowd_of(5).joined(task(3), MINUTE, NOW).size(NOW) == 5


def test_task_counts_until_two_of_its_turns_and_a_minute_are_over() -> None:
    crowd = crowd_of(5).joined(task(9), SECOND, NOW)
    assert crowd.size(NOW + MINUTE + 2 * SECOND) == 5
    assert crowd.size(NOW + 3 * MINUTE - SECOND) == 5
    assert crowd.size(NOW + 3 * MINUTE) == 0


def test_task_that_has_ended_counts_no_more() -> None:
    assert crowd_of(5).left(task(3)).left(task(77)).size(NOW) == 4


def test_what_is_remembered_is_bounded_and_makes_room_for_those_that_come_later() -> None:
    crowd = crowd_of(1000)
    assert crowd.size(NOW) == len(crowd.until) == 100
    later = NOW + 10 * MINUTE
    assert set(crowd.joined(task(2000), MINUTE, later).until) == {task(2000)}
