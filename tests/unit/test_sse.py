import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.sse import EventTooLargeError, SseReader


def read(*pieces: bytes, most: int = 1000) -> list[bytes]:
    reader = SseReader(most)
    return [data for piece in pieces for data in reader.feed(piece)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_event_ends_with_an_empty_line(end: bytes) -> None:
    assert read(end.join([b"data: one", b"", b"data: two", b"", b"data: never ended", b""])) == [b"one", b"two"]


def test_lines_of_data_are_one_event() -> None:
    assert read(b"data: a\ndata:b\ndata\n\n") == [b"a\nb\n"]


def test_pings_and_other_fields_say_nothing() -> None:
    assert read(b": ping\n\nevent: error\nid: 7\nretry: 1\n\n: ping\ndata: x\n\n") == [b"x"]


def test_byte_order_mark_is_no_part_of_the_first_field() -> None:
    assert read(b"\xef\xbb\xbfdata: x\n\n") == [b"x"]


def test_a_line_end_of_two_bytes_may_come_in_two_pieces() -> None:
    assert read(b"data: a\r", b"\ndata: b\r", b"\n", b"\r\n") == [b"a\nb"]


@given(st.lists(st.sampled_from([b"data: x", b": ping", b"event: e", b"", b"data: y"]), max_size=12), st.data())
def test_it_does_not_matter_in_which_pieces_the_bytes_come(lines: list[bytes], data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([b"\n", b"\r\n", b"\r"])).join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert read(*pieces) == read(whole)


@pytest.mark.parametrize("pieces", [[b"data: ", b"x" * 60, b"x" * 60], [b"data: " + b"x" * 60 + b"\n"] * 2])
def test_event_that_is_too_large_is_an_error_before_it_ends(pieces: list[bytes]) -> None:
    with pytest.raises(EventTooLargeError):
        read(*pieces, most=100)


@pytest.mark.parametrize("line", [b"data:\n", b"data\n"])
def test_empty_lines_count_as_the_event_will_have_them(line: bytes) -> None:
    assert read(line * 101 + b"\n", most=100) == [b"\n" * 100]
    with pytest.raises(EventTooLargeError):
        read(line * 102, most=100)


def test_an_event_of_very_many_lines_is_read_in_one_pass() -> None:
    """Counted anew at each line, these would take ten minutes, and a stream of them the whole function's time."""
    (event,) = read(b"data:x\n" * 250_000 + b"\n", most=1_000_000)
    assert event == b"\n".join([b"x"] * 250_000)


def feed_without_end(reader: SseReader, piece: bytes) -> None:
    while True:
        assert list(reader.feed(piece)) == []


@pytest.mark.parametrize("piece", [b"data:x\n" * 1000, b"x"], ids=["lines", "a line in single bytes"])
def test_what_is_kept_is_as_large_as_the_event(piece: bytes) -> None:
    """As objects of Python, lines and pieces of a byte were a hundred times as large."""
    most = 100_000
    tracemalloc.start()
    try:
        with pytest.raises(EventTooLargeError):
            feed_without_end(SseReader(most), piece)
        assert tracemalloc.get_traced_memory()[1] < 8 * most
    finally:
        tracemalloc.stop()


def test_events_one_after_the_other_and_pings_are_never_too_large() -> None:
    assert len(read(*[b"data: " + b"x" * 60 + b"\n\n: ping\n\n"] * 20, most=100)) == 20


def test_an_event_of_exactly_the_most_bytes_is_taken_and_one_more_is_not() -> None:
    assert read(b"data: " + b"x" * 10 + b"\n\n" + b"data: " + b"y" * 10 + b"\n\n", most=10) == [b"x" * 10, b"y" * 10]
    with pytest.raises(EventTooLargeError, match=r"^an event of more than 10 bytes$"):
        read(b"data: " + b"x" * 11 + b"\n\n", most=10)


def test_a_line_feed_ends_a_line_by_itself_at_the_start_of_any_piece() -> None:
    assert read(b"data: x", b"\n", b"\n") == [b"x"]
    assert read(b"\n", b"data: x\r", b"\ndata: y\n", b"\n") == [b"x\ny"]
