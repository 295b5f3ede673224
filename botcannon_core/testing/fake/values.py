"""Values in memory as a server keeps them: texts, hashes and lists, and when they end.

`Values.do` takes a command's words and gives its answer as plain values. What a real server would
refuse is refused with the same first word. Not here: streams (commands), connections (store).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from botcannon_core.testing.fake.streams import Stream

Answer = Any
Value = TypeVar("Value", str, dict[str, str], list[str], Stream)


class Problem(Exception):
    """What a server answers when it refuses; its first word is the kind."""


class Waits(Exception):
    """A blocking read finds nothing yet: ask again when something has changed."""


class Values:
    """The values of one server, and its clock."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.now = clock
        self._values: dict[str, Any] = {}
        self._ends: dict[str, float] = {}

    def do(self, *words: Any) -> Answer:
        """The answer to one command. Raises Problem, and Waits for a read that blocks."""
        name, *rest = [str(word) for word in words]
        if name.upper() in ("XINFO", "XGROUP", "SCRIPT") and rest:
            name, rest = f"{name}_{rest[0]}", rest[1:]
        command = getattr(self, f"_{name.lower()}", None)
        if command is None:
            raise Problem(f"ERR the fake store has no command {name.replace('_', ' ')}")
        return command(*rest)

    # --- values -----------------------------------------------------------------------------------

    def value(self, key: str, kind: type[Value]) -> Value | None:
        """The value of a key, or None; of another kind than asked for it is refused."""
        if self._ends.get(key, self.now() + 1) <= self.now():
            self._del(key)
        found = self._values.get(key)
        if found is not None and not isinstance(found, kind):
            raise Problem("WRONGTYPE Operation against a key holding the wrong kind of value")
        return found

    def made(self, key: str, kind: type[Value]) -> Value:
        """The value of a key, made if there is none."""
        found = self.value(key, kind)
        if found is None:
            found = self._values[key] = kind()
        return found

    def _del(self, *keys: str) -> int:
        for key in keys:
            self._ends.pop(key, None)
        return sum(self._values.pop(key, None) is not None for key in keys)

    def _flushall(self) -> str:
        self._values.clear()
        self._ends.clear()
        return "OK"

    def _ping(self) -> str:
        return "PONG"

    def _echo(self, text: str) -> str:
        return text

    def _time(self) -> list[str]:
        microseconds = int(self.now() * 1_000_000)
        return [str(microseconds // 1_000_000), str(microseconds % 1_000_000)]

    def _keys(self, glob: str) -> list[str]:
        return [key for key in self._values if fnmatchcase(key, glob.replace("\\", ""))]

    def _get(self, key: str) -> str | None:
        return self.value(key, str)

    def _mget(self, *keys: str) -> list[str | None]:
        return [self._get(key) for key in keys]

    def _set(self, key: str, text: str, *options: str) -> str:
        self._del(key)
        self._values[key] = text
        if options:
            self._pexpire(key, options[1])
        return "OK"

    def _pexpire(self, key: str, milliseconds: str) -> int:
        if key not in self._values:
            return 0
        self._ends[key] = self.now() + int(milliseconds) / 1000
        return 1

    # --- hashes and lists -------------------------------------------------------------------------

    def _hset(self, key: str, *words: str) -> int:
        fields = self.made(key, dict)
        before = len(fields)
        fields.update(zip(words[::2], words[1::2], strict=True))
        return len(fields) - before

    def _hsetnx(self, key: str, name: str, text: str) -> int:
        return 0 if name in self.made(key, dict) else self._hset(key, name, text)

    def _hget(self, key: str, name: str) -> str | None:
        return (self.value(key, dict) or {}).get(name)

    def _hmget(self, key: str, *names: str) -> list[str | None]:
        return [self._hget(key, name) for name in names]

    def _hgetall(self, key: str) -> list[str]:
        return [word for pair in (self.value(key, dict) or {}).items() for word in pair]

    def _hincrby(self, key: str, name: str, by: str) -> int:
        total = int(self._hget(key, name) or 0) + int(by)
        self._hset(key, name, str(total))
        return total

    def _hdel(self, key: str, *names: str) -> int:
        fields = self.value(key, dict) or {}
        count = sum(fields.pop(name, None) is not None for name in names)
        self._drop_if_empty(key)
        return count

    def _rpush(self, key: str, *texts: str) -> int:
        self.made(key, list).extend(texts)
        return len(self.made(key, list))

    def _lrange(self, key: str, low: str, high: str) -> list[str]:
        texts = self.value(key, list) or []
        return texts[int(low) : None if high == "-1" else int(high) + 1]

    def _lindex(self, key: str, at: str) -> str | None:
        texts = self.value(key, list) or []
        return texts[int(at)] if int(at) < len(texts) else None

    def _lpop(self, key: str) -> str | None:
        texts = self.value(key, list) or []
        first = texts.pop(0) if texts else None
        self._drop_if_empty(key)
        return first

    def _lrem(self, key: str, _one: str, text: str) -> int:
        texts = self.value(key, list) or []
        if text not in texts:
            return 0
        texts.remove(text)
        self._drop_if_empty(key)
        return 1

    def _drop_if_empty(self, key: str) -> None:
        if not self._values.get(key):  # a server keeps no empty hash or list
            self._del(key)
