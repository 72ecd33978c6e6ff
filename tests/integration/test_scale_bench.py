"""The bench of scale (bench/scale): two strategies with one task for some simulated minutes."""

import pytest

from bench.scale.cases import case
from bench.scale.cost import per_task_hour
from bench.scale.run import Run
from tests.support.world import World


@pytest.fixture(autouse=True)
def alone() -> None:
    """A kept world's AWS would answer in the bench's place."""
    World.end_kept()


@pytest.mark.parametrize("name", ["poll", "stream"])
def test_every_change_is_told_and_counted(name: str) -> None:
    said: list[str] = []
    result = Run(case(name, tasks=1, period=90.0, seconds=300.0), say=said.append)()
    assert result["changes"] >= 2
    assert result["not_told"] == 0
    assert result["upstream"]["WatchFunction GetTask"] >= 5
    assert result["calls"]["DeliverFunction UpdateItem"] == 2 * result["functions"]["DeliverFunction"]["records"]
    assert said[-1].startswith("361 of 361 s" if name == "stream" else "310 of 310 s")
    waits, longest = result["wait_seconds"], 60.0 if name == "poll" else 0.0
    assert waits[0] <= waits[-1] <= longest
    assert all(ms > 0 for ms in result["function_ms"])
    cost = per_task_hour(result)
    assert cost.index_units == 2 * result["calls"]["WatchFunction UpdateItem"] * 3600 / 300
    assert cost.function_seconds > (3600 if name == "stream" else 0)
    assert 0 < cost.dollars < 0.1
