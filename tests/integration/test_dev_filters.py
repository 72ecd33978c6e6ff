"""Filter patterns as Lambda documents them."""

from typing import Any

import pytest

from relay_dev.cloudformation import TemplateError
from relay_dev.filters import check_pattern, matches, passes

RECORD = {"eventName": "INSERT", "dynamodb": {"Keys": {"sk": {"S": "REVISION#0001"}}}}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"eventName": ["INSERT"]}, True),
        ({"eventName": ["MODIFY", "INSERT"]}, True),
        ({"eventName": ["REMOVE"]}, False),
        ({"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "REVISION#"}]}}}}, True),
        ({"eventName": ["REMOVE"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "REVISION#"}]}}}}, False),
        ({"dynamodb": {"Keys": {"sk": {"S": [{"suffix": "#0001"}]}}}}, True),
        ({"dynamodb": {"Keys": {"sk": {"N": [{"prefix": "1"}]}}}}, False),
        ({"dynamodb": {"Keys": {"nothing": {"S": ["x"]}}}}, False),
        ({"userIdentity": [{"exists": False}]}, True),
        ({"eventName": [{"exists": True}]}, True),
        ({"eventName": [{"anything-but": ["INSERT"]}]}, False),
        ({"eventName": [{"anything-but": ["REMOVE"]}]}, True),
    ],
)
def test_a_pattern_matches_when_each_of_its_fields_does(pattern: dict[str, Any], *, expected: bool) -> None:
    check_pattern(pattern)
    assert matches(RECORD, pattern) is expected


def test_one_of_several_patterns_is_enough_and_none_lets_all_through() -> None:
    assert passes(RECORD, [{"eventName": ["REMOVE"]}, {"eventName": ["INSERT"]}])
    assert not passes(RECORD, [{"eventName": ["REMOVE"]}])
    assert passes(RECORD, [])


@pytest.mark.parametrize("pattern", [{"eventName": "INSERT"}, {"eventName": [{"numeric": [">", 1]}]}])
def test_a_pattern_that_is_not_known_is_refused_when_the_template_is_read(pattern: dict[str, Any]) -> None:
    with pytest.raises(TemplateError):
        check_pattern(pattern)
