"""What moto works out anew at each request, and may remember: its answers stay the same, and come sooner."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import moto.core.responses
import moto.sqs.models
from moto.core.serialize import AttributePickerContext, XFormedAttributePicker
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined]  # moto does not type it

_REMEMBERED = 1000  # calls of each: what asks through `--aws-port` may ask for anything
_OF_ONE_ARGUMENT = (  # without effects, and nobody changes what they return
    (moto.core.responses, "method_names_from_class"),
    (moto.core.responses, "camelcase_to_underscores"),
    (moto.sqs.models, "camelcase_to_underscores"),
    (UpdateExpressionParser, "make"),
)


def replacements() -> Iterator[tuple[Any, str, Callable[..., Any]]]:
    """Of what, by which name, and with what."""
    for owner, name in _OF_ONE_ARGUMENT:
        yield owner, name, lru_cache(_REMEMBERED)(getattr(owner, name))
    yield XFormedAttributePicker, "__call__", _attribute_values_as_they_are(XFormedAttributePicker.__call__)


def _attribute_values_as_they_are(pick: Callable[..., Any]) -> Callable[..., Any]:
    """DynamoDB's `{"S": "…"}` has one of ten members, and moto looks for each of the ten under some fifteen names."""

    def picked(picker: XFormedAttributePicker, context: AttributePickerContext) -> Any:
        if type(context.obj) is dict and getattr(getattr(context.shape, "parent", None), "name", "") == "AttributeValue":
            return context.obj.get(context.key)
        return pick(picker, context)

    return picked
