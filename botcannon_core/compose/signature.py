"""What a constructor or a function can be given by name, as Python can tell without calling it.

The code of a plain function says it all, and that of a class's plain `__init__`. Not here: what is not
so plain (inspected), and whether it is right (fit).
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from types import FunctionType
    from typing import Any

_FUNCTION = type(lambda: None)
_TAKES_ANYTHING = 0x08  # the flag of a function's code that says `**kwargs`


def _objects(self: object) -> None:
    """What object's own `__init__` would be in Python."""


class Parameters:
    """The parameters that can be given by name; `needed` are those without a default.

    `anything` is true for `**kwargs`; `unnamed` are needed ones that can only be given by position.
    """

    __slots__ = ("anything", "names", "needed", "unnamed")

    def __init__(
        self,
        names: tuple[str, ...],
        needed: tuple[str, ...],
        unnamed: tuple[str, ...],
        anything: bool,
    ) -> None:
        self.names = names
        self.needed = needed
        self.unnamed = unnamed
        self.anything = anything


def parameters(entry: Any, skip: int = 0) -> Parameters | None:
    """What a constructor or a function takes beside the first `skip` by position; None: not known."""
    function = plain(entry)
    if function is not None:
        return _in_code(function, skip + isinstance(entry, type))  # `self` is given
    # `inspect` is 1 MB, which a worker has to pay for only where nothing else can tell
    from botcannon_core.compose import inspected

    return inspected.parameters(entry, skip)


def plain(entry: Any) -> FunctionType | None:
    """The function whose code says all that `entry` takes: itself or its `__init__`; None if none does.

    An attribute such as `__wrapped__` may say more, a `__new__`, a metaclass, or typing for a protocol.
    """
    if isinstance(entry, type):
        return _init_of(entry) if _is_built_plainly(entry) else None
    return entry if _is_plain(entry) else None


def _is_plain(function: Any) -> bool:
    return type(function) is _FUNCTION and not vars(function)


def _is_built_plainly(entry: Any) -> bool:
    return (
        type(entry).__call__ is type.__call__
        and entry.__new__ is object.__new__
        and not any(base.__text_signature__ for base in entry.__mro__[:-1])
        and not hasattr(entry, "__signature__")
        and not hasattr(entry, "__wrapped__")
    )


def _init_of(entry: type) -> Any:
    init = next(vars(base)["__init__"] for base in entry.__mro__ if "__init__" in vars(base))
    if init is object.__init__:
        return _objects
    # one without a `self` cannot be called, and typing's stands for another
    is_own = _is_plain(init) and init.__code__.co_argcount and init.__module__ != "typing"
    return init if is_own else None


def _in_code(function: FunctionType, skip: int) -> Parameters:
    code = function.__code__
    count, only = code.co_argcount, code.co_posonlyargcount
    by_position = code.co_varnames[:count]
    by_keyword = code.co_varnames[count : count + code.co_kwonlyargcount]
    named = max(skip, only)
    without = count - len(function.__defaults__ or ())
    defaults = function.__kwdefaults__ or {}
    return Parameters(
        names=(*by_position[named:], *by_keyword),
        needed=(*by_position[named:without], *(n for n in by_keyword if n not in defaults)),
        unnamed=by_position[skip : min(only, without)],
        anything=bool(code.co_flags & _TAKES_ANYTHING),
    )
