"""Memory: small texts that a service keeps from one message to the next, each for a limited time.

Two ends of one conversation: `Memory` is what user code in a worker gets (the handle `memory`), `answer`
is what its pool does for it in the store; an intake, which has the store at hand, has `kept`. Not here:
what is worth remembering (chat).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botcannon_core.errors import UsageError
from botcannon_core.ledger.keys import Keys

if TYPE_CHECKING:  # a worker needs no store client
    from botcannon_core.ledger.line import Line
    from botcannon_core.ledger.store import Store

Ask = Callable[[str, Any], Any]
"""Asks the pool (kind, body) and waits for its answer."""

LONGEST_KEY = 500  # characters
LONGEST_TEXT = 1_000_000
LONGEST_SECONDS = 1e9  # "for ever" is 30 years


class Memory:
    """What a service remembers, by key; any worker of it, on any host, finds it again."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def get(self, key: str) -> str | None:
        """The text under `key`, or None if there is none or its time is over."""
        found = self._ask("memory", ["get", key])
        return found if isinstance(found, str) else None

    def put(self, key: str, value: str, seconds: float) -> None:
        """Remember a text for so many seconds. Raises UsageError for what cannot be remembered so."""
        if len(key) > LONGEST_KEY:
            raise UsageError(
                f"a key of the memory has at most {LONGEST_KEY} characters: {key[:20]}…"
            )
        if len(value) > LONGEST_TEXT:
            raise UsageError(f"memory holds at most {LONGEST_TEXT:,} characters under a key: {key}")
        if not seconds > 0:  # nor is no number
            raise UsageError(
                f"memory keeps {key} for more than 0 seconds, not {seconds}; or drop it"
            )
        self._ask("memory", ["put", key, value, seconds])

    def drop(self, key: str) -> bool:
        """Forget what is under `key`; of all who do so, only the first hears True."""
        return bool(self._ask("memory", ["drop", key]))


def forgetful() -> Memory:
    """A memory of this process alone, for where there is no pool: it forgets nothing before its end."""
    texts: dict[str, str] = {}

    def ask(_kind: str, body: Any) -> Any:
        verb, key, *rest = body
        found = texts.pop(key, None) if verb != "put" else rest[0]
        if verb != "drop" and found is not None:
            texts[key] = found
        return found

    return Memory(ask)


def kept(store: Store, keys: Keys) -> Memory:
    """A service's memory, waiting for the store at each word. They raise StoreError without it."""
    from botcannon_core.ledger.asker import Asker  # not in a worker, which never comes here

    asker = Asker(store)

    def ask(_kind: str, body: Any) -> Any:
        words = _words(keys, body)
        return asker.ask(words[1], words)[0] if words else None

    return Memory(ask)


def answer(line: Line, keys: Keys, body: Any, then: Callable[[Any], None]) -> None:
    """Do in the store what a worker asked for; anything malformed is answered with None."""
    words = _words(keys, body)
    if words:
        line.say(*words, then=then)
    else:
        then(None)


def _words(keys: Keys, body: Any) -> tuple[Any, ...]:
    """The store's command for what was asked; none for what is malformed."""
    match body:
        case ["get", str(key)]:
            return ("GET", keys.key(f"memory:{key}"))
        case ["put", str(key), str(value), int() | float() as seconds] if seconds > 0:
            milliseconds = int(min(seconds, LONGEST_SECONDS) * 1000) or 1
            return ("SET", keys.key(f"memory:{key}"), value, "PX", milliseconds)
        case ["drop", str(key)]:
            return ("DEL", keys.key(f"memory:{key}"))
        case _:
            return ()
