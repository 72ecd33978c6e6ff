"""CloudFormation's short tags, parameters, conditions and intrinsic functions, as far as a template is read on one machine.

Source: AWS CloudFormation User Guide, "Intrinsic function reference".
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from relay_dev.failure import DevError

# (logical id, attribute) -> its value on this machine; the attribute is empty for a `Ref`.
Attributes = Callable[[str, str], str]

_NO_VALUE = object()  # AWS::NoValue: what holds it is left out
_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")


class TemplateError(DevError):
    """The template, or what overrides its parameters, cannot be used; one sentence that says why."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # libyaml's, where it is: ten times as fast
    """YAML with CloudFormation's tags."""


def _construct_tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any = None
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    if suffix in {"Ref", "Condition"}:
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _construct_tag)


@cache
def _parsed(text: str) -> Any:
    """Shared by all who read the same text: nobody may change it."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 a SafeLoader with more tags


def load(path: Path) -> dict[str, Any]:
    """The template with its tags in their long form. Raises: TemplateError."""
    try:
        found = _parsed(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TemplateError(f"The template {path.name} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise TemplateError(f"The template {path.name} is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(found, dict) or not isinstance(found.get("Resources"), dict):
        raise TemplateError(f"The template {path.name} has no Resources.")
    return found


class Resolver:
    """Replaces every intrinsic function by its value."""

    def __init__(self, *, parameters: Mapping[str, str], conditions: Mapping[str, Any], attributes: Attributes) -> None:
        self._parameters = parameters
        self._conditions = conditions
        self._attributes = attributes
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            # A policy statement has a key `Condition` too, with a mapping.
            "Condition": lambda given: self.condition(given) if isinstance(given, str) else {"Condition": self.resolve(given)},
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": lambda given: self._text(given[0]).join(self._text(part) for part in self.resolve(given[1])),
            "Fn::Select": lambda given: self.resolve(given[1])[int(self._text(given[0]))],
            "Fn::Split": lambda given: self._text(given[1]).split(self._text(given[0])),
            "Fn::If": lambda given: self.resolve(given[1] if self.condition(given[0]) else given[2]),
            "Fn::Equals": lambda given: self._text(given[0]) == self._text(given[1]),
            "Fn::Not": lambda given: not self.resolve(given[0]),
            "Fn::And": lambda given: all(self.resolve(each) for each in given),
            "Fn::Or": lambda given: any(self.resolve(each) for each in given),
        }

    def resolve(self, value: Any) -> Any:
        """Raises: TemplateError."""
        if isinstance(value, list):
            return [resolved for each in value if (resolved := self.resolve(each)) is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and (function := self._function(next(iter(value)))):
            return function(next(iter(value.values())))
        return {name: resolved for name, each in value.items() if (resolved := self.resolve(each)) is not _NO_VALUE}

    def condition(self, name: str) -> bool:
        """Raises: TemplateError."""
        if name not in self._conditions:
            raise TemplateError(f"The template has no condition {name}.")
        return bool(self.resolve(self._conditions[name]))

    def _function(self, name: object) -> Callable[[Any], Any] | None:
        if isinstance(name, str) and name.startswith("Fn::") and name not in self._functions:
            raise TemplateError(f"The template uses {name}, which `relay dev` does not know.")
        return self._functions.get(name) if isinstance(name, str) else None

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        return self._parameters[name] if name in self._parameters else self._attributes(name, "")

    def _get_att(self, given: list[str]) -> str:
        return self._attributes(given[0], ".".join(given[1:]))

    def _sub(self, given: str | list[Any]) -> str:
        text, variables = (given, {}) if isinstance(given, str) else (given[0], given[1])

        def value(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return "${" + name + "}"
            if name in variables:
                return self._text(variables[name])
            logical_id, _, attribute = name.partition(".")
            return self._text(self._get_att([logical_id, attribute]) if attribute else self._ref(name))

        return _PLACEHOLDER.sub(value, text)

    def _text(self, value: Any) -> str:
        resolved = self.resolve(value)
        return str(resolved).lower() if isinstance(resolved, bool) else str(resolved)
