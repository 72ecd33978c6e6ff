"""The template's parameters: their defaults, and the values that `--parameter-overrides` gives them.

Source: AWS CloudFormation User Guide, "Parameters".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from relay_dev.cloudformation import TemplateError

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Parameter:
    name: str
    default: str | None
    is_number: bool = False
    allowed_values: tuple[str, ...] = ()
    allowed_pattern: str = ""
    least: float | None = None
    most: float | None = None
    constraint: str = ""

    @classmethod
    def read(cls, name: str, declared: Mapping[str, Any]) -> "Parameter":
        return cls(
            name=name,
            default=_text(declared["Default"]) if "Default" in declared else None,
            is_number=declared.get("Type") == "Number",
            allowed_values=tuple(_text(value) for value in declared.get("AllowedValues", ())),
            allowed_pattern=declared.get("AllowedPattern", ""),
            least=_number(declared.get("MinValue")),
            most=_number(declared.get("MaxValue")),
            constraint=declared.get("ConstraintDescription", ""),
        )

    def wrong(self, value: str) -> str:
        """What the value should have been; empty when it is right."""
        if self.allowed_values and value not in self.allowed_values:
            return "one of " + ", ".join(self.allowed_values)
        if self.allowed_pattern and not re.fullmatch(self.allowed_pattern, value):
            return self.constraint or f"text that matches {self.allowed_pattern}"
        return self._wrong_number(value) if self.is_number else ""

    def _wrong_number(self, value: str) -> str:
        if not _NUMBER.fullmatch(value):
            return "a number"
        number = float(value)
        if self.least is not None and number < self.least:
            return f"at least {self.least:g}"
        if self.most is not None and number > self.most:
            return f"at most {self.most:g}"
        return ""


def parameter_values(parameters: Mapping[str, Parameter], overrides: Mapping[str, str]) -> dict[str, str]:
    """Defaults, and the overrides over them. Raises: TemplateError naming the parameter that is unknown, missing or wrong."""
    if unknown := [name for name in overrides if name not in parameters]:
        raise TemplateError(f"The template has no parameter {', '.join(unknown)}; it has {', '.join(sorted(parameters))}.")
    return {name: _value(parameter, overrides.get(name, parameter.default)) for name, parameter in parameters.items()}


def _value(parameter: Parameter, value: str | None) -> str:
    if value is None:
        raise TemplateError(f"The parameter {parameter.name} has no default; give it with --parameter-overrides {parameter.name}=…")
    if expected := parameter.wrong(value):
        raise TemplateError(f"The parameter {parameter.name} must be {expected}.")
    return value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
