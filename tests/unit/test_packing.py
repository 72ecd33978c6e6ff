import json
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.packing import LARGE_BYTES, MAX_ITEM_BYTES, MAX_TASK_BYTES, Packed, pack, unpack
from tests.support.samples import packed

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
)
documents = st.dictionaries(st.text(), json_values, max_size=4)


def sized(size: int) -> dict[str, object]:
    """A task of so many bytes as JSON."""
    empty = {"id": "task-1", "artifacts": [{"artifactId": "a", "name": "n", "parts": [{"text": ""}]}], "history": [1]}
    text = "x" * (size - len(json.dumps(empty, separators=(",", ":"))))
    return {**empty, "artifacts": [{"artifactId": "a", "name": "n", "parts": [{"text": text}]}]}


@given(documents)
def test_a_task_is_unpacked_as_it_was_packed(document: dict[str, object]) -> None:
    packed = pack(document)
    assert unpack(packed.data) == document
    assert not packed.is_cut


def test_the_same_task_gives_the_same_bytes() -> None:
    assert pack({"a": "é", "b": [1]}) == pack({"a": "é", "b": [1]})
    assert zlib.decompress(pack({"a": "é", "b": [1]}).data) == '{"a":"é","b":[1]}'.encode()


def test_a_task_of_ten_megabytes_is_whole_and_one_byte_more_is_cut() -> None:
    assert MAX_TASK_BYTES == 10_000_000
    whole, cut = pack(sized(MAX_TASK_BYTES)), pack(sized(MAX_TASK_BYTES + 1))
    assert (whole.is_cut, cut.is_cut) == (False, True)
    assert unpack(whole.data)["history"] == [1]


def test_a_cut_task_names_its_artifacts_without_their_contents() -> None:
    document = {**sized(MAX_TASK_BYTES), "status": {"state": "completed"}, "metadata": {"k": "v"}}
    assert unpack(pack(document).data) == {
        "id": "task-1",
        "artifacts": [{"artifactId": "a", "name": "n", "parts": []}],
        "history": [],
        "status": {"state": "completed"},
        "metadata": {"k": "v"},
    }


@pytest.mark.parametrize("artifacts", [None, [], ["not an object"]])
def test_a_task_that_is_large_by_its_history_is_cut_too(artifacts: object) -> None:
    packed = pack({"artifacts": artifacts, "history": ["x" * MAX_TASK_BYTES]})
    assert packed.is_cut
    assert unpack(packed.data) == {"artifacts": [], "history": []}


def test_what_fits_an_item_stays_below_dynamodbs_limit() -> None:
    assert MAX_ITEM_BYTES == 350_000
    assert Packed(b"x" * MAX_ITEM_BYTES, 1).fits_item
    assert not Packed(b"x" * (MAX_ITEM_BYTES + 1), 1).fits_item


def test_what_is_no_object_is_no_packed_task() -> None:
    with pytest.raises(TypeError, match=r"^a packed task is a JSON object$"):
        unpack(zlib.compress(b"[]"))


@pytest.mark.parametrize(("size", "is_large"), [(0, True), (1, False), (LARGE_BYTES, False), (LARGE_BYTES + 1, True)])
def test_a_task_of_an_unknown_size_counts_as_large(size: int, is_large: bool) -> None:
    assert replace(packed(1), size=size).is_large is is_large
