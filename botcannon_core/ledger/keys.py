"""The names of everything kept in the store: the one place where a key is made.

Pure text: nothing here talks to a store or knows what a key holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

CHANNELS = ("data", "taskback", "log", "dead")


@dataclass(frozen=True)
class Keys:
    """The keys of one service; all of them live in one cluster slot, so one script may use several.

    The braces in a key are literal: a cluster hashes only what stands between them.
    """

    namespace: str
    service: str

    @property
    def data(self) -> str:
        """The stream of what the collector read."""
        return self.key("data")

    @property
    def taskback(self) -> str:
        """The stream of how messages ended."""
        return self.key("taskback")

    @property
    def log(self) -> str:
        """The stream of what the service's processes said."""
        return self.key("log")

    @property
    def dead(self) -> str:
        """The stream of messages that could not be done."""
        return self.key("dead")

    def key(self, suffix: str) -> str:
        """Any other key of this service, in the same slot."""
        return f"{self.namespace}|streams:{{{self.service}}}:{suffix}"


def conf_key(namespace: str, key: str) -> str:
    """Where the kwargs named `key` are kept."""
    return f"{namespace}|conf:{key}"


def services_pattern(namespace: str) -> str:
    """A glob that finds at least every key of every service of the namespace, for a scan."""
    return f"{_globbed(namespace)}|streams:{{*}}:*"


def services_in(namespace: str, keys: Iterable[str]) -> list[str]:
    """The names of the services these keys belong to, sorted, each once."""
    shape = re.compile(re.escape(namespace) + r"\|streams:\{(.+?)\}:.+", re.DOTALL)
    found = (shape.fullmatch(key) for key in keys)
    return sorted({match[1] for match in found if match})


def _globbed(text: str) -> str:
    return re.sub(r"([\\*?\[\]^])", r"\\\1", text)
