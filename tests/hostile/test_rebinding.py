"""A name that leads elsewhere each time: the address that is dialled is the one that was checked, at every attempt.

127.0.0.1 stands for a public address, since the operator exempts the name; 127.0.0.2, which is denied, for the one it must not lead to.
"""

from collections.abc import Iterator

import pytest

from tests.hostile.behaviours import BEHAVIOURS
from tests.hostile.names import Names
from tests.hostile.server import HostileServer
from tests.support.world import World, config_key

NAME = "rebinding.example"
HERE, THERE = "127.0.0.1", "127.0.0.2"


@pytest.fixture
def names() -> Iterator[Names]:
    with Names().serving() as names:
        yield names


@pytest.fixture
def world(names: Names) -> Iterator[World]:
    with World(AllowedWebhookHosts=NAME, DeniedWebhookHosts=f"{THERE}/32", RetrySchedule="5,5") as world:
        yield world


@pytest.fixture
def here() -> Iterator[HostileServer]:
    """Keeps no connection, so that each POST looks the name up."""
    with HostileServer(BEHAVIOURS["http-1.0"], host=HERE) as server:
        yield server


@pytest.fixture
def there(here: HostileServer) -> Iterator[HostileServer]:
    """On the same port of the other address."""
    with HostileServer(BEHAVIOURS["good"], host=THERE, port=here.port) as server:
        yield server


def register(world: World, server: HostileServer, *, scheme: str = "http") -> None:
    world.agent.task("t1")
    world.register("t1", id="c", url=f"{scheme}://{NAME}:{server.port}/")
    world.settle()


def change(world: World, state: str) -> None:
    world.agent.task("t1").becomes(state)
    world.advance(11)


def outcomes(world: World) -> list[str]:
    """Of the failed attempts, the oldest first."""
    return [attempt.kind for attempt in reversed(world.attempts.last(config_key("t1", "c"), most=9))]


def test_name_that_was_good_at_first_is_checked_again(world: World, names: Names, here: HostileServer, there: HostileServer) -> None:
    names.lead(NAME, here.port, HERE, THERE)
    register(world, here)
    change(world, "working")
    change(world, "completed")
    assert len(here.requests) == 1
    assert there.connections == 0
    assert outcomes(world)[0] == "blocked-address"


def test_retry_is_checked_again(world: World, names: Names, here: HostileServer, there: HostileServer) -> None:
    names.lead(NAME, here.port, THERE, HERE)
    register(world, here)
    change(world, "working")
    assert outcomes(world) == ["blocked-address"]
    world.advance(6)
    assert len(here.requests) == 1
    assert there.connections == 0


def test_of_several_addresses_only_those_that_pass_are_dialled(
    world: World, names: Names, here: HostileServer, there: HostileServer
) -> None:
    names.lead(NAME, here.port, f"{THERE},{HERE}")
    register(world, here)
    change(world, "working")
    assert len(here.requests) == 1
    assert there.connections == 0


def test_kept_connection_goes_on_to_the_address_that_was_checked(world: World, names: Names) -> None:
    with HostileServer(BEHAVIOURS["good"], host=HERE) as here, HostileServer(BEHAVIOURS["good"], host=THERE, port=here.port) as there:
        names.lead(NAME, here.port, HERE, THERE)
        register(world, here)
        change(world, "working")
        change(world, "completed")
        assert (here.connections, len(here.requests)) == (1, 2)
        assert there.connections == 0


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00:ec2::254", "64:ff9b::7f00:1"]
)
def test_name_that_nobody_exempts_leads_to_no_private_address(names: Names, address: str) -> None:
    with World(AllowedWebhookHosts="", RetrySchedule="5") as world, HostileServer(BEHAVIOURS["good"], host=HERE) as here:
        names.lead(NAME, here.port, address)
        register(world, here, scheme="https")
        change(world, "working")
        assert outcomes(world) == ["blocked-address"]
        assert here.connections == 0


def test_names_are_asked_for_each_post(world: World, names: Names, here: HostileServer) -> None:
    names.lead(NAME, here.port, HERE)
    register(world, here)
    for state in ("working", "input-required", "completed"):
        change(world, state)
    assert names.lookups == len(here.requests) == 3
