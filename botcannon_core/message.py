"""The message: a flat mapping of strings with an id, and the rules by which results become one.

Pure words: nothing here knows how a message is stored or carried.
"""

from __future__ import annotations

from _collections_abc import Iterable, Mapping  # as `os` has them: without `collections`

from botcannon_core import notation
from botcannon_core.errors import MessageError

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Any, Literal

    Outcome = Literal["done", "skipped", "parked"]

MOST_FIELDS = 1000  # of a message or of results: what is settled in one script call has a limit


class Message(Mapping[str, str]):
    """What a collector yielded or an answer to it: read-only strings by name, with an id.

    `id` is the message's own (`1700000000000-0`), also on its taskback and after a retry; `time`
    is when it was stored, in seconds since the epoch; `service` is whose it is. On a taskback,
    `outcome` says how it ended, `error` is one line if it was parked or cancelled, `error_id` finds
    the traceback in the log, and `redelivered` is true if a killed intake may have seen it before.
    On a note, which comes before, `note` says how far it is.

    In a step of a program, `key` is the same whenever this step of this run is run again, to be given
    to an outside that does things once for a key; `in_doubt` is true if a worker was killed while it ran
    what is about to be run again or undone, so that nobody knows what it did.
    """

    __slots__ = ("_fields", "_key", "id", "in_doubt", "redelivered", "service")

    def __init__(
        self,
        fields: Mapping[str, str],
        message_id: str = "",
        service: str = "",
        redelivered: bool = False,
        key: str = "",
        in_doubt: bool = False,
    ) -> None:
        self._fields = fields
        self.id = message_id
        self.service = service
        self.redelivered = redelivered
        self.in_doubt = in_doubt
        self._key = key

    def __getitem__(self, name: str) -> str:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Message({self.id!r}, {dict(self._fields)!r})"

    @property
    def time(self) -> float:
        """When the message was stored, in seconds since the epoch; 0.0 if it has no id yet."""
        milliseconds = self.id.partition("-")[0]
        return int(milliseconds) / 1000 if milliseconds.isdigit() else 0.0

    @property
    def key(self) -> str:
        """The message's id, with the step of a program that it is given to, if there is one."""
        return f"{self.id}/{self._key}" if self._key else self.id

    @property
    def metadata(self) -> dict[str, Any]:
        """What was sent beside a request: the JSON object in the field `metadata`, or an empty dict."""
        try:
            found = notation.read(self._fields.get("metadata", "{}"))
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def outcome(self) -> Outcome | None:
        """How the message ended, or None while it has not."""
        match self._fields.get("_outcome"):
            case "done" | "skipped" | "parked" as outcome:
                return outcome
        return None

    @property
    def error(self) -> str | None:
        """Why the message was parked, in one line; `cancelled` if whoever asked had it ended."""
        return self._fields.get("_error")

    @property
    def error_id(self) -> str | None:
        """What to look up in the log to see the whole traceback."""
        return self._fields.get("_error_id")

    @property
    def note(self) -> str | None:
        """How far the message is, in one line; None on everything but a note."""
        return self._fields.get("_note")


def checked_batch(given: object, source: str) -> Iterable[object]:
    """What `source` returned, item by item: None is none. Raises MessageError for what is no list."""
    if given is None:
        return ()
    if isinstance(given, Iterable) and not isinstance(given, Mapping | str | bytes):
        return given
    what = "one message, not a list" if isinstance(given, Mapping) else _kind(given)
    raise MessageError(f"{source} returned {what}: yield messages, or return a list of them")


def checked_fields(fields: object, source: str) -> dict[str, str]:
    """`fields` as a new dict, once it is certain that they can be stored.

    `source` names who gave them. Raises MessageError, naming the field and its type, for anything
    but a mapping of strings to strings without leading underscores: those names are botcannon's.
    """
    if not isinstance(fields, Mapping):
        raise MessageError(f"{source} gave {_kind(fields)}, not a mapping of strings to strings")
    if len(fields) > MOST_FIELDS:
        raise MessageError(
            f"{source} gave {len(fields)} fields; a message has {MOST_FIELDS} at most"
        )
    if not fields:
        raise MessageError(f"{source} gave an empty message; yield None when there is no news")
    for name, value in fields.items():
        if not isinstance(name, str):
            raise MessageError(
                f"{source} gave the field name {name!r}: {_kind(name)}, not a string"
            )
        if name.startswith("_"):
            raise MessageError(
                f"{source} set the field {name!r}: names with _ first are botcannon's"
            )
        if not isinstance(value, str):
            raise MessageError(f"{source} gave {_kind(value)} in field {name!r}, not a string")
        if not _encodable(name) or not _encodable(value):
            raise MessageError(f"{source} gave a lone surrogate in field {name!r}, not valid text")
    return dict(fields)


def checked_results(results: object, source: object) -> dict[str, Any]:
    """What a task returned, as a dict to merge; None is an empty one. `source` is that task, or a text.

    Raises MessageError for anything but a dict with string names that are not botcannon's.
    """
    if results is None:
        return {}
    if not isinstance(results, dict):
        raise MessageError(f"{_giver(source)} returned {_kind(results)}, not a dict or None")
    if len(results) > MOST_FIELDS:
        text = f"returned {len(results)} results; {MOST_FIELDS} is the most"
        raise MessageError(f"{_giver(source)} {text}")
    for name in results:
        if not isinstance(name, str):
            text = f"returned the name {name!r}: {_kind(name)}, not a string"
            raise MessageError(f"{_giver(source)} {text}")
        if name.startswith("_"):
            raise MessageError(f"{_giver(source)} set {name!r}: names with _ first are botcannon's")
    return results


def given(message: Message, asked: Mapping[str, str]) -> dict[str, str]:
    """The results in a taskback, of which message and results come merged, to what was `asked`."""
    same = notation.read(message.get("_same", "[]"))
    return {
        name: value
        for name, value in message.items()
        if not name.startswith("_") and (asked.get(name) != value or name in same)
    }


def flat(results: Mapping[str, Any]) -> dict[str, str]:
    """Results as message fields: strings as they are, anything else as JSON text."""
    fields = {}
    for name, value in results.items():
        fields[name] = value if isinstance(value, str) else notation.readable(value)
    return fields


def redacted(text: str, hidden: Collection[str]) -> str:
    """`text` with every hidden text shown as ***, the longest first."""
    for secret in sorted(hidden, key=len, reverse=True):
        if secret:
            text = text.replace(secret, "***")
    return text


def one_line(text: str, limit: int = 300) -> str:
    """`text` as one printable line of at most `limit` characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _encodable(text: str) -> bool:
    # isascii is a flag test in CPython, so the hot path encodes nothing
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _giver(source: object) -> str:
    if isinstance(source, str):
        return source
    function = getattr(source, "__dict__", {}).get("task")  # of a task that is a plain function
    name = getattr(getattr(function, "func", function), "__name__", "")
    return name or f"{type(source).__name__}.task"


def _kind(value: object) -> str:
    return "nothing (None)" if value is None else f"a value of type {type(value).__name__}"
