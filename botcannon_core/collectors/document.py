"""A document that a client sent: one JSON object in which each name is given once, or why it is none.

Pure, for doors that take JSON. Not here: what its members mean, and where one ends and the next begins.
"""

from __future__ import annotations

import json
from typing import Any, Literal, NoReturn

Kind = Literal["encoding", "json", "object"]


class NotOne(Exception):
    """What came is no such document: which kind of trouble it is, and one line that says why."""

    def __init__(self, kind: Kind, text: str) -> None:
        self.kind = kind
        self.text = text
        super().__init__(text)


def parsed(data: bytes, what: str) -> dict[str, Any]:
    """The object in JSON, in UTF-8, that `data` is. Raises NotOne, which calls it `what`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotOne("encoding", f"{what} is not UTF-8") from error
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise NotOne("json", f"{what} is not valid JSON{_where(error)}") from error
    if not isinstance(document, dict):
        raise NotOne("object", f"{what} is {called(document)}; it has to be an object")
    return document


def called(value: object) -> str:
    """What a value of JSON is called in an error."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return "a text" if isinstance(value, str) else "a number"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    given = dict(pairs)
    if len(given) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotOne("object", f"{twice!r} is given twice")
    return given


def _no_number(_word: str) -> NoReturn:
    raise ValueError("there are no such numbers in JSON")


def _where(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f": {error.msg}, line {error.lineno}, column {error.colno}"
    return ": it is nested too deeply" if isinstance(error, RecursionError) else ""
