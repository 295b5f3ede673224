"""What a call gave is waited for: coroutines awaited, generators read up to a number of items.

Not here: how the outcome looks (render). One event loop serves one command, so that what a first
call opened still works in the next; asyncio is imported only when something asks to be awaited. It has
a loop of its own also where one runs already, as where a worker runs many messages at once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from contextvars import copy_context
from dataclasses import dataclass, field
from itertools import islice
from types import AsyncGeneratorType, GeneratorType, TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

# built-in iterators that are read like a generator
_ITERATORS = {"map", "filter", "zip", "enumerate", "reversed", "range_iterator"}
_VIEWS = {"dict_keys", "dict_values", "dict_items", "range"}


@dataclass(frozen=True)
class Items:
    """The first items of something that came one by one; `more` is 0 or None for unknown, but some."""

    items: list[Any]
    more: int | None = 0


@dataclass
class Settler:
    """Waits for results, within one command; leave it as a context manager.

    `seen` gets each item of what comes one by one, as it comes.
    """

    max_items: int = 100
    seen: Callable[[Any], None] = lambda _item: None
    _runner: asyncio.Runner | None = field(default=None, repr=False)

    def __enter__(self) -> Settler:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            _apart(self._runner.close)

    def settle(self, value: Any) -> Any:
        """`value` itself, or what it comes to: awaited, read, never left half done."""
        while _awaitable(value):
            value = self._run(_awaited(value))
        if type(value) is AsyncGeneratorType:
            return self._run(_first_async(value, self.max_items, self.seen))
        if type(value) is GeneratorType:
            return _first(value, self.max_items, self.seen)
        if _iterates(value):
            return _cut(list(islice(value, self.max_items + 1)), self.max_items)
        return value

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        if self._runner is None:
            import asyncio  # 40 ms that most bots never need, in every forker

            self._runner = asyncio.Runner()
        return _apart(self._runner.run, coroutine)


def _apart(function: Callable[..., Any], *args: Any) -> Any:
    """Call what runs a loop: in another thread if one runs in this, which waits for it."""
    import asyncio  # who comes here has it

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return function(*args)
    from concurrent.futures import ThreadPoolExecutor  # only workers of many messages come so far

    with ThreadPoolExecutor(1) as another:
        return another.submit(copy_context().run, function, *args).result()


def _first(
    generator: GeneratorType[Any, Any, Any], count: int, seen: Callable[[Any], None]
) -> Items:
    try:
        return _cut(list(_watched(islice(generator, count + 1), seen)), count)
    finally:
        generator.close()


def _watched(items: Iterable[Any], seen: Callable[[Any], None]) -> Iterator[Any]:
    for item in items:
        seen(item)
        yield item


async def _first_async(
    generator: AsyncGenerator[Any, Any], count: int, seen: Callable[[Any], None]
) -> Items:
    items: list[Any] = []
    try:
        async for item in generator:
            seen(item)
            items.append(item)
            if len(items) > count:
                break
    finally:
        await generator.aclose()
    return _cut(items, count)


def _cut(items: list[Any], count: int) -> Items:
    return Items(items[:count], more=None if len(items) > count else 0)


async def _awaited(value: Any) -> Any:
    return await value


def _awaitable(value: object) -> bool:
    return hasattr(type(value), "__await__") and not issubclass(type(value), type)


def _iterates(value: object) -> bool:
    kind = type(value)
    if kind.__module__ == "itertools":
        return True
    return kind.__module__ == "builtins" and kind.__name__ in _ITERATORS | _VIEWS
