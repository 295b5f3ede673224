"""Which values are leaves (text, numbers, dates, ...), told by their type alone.

Not here: how a leaf looks (render). No question here asks the value itself anything: `isinstance`
would run a foreign object's `__class__`, so only `type(value)` is looked at.
"""

from __future__ import annotations

import collections
from enum import Enum

TABLES = (dict, collections.OrderedDict, collections.defaultdict, collections.Counter)
ROWS = (list, tuple, set, frozenset, collections.deque)
_BUILTIN = (str, bytes, bytearray, bool, int, float, complex, type(None))
# by name, so that their modules are not imported for the sake of this question
_LIBRARY = {
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "uuid": {"UUID"},
    "zoneinfo": {"ZoneInfo"},
    "ipaddress": {
        "IPv4Address", "IPv6Address", "IPv4Network", "IPv6Network", "IPv4Interface", "IPv6Interface",
    },
    "pathlib": {"Path", "PosixPath", "PurePath", "PurePosixPath", "WindowsPath", "PureWindowsPath"},
}  # fmt: skip


def is_leaf_type(kind: type) -> bool:
    """Whether values of this type have no members in a chat."""
    return issubclass(kind, _BUILTIN) or issubclass(kind, Enum) or any(map(_listed, kind.__mro__))


def is_leaf(value: object) -> bool:
    """Whether the value is shown as it is and never entered."""
    return is_leaf_type(type(value))


def is_data_type(kind: type) -> bool:
    """Whether values of exactly this type are plain containers, shown by their content."""
    return kind in TABLES or kind in ROWS


def field_names(kind: type) -> tuple[str, ...] | None:
    """The field names of a named tuple's type, or None for any other type."""
    if not issubclass(kind, tuple):
        return None
    for klass in kind.__mro__:
        names = vars(klass).get("_fields")
        if type(names) is tuple and all(type(name) is str for name in names):
            return names
    return None


def _listed(kind: type) -> bool:
    module = kind.__module__
    return isinstance(module, str) and kind.__name__ in _LIBRARY.get(module.partition(".")[0], ())
