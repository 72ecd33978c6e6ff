import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.keys import (
    MAX_ID_LENGTH,
    MAX_PART_BYTES,
    AgentKey,
    ConfigKey,
    HabitKey,
    ListKey,
    ReceiverKey,
    TaskKey,
    callback_partition,
    config_id_of,
    fits_key,
    revision_number,
    revision_sort_key,
)

hostile = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30) | st.sampled_from(
    ["#", "%23", "a#b", "..", "/", " ", "PUSH#x"]
)
task_keys = st.builds(TaskKey, hostile, hostile, hostile | st.just(""), hostile)
config_keys = st.builds(ConfigKey, task_keys, hostile)

TASK = TaskKey("owner", "agent/1", "", "task#1")
CONFIG = ConfigKey(TASK, "config 1")


def test_the_items_of_a_task_share_a_partition_and_have_sort_keys_of_their_own() -> None:
    """They are stored: another spelling would lose every item that is there already."""
    assert TASK.partition == "TASK#owner#agent%2F1##task%231"
    assert CONFIG.push == "PUSH#config%201"
    assert CONFIG.cursor == "CURSOR#config%201"
    assert CONFIG.attempt("2026-11-21T08:30:15+00:00") == "ATTEMPT#config%201#2026-11-21T08:30:15+00:00"
    assert CONFIG.dead_letter(7) == "DEAD#config%201#0000000007"
    assert revision_sort_key(12) == "REVISION#0000000012"


def test_the_agents_of_an_owner_share_a_partition() -> None:
    assert TASK.agent_key == AgentKey("owner", "agent/1")
    assert TASK.agent_key.partition == "AGENTS#owner"
    assert TASK.agent_key.sort_key == "AGENT#agent%2F1"


def test_a_receiver_has_a_partition_per_owner_and_origin() -> None:
    assert ReceiverKey("o#1", "https://you.example:8443").partition == "RECEIVER#o%231#https%3A%2F%2Fyou.example%3A8443"


@given(task_keys)
def test_a_task_is_read_back_from_its_partition(task: TaskKey) -> None:
    assert TaskKey.from_partition(task.partition) == task


@given(task_keys, task_keys)
def test_no_two_tasks_meet_in_one_partition(one: TaskKey, other: TaskKey) -> None:
    assert (one.partition == other.partition) == (one == other)


@given(config_keys)
def test_a_config_id_is_read_back_from_its_sort_keys(config: ConfigKey) -> None:
    assert config_id_of(config.push) == config.config_id
    assert config_id_of(config.cursor) == config.config_id


@given(config_keys, config_keys, st.integers(1, 99), st.integers(1, 99))
def test_no_two_configs_meet_in_one_dead_letter(one: ConfigKey, other: ConfigKey, first: int, second: int) -> None:
    is_same = one.config_id == other.config_id and first == second
    assert (one.dead_letter(first) == other.dead_letter(second)) == is_same


@given(st.integers(0, 10**10 - 1), st.integers(0, 10**10 - 1))
def test_revisions_sort_by_number_and_are_read_back(one: int, other: int) -> None:
    assert (revision_sort_key(one) < revision_sort_key(other)) == (one < other)
    assert revision_number(revision_sort_key(one)) == one


@pytest.mark.parametrize("partition", ["AGENTS#owner", "TASK#a#b#c", "TASK#a#b#c#d#e", "task#a#b#c#d", ""])
def test_what_is_no_partition_of_a_task_is_refused(partition: str) -> None:
    with pytest.raises(ValueError, match="not a task's partition"):
        TaskKey.from_partition(partition)


@pytest.mark.parametrize(
    ("part", "fits"),
    [
        ("", False),
        ("a", True),
        ("a" * MAX_ID_LENGTH, True),
        ("a" * (MAX_ID_LENGTH + 1), False),
        ("#" * (MAX_PART_BYTES // 3), True),  # 3 bytes each when encoded
        ("#" * (MAX_PART_BYTES // 3 + 1), False),
        ("a" + "#" * (MAX_PART_BYTES // 3), True),
        ("aa" + "#" * (MAX_PART_BYTES // 3), False),
        ("\ud83d", False),
    ],
)
def test_id_fits_a_key_by_length_and_by_encoded_length(part: str, fits: bool) -> None:
    assert fits_key(part) is fits


def test_keys_of_the_longest_ids_stay_within_dynamodbs_limits() -> None:
    """A tenant, a task id and a config id are strangers'; owner and agent are the operator's own."""
    longest = "#" * (MAX_PART_BYTES // 3)
    config = ConfigKey(TaskKey("o" * MAX_ID_LENGTH, "a" * MAX_ID_LENGTH, longest, longest), longest)
    assert len(config.task.partition) <= 2048
    assert len(config.dead_letter(1)) <= 1024
    assert len(config.attempt("2026-11-21T08:30:15.000000+00:00")) <= 1024


def test_an_agent_has_partitions_of_its_own_beside_that_of_its_owner() -> None:
    agent = AgentKey("o#1", "a/1")
    assert agent.directory == "CONFIGS#o%231#a%2F1"
    assert agent.following_partition == "FOLLOWING#o%231#a%2F1"
    assert agent.no_task == TaskKey("o#1", "a/1", "", "")
    assert agent.no_task.agent_key == agent


def test_what_is_known_of_an_agent_is_known_of_one_address() -> None:
    habit = HabitKey(AgentKey("o#1", "a/1"), "digest")
    assert (habit.partition, habit.sort_key) == ("HABITS#o%231", "HABIT#a%2F1#digest")


def test_what_is_kept_beside_a_task_has_keys_of_its_own() -> None:
    assert TASK.form_partition == f"FORM#{TASK.partition}"
    assert TASK._replace(tenant="t#1").list_partition("reader") == "RELAY_TASKS#owner#agent%2F1#t%231#reader"
    assert TASK.list_key == ListKey(AgentKey("owner", "agent/1"), "")
    assert CONFIG.template == "TEMPLATE#config%201"
    assert CONFIG.pending == "PENDING#config%201"
    assert callback_partition("a/b") == "CALLBACK#a%2Fb"


@given(hostile, hostile)
def test_a_receiver_is_read_back_from_its_partition(owner: str, origin: str) -> None:
    receiver = ReceiverKey(owner, origin)
    assert ReceiverKey.from_partition(receiver.partition) == receiver


def test_receivers_and_agents_are_groups_that_sqs_takes_each_of_its_own() -> None:
    """At most 128 characters, letters, digits and punctuation."""
    receivers = [ReceiverKey("o", "https://a.example"), ReceiverKey("o", "https://b.example"), ReceiverKey("p", "https://a.example")]
    agents = [AgentKey("o", "a#1"), AgentKey("o", "ä"), AgentKey("p", "a#1")]
    groups = [*(receiver.group for receiver in receivers), *(agent.group for agent in agents)]
    assert len(set(groups)) == len(groups)
    assert all(group.isalnum() and group.isascii() and len(group) <= 128 for group in groups)
