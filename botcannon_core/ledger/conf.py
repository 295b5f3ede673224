"""Kwargs in the store, by their `conf.key`: so that another service or host need only name the key.

A hash a key: kwarg name -> JSON, or a tag and what it means: `!fernet` a locked secret, `!yaml` a value
that JSON cannot say (a date, say). The nameless field says that the hash is there, even without kwargs.
Not here: which kwargs win (compose), nor how secrets are locked (secrets).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botcannon_core.compose.spec import Hidden
from botcannon_core.errors import StoreError
from botcannon_core.ledger.keys import conf_key
from botcannon_core.ledger.secrets import Box
from botcannon_core.ledger.store import Store

MARK = ""  # the nameless field
SECRET_TAG = "!fernet "  # noqa: S105 - a tag, no password
YAML_TAG = "!yaml "

Elsewhere = Callable[[str, str], bool]
"""Says of (key, kwarg) that its secret is known from elsewhere, so that the stored one is not opened."""


def stored(
    store: Store, keys: Iterable[str], elsewhere: Elsewhere = lambda _key, _name: False
) -> dict[str, dict[str, Any]]:
    """The kwargs kept under each of these keys; keys under which nothing is kept are left out.

    A secret comes as Hidden. Raises StoreError, naming it, for one that cannot be opened.
    """
    box = Box(store.folder)
    found = {}
    for key in keys:
        name = conf_key(store.namespace, key)
        [words] = store.ask(name, ("HGETALL", name))
        if words:
            fields = dict(zip(words[::2], words[1::2], strict=True))
            found[key] = _opened(key, fields, box, elsewhere)
    return found


def save(store: Store, key: str, kwargs: Mapping[str, Any]) -> None:
    """Keep `kwargs` under `key`, in place of what was there; what is Hidden is encrypted."""
    box = Box(store.folder)
    fields = {MARK: "1"}
    fields |= {name: _text(value, _place(key, name), box) for name, value in kwargs.items()}
    name = conf_key(store.namespace, key)
    words = [word for pair in fields.items() for word in pair]
    store.ask(name, ("MULTI",), ("DEL", name), ("HSET", name, *words), ("EXEC",))


def _opened(key: str, fields: Mapping[str, str], box: Box, elsewhere: Elsewhere) -> dict[str, Any]:
    return {
        name: _value(text, _place(key, name), box)
        for name, text in fields.items()
        if name != MARK and not (text.startswith(SECRET_TAG) and elsewhere(key, name))
    }


def _place(key: str, name: str) -> str:
    return f"{name!r} of the key {key!r}"


def _text(value: Any, place: str, box: Box) -> str:
    if isinstance(value, Hidden):
        return SECRET_TAG + box.lock(str(value), place)
    try:
        text = json.dumps(value, ensure_ascii=False)
        if json.loads(text) == value:  # it turns a number that is a name into text, for one
            return text
    except (TypeError, ValueError):
        pass
    return YAML_TAG + _yaml(value, place)


def _yaml(value: Any, place: str) -> str:
    import yaml  # 20 ms, and few values need it

    try:
        return str(yaml.safe_dump(value, allow_unicode=True))
    except yaml.YAMLError:
        raise StoreError(
            f"{place} cannot be kept in the store: a value of type {type(value).__name__}"
        ) from None


def _value(text: str, place: str, box: Box) -> Any:
    if text.startswith(SECRET_TAG):
        return Hidden(box.open(text.removeprefix(SECRET_TAG), place))
    try:
        tagged = text.startswith(YAML_TAG)
        return _read_yaml(text.removeprefix(YAML_TAG)) if tagged else json.loads(text)
    except ValueError:
        raise StoreError(
            f"{place} in the store is not what botcannon wrote; save the file's kwargs again "
            "with ./botcannon yml FILE"
        ) from None


def _read_yaml(text: str) -> Any:
    import yaml  # 20 ms, and few values need it

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
