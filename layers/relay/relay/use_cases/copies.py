"""Copies of an agent's templates: each ends with its template, which is asked for when it matters."""

from collections.abc import Iterable

from relay import observability
from relay.adapters.table.configs import Configs
from relay.adapters.table.cursors import Cursors
from relay.adapters.table.directory import Directory
from relay.domain.keys import ConfigKey
from relay.domain.push_config import PushConfig


class Copies:
    def __init__(self, *, configs: Configs, cursors: Cursors, directory: Directory) -> None:
        self._configs = configs
        self._cursors = cursors
        self._directory = directory

    def living(self, configs: Iterable[PushConfig]) -> list[PushConfig]:
        """Without those whose template is gone. Reads once per template, and nothing where there are no copies."""
        lives: dict[ConfigKey, str] = {}
        found = []
        for config in configs:
            if config.template and config.template_key not in lives:
                template = self._configs.template(config.template_key)
                lives[config.template_key] = template.template if template else ""
            if not config.template or lives[config.template_key] == config.template:
                found.append(config)
        return found

    def has_ended(self, config: PushConfig) -> bool:
        """Whether it is a copy whose template is gone; it is deleted then, its cursor first."""
        if self.living([config]):
            return False
        self._cursors.delete(config.key)
        self._configs.delete(config.key)
        self._directory.remove(config.key)
        observability.log("push config ended with its template", config=config.key)
        return True
