"""The static walk over a user's shell: which names a chat can reach, found without running anything.

A name is reachable when it is public and stands in the dict of an object whose class is declared in
`app/`, or in such a class. What lies there is looked at through its type; no property, no
`__getattr__`, no method runs before a person names it. Not here: calling (command) and arguments (bind).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from types import FunctionType, MappingProxyType, MemberDescriptorType
from typing import Any, Literal

from botcannon_core.chat import said as saying
from botcannon_core.chat.acl import OPEN, Gate
from botcannon_core.chat.bind import spellings
from botcannon_core.chat.leaves import field_names, is_data_type, is_leaf
from botcannon_core.chat.parse import Word
from botcannon_core.chat.said import Line, Said

Kind = Literal["group", "command", "property", "value", "closed"]
Own = Callable[[Any], bool]  # is this class or function one that the user declared?

_CACHED = type(functools.lru_cache(lambda: None))  # what lru_cache and cache make of a function
_MISSING = object()


@dataclass(frozen=True)
class Member:
    """A name that can be said, and what it stands for.

    `group` is an object of the user's own, `value` plain data, `command` a method, `property` runs
    when it is named, and `closed` is a module, class, foreign function or foreign object: it is
    shown for what it is and goes no further.
    """

    name: str
    kind: Kind
    summary: str = ""
    get: Callable[[], Any] = field(default=lambda: None, repr=False, compare=False)

    @property
    def label(self) -> str:
        """The name as people type it: with hyphens."""
        return self.name.replace("_", "-")


def in_app(declared: Any) -> bool:
    """Whether a class or function was declared in the project's `app/` folder."""
    module = getattr(declared, "__module__", None)
    return isinstance(module, str) and (module == "app" or module.startswith("app."))


def is_own(value: Any, own: Own = in_app) -> bool:
    """Whether the value is an object of a class the user declared, so that it may be entered."""
    return own(type(value)) and not issubclass(type(value), type)


def members(value: Any, own: Own = in_app) -> list[Member]:
    """Every name that can be said on `value`, in the order of declaration; runs nothing."""
    if type(value) is dict:
        return [_entry(key, value[key], own) for key in value if _public_key(key)]
    found = (find(value, Word(name), own) for name in _names(value, own))
    return [member for member in found if member is not None]


def find(value: Any, word: Word, own: Own = in_app) -> Member | None:
    """What `word` stands for on `value`, or None if nothing can be reached under it; runs nothing."""
    kind = type(value)
    if kind is dict:
        return _key(value, word.text, own)
    if kind is list or kind is tuple:
        return _index(value, word.text, own)
    name = word.text.replace("-", "_")
    if not name.isidentifier() or name.startswith("_"):
        return None
    names = field_names(kind)
    if names and name in names:
        return _data(name, tuple.__getitem__(value, names.index(name)), own)
    if is_own(value, own):
        return _member(value, name, own)
    if name in data_fields(value):
        return _instance_member(value, name, own)
    return None


def trace(shell: object, words: Sequence[Word], own: Own = in_app) -> list[Member]:
    """The members that `words` name in turn, up to the first that only running could pass."""
    path: list[Member] = []
    value = shell
    for word in words:
        member = find(value, word, own)
        if member is None:
            break
        path.append(member)
        if member.kind not in ("group", "value"):
            break
        value = member.get()
    return path


def step(value: Any, member: Member) -> Said:
    """A member of `value` as a word of the command that goes there."""
    if type(value) in (dict, list, tuple):
        return saying.key(value, member.name)
    return saying.name(member.name)


def steps(shell: object, path: Sequence[Member]) -> Line:
    """A path that was traced, as the words of a command."""
    found, value = list[Said](), shell
    for member in path:
        found.append(step(value, member))
        value = member.get() if member.kind in ("group", "value") else None
    return tuple(found)


def listed(value: Any, line: Line, own: Own = in_app, gate: Gate = OPEN) -> list[Member]:
    """The members of `value`, which `line` led to, that can be used by whoever asks."""
    found = (member for member in members(value, own) if member.kind != "closed")
    return [member for member in found if gate.may((*line, step(value, member)))]


def complete(
    shell: object, words: Sequence[str], own: Own = in_app, gate: Gate = OPEN
) -> list[str]:
    """What the last of `words` (perhaps empty) may become: names, or a command's options and choices."""
    said, start = [Word(word) for word in words[:-1]], words[-1] if words else ""
    path = trace(shell, said, own)
    line = steps(shell, path)
    if not gate.may(line):
        return []
    if path and path[-1].kind == "command":
        known = spellings(path[-1].get(), said[len(path) :], start)
    elif len(path) < len(said):
        known = []
    else:
        here = path[-1].get() if path and path[-1].kind in ("group", "value") else shell
        opens = not path or path[-1].kind in ("group", "value")
        known = [m.label for m in listed(here, line, own, gate)] if opens else []
    start = start.replace("_", "-")
    return [text for text in known if text.replace("_", "-").startswith(start)]


def data_fields(value: Any) -> tuple[str, ...]:
    """The public, shown fields of a dataclass object, its own or a foreign one; else nothing."""
    if not is_dataclass(type(value)):
        return ()
    return tuple(f.name for f in fields(type(value)) if f.repr and not f.name.startswith("_"))


def read_field(value: object, name: str) -> Any:
    """The value of a dataclass object's field, read from where it lies: its dict or its slot.

    Raises AttributeError if it has not been set.
    """
    found = _instance_dict(value).get(name, _MISSING)
    if found is not _MISSING:
        return found
    lying = _in_class(type(value), name)[0]
    if type(lying) is MemberDescriptorType:
        return lying.__get__(value, type(value))
    if lying is _MISSING or hasattr(type(lying), "__get__"):
        raise AttributeError(name)
    return lying


def defines(kind: type, name: str, own: Own = in_app) -> bool:
    """Whether the user's own class says what `name` (such as `__str__`) does."""
    lying, klass = _in_class(kind, name)
    return lying is not _MISSING and klass is not None and own(klass)


def _names(value: object, own: Own) -> list[str]:
    names: list[str] = list(field_names(type(value)) or data_fields(value))
    if is_own(value, own):
        names += [name for name in _instance_dict(value) if type(name) is str]
        names += _own_names(type(value), own)
    return list(dict.fromkeys(names))


def _own_names(kind: type, own: Own) -> Iterator[str]:
    for klass in kind.__mro__:
        if own(klass):
            yield from vars(klass)


def _member(value: object, name: str, own: Own) -> Member | None:
    """Found as Python would: a data descriptor of the class, then the object's dict, then the class.

    What a foreign base class provides is not reachable, also where it hides something of one's own.
    """
    lying, klass = _in_class(type(value), name)
    mine = klass is not None and own(klass)
    if lying is not _MISSING and _has_setter(lying):
        return _class_member(value, name, lying, own) if mine else None
    if name in _instance_dict(value):
        return _instance_member(value, name, own)
    return _class_member(value, name, lying, own) if mine else None


def _class_member(value: object, name: str, lying: Any, own: Own) -> Member | None:
    kind = type(lying)
    if function := _function(lying, own):
        return Member(name, "command", summary(function), lambda: lying.__get__(value, type(value)))
    if kind is MemberDescriptorType:
        return _instance_member(value, name, own)
    if issubclass(kind, (property, functools.cached_property)) or (
        own(kind) and _has_getter(lying)
    ):
        return Member(name, "property", summary(lying), lambda: lying.__get__(value, type(value)))
    if _has_getter(lying):
        return Member(name, "closed", "a function of a library")
    return _data(name, lying, own)


def _instance_member(value: object, name: str, own: Own) -> Member | None:
    try:
        return _data(name, read_field(value, name), own)
    except AttributeError:  # a slot, or a dataclass field, that was never set
        return None


def _data(name: str, value: object, own: Own) -> Member:
    kind = type(value)
    if is_leaf(value):
        return Member(name, "value", "", lambda: value)
    if is_own(value, own):
        return Member(name, "group", summary(kind), lambda: value)
    if is_data_type(kind) or field_names(kind) or data_fields(value):
        return Member(name, "value", _size(value), lambda: value)
    what = "class" if issubclass(kind, type) else kind.__name__
    return Member(name, "closed", f"{'an' if what[0] in 'aeiouAEIOU' else 'a'} {what}")


def _entry(key: Any, value: object, own: Own) -> Member:
    return _data(str(key), value, own)


def _key(table: dict[Any, Any], text: str, own: Own) -> Member | None:
    if text.startswith("_"):
        return None
    for key in (text, _whole(text)):
        # only plain keys are compared, so that no key's own __eq__ or __hash__ has a say
        if key is not None and any(type(k) is type(key) and k == key for k in table):
            return _data(text, table[key], own)
    return None


def _index(row: Sequence[Any], text: str, own: Own) -> Member | None:
    at = _whole(text)
    return _data(text, row[at], own) if at is not None and -len(row) <= at < len(row) else None


def _whole(text: str) -> int | None:
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


def _public_key(key: object) -> bool:
    # a number of thousands of digits cannot be typed, nor even be written out
    return (type(key) is int and key.bit_length() < 64) or (
        type(key) is str and not key.startswith("_")
    )


def _function(lying: Any, own: Own) -> FunctionType | None:
    """The user's own function inside a method, a static or class method, or a decorated one."""
    if type(lying) in (staticmethod, classmethod):
        lying = lying.__func__
    if type(lying) not in (FunctionType, _CACHED):
        return None
    for _ in range(100):  # a chain of decorators is short; a circle ends here
        inner = vars(lying).get("__wrapped__")
        if inner is None:
            break
        lying = inner.__func__ if type(inner) in (staticmethod, classmethod) else inner
        if type(lying) not in (FunctionType, _CACHED):
            return None
    return lying if type(lying) is FunctionType and own(lying) else None


def _in_class(kind: type, name: str) -> tuple[Any, type | None]:
    for klass in kind.__mro__:
        if name in vars(klass):
            return vars(klass)[name], klass
    return _MISSING, None


def _instance_dict(value: object) -> Any:
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) in (dict, MappingProxyType) else {}


def _has_setter(lying: object) -> bool:
    return hasattr(type(lying), "__set__") or hasattr(type(lying), "__delete__")


def _has_getter(lying: object) -> bool:
    return hasattr(type(lying), "__get__")


def summary(documented: Any) -> str:
    """The first line of what the author wrote about a class, function or property.

    What `@dataclass` writes by itself is not the author's: it names fields that not all may see.
    """
    text = vars(documented).get("__doc__") if isinstance(documented, type) else documented.__doc__
    lines = text.strip().splitlines() if isinstance(text, str) else []
    written = not is_dataclass(documented) or not lines or "(" not in lines[0]
    return lines[0].strip() if lines and written else ""


def _size(value: Any) -> str:
    count = len(value) if is_data_type(type(value)) else 0
    return f"{count:,} {'entry' if count == 1 else 'entries'}" if count else ""
