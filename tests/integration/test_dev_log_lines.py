"""In `relay dev` a log line is for a person: short, in a fixed order, nothing lost."""

import logging
from typing import Any

import pytest

from relay_dev.log_lines import LineFormatter, LineHandler
from relay_dev.shown import shown


def _line(words: str, level: int = logging.INFO, **fields: Any) -> str:
    record = logging.makeLogRecord({"msg": words, "levelno": level, "levelname": logging.getLevelName(level), "created": 1.5, **fields})
    return LineFormatter().format(record)[14:]


def test_the_well_known_fields_come_first_and_unknown_ones_follow() -> None:
    line = _line("notification delivered", function="deliver", took_ms=1.5, webhook_id="msg_1", state="working", task="t-1", config="c-1")
    assert line == "deliver  notification delivered task=t-1 config=c-1 state=working webhook_id=msg_1 took_ms=1.5"


def test_what_is_the_same_in_every_line_is_left_out() -> None:
    assert _line("swept", function="sweep", owner="default", agent="default", request_id="1") == "sweep    swept"
    assert "agent=other" in _line("polled", agent="other")


def test_a_value_with_spaces_is_quoted() -> None:
    assert _line("call refused", function="api", reason="not now").endswith("reason='not now'")


@pytest.mark.parametrize("character", ["\n", "\r", "\x1b", "\x00", "\x7f", "\x9b", "\u2028", "\u202e", "\ud800"])
def test_what_a_stranger_chose_neither_breaks_a_line_nor_moves_the_cursor(character: str) -> None:
    line = _line("call refused", function="api", method=f"Get{character}Task")
    assert line.isprintable()
    assert "Get\\" in line
    assert shown(f"Get{character}Task").isprintable()


@pytest.mark.parametrize("text", ["", "task-1", "a b", "日本 é", "it's"])
def test_what_harms_nobody_is_shown_as_it_is(text: str) -> None:
    assert shown(text) == text


def test_a_fault_says_so_and_where() -> None:
    line = _line("call failed", logging.ERROR, function="api", error=["KeyError"], error_at=["api.py:1 handler", "keys.py:2 find"])
    assert line.splitlines() == [
        "api      ERROR: call failed     error=KeyError",
        " " * 15 + "at api.py:1 handler",
        " " * 15 + "at keys.py:2 find",
    ]


def test_lines_go_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    LineHandler().handle(logging.makeLogRecord({"msg": "hello", "levelno": logging.INFO}))
    assert "hello" in capsys.readouterr().out
