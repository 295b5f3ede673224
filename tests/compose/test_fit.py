"""What is wrong with a class, told without constructing it."""

import abc
from typing import Any

import pytest

from botcannon_core.compose.fit import flag, misfits
from botcannon_core.compose.spec import ClassSpec, Place, Role, ServiceSpec
from botcannon_core.roles import Collector, Task


class Good:
    """Fits a task and a collector."""

    def __init__(self, name: str, size: int = 1) -> None:
        pytest.fail("it was constructed")

    def task(self, message: Any, results: Any) -> None: ...

    def read(self) -> None: ...


def wrong(
    entry: Any, role: Role = "task", shell: bool = False, **kwargs: Any
) -> list[tuple[str, str]]:
    """(path, text) of every misfit."""
    one = ClassSpec(role, "f", "Entry", kwargs=kwargs, place=Place("F", 3, "P"))
    service = ServiceSpec("s", one, shell=one if shell else None)
    return [(p.path, p.text) for p in misfits(entry, one, service)]


def words(entry: Any, role: Role = "task", shell: bool = False, **kwargs: Any) -> str:
    return " | ".join(text for _, text in wrong(entry, role, shell, **kwargs))


@pytest.mark.parametrize("role", ["task", "collector", "shell"])
def test_a_class_that_fits_has_nothing_wrong(role: Role) -> None:
    assert wrong(Good, role, name="x") == []
    assert wrong(Good, role, name="x", size=2) == []


def test_a_kwarg_that_is_not_taken_is_named_with_what_is() -> None:
    assert words(Good, name="x", colour=1) == "Entry takes no 'colour'; it takes name, size"
    assert words(Good, name="x", sise=1) == "Entry takes no 'sise'; did you mean 'size'?"


def test_a_kwarg_that_lacks_is_named_with_what_is_taken() -> None:
    assert words(Good) == "Entry needs 'name', which is not given; it takes name, size"


def test_any_kwargs_suit_a_class_that_takes_all() -> None:
    class Takes(Good):
        def __init__(self, **more: Any) -> None: ...

    assert wrong(Takes, anything=1) == []


def test_any_kwargs_suit_a_function_that_takes_its_message_among_all() -> None:
    """As what a decorator leaves that does not say what is under it."""

    def wrapper(*args: Any, **kwargs: Any) -> None: ...

    def named(*both: Any, size: int = 1) -> None: ...

    assert wrong(wrapper, anything=1) == []
    assert wrong(named, size=1) == []
    assert words(named, sise=1) == "Entry takes no 'sise'; did you mean 'size'?"


def test_unknown_kwargs_are_not_judged() -> None:
    one = ClassSpec("task", "f", "Entry", key="k", kwargs=None)
    assert misfits(Good, one, ServiceSpec("s", one)) == []


def test_a_class_without_a_constructor_takes_nothing() -> None:
    class Plain:
        def task(self, message: Any, results: Any) -> None: ...

    assert words(Plain, x=1) == "Entry takes no 'x'; it takes nothing"
    assert wrong(Plain) == []


def test_inheriting_from_a_role_does_not_hide_what_a_constructor_takes() -> None:
    class Base:
        def __init__(self, x: int) -> None: ...

    class Inherits(Task):
        def task(self, message: Any, results: Any) -> None: ...

    class Both(Inherits, Base): ...

    assert wrong(Inherits) == []
    assert words(Inherits, x=1) == "Entry takes no 'x'; it takes nothing"
    assert wrong(Both, x=1) == []
    assert "needs 'x'" in words(Both)


@pytest.mark.parametrize("role", ["task", "collector"])
def test_a_class_without_the_method_of_its_role_is_refused(role: Role) -> None:
    method = {"task": "task()", "collector": "read()"}[role]
    assert f"has no {method}" in words(object, role)


def test_the_method_of_a_role_is_not_inherited_from_its_description() -> None:
    class OnlyInherits(Task): ...

    class Misspelt(Collector):
        def reed(self) -> None: ...

    assert "has no task()" in words(OnlyInherits)
    assert words(Misspelt, "collector") == (
        "'Entry' has no read(), which a collector needs; did you mean 'reed'?"
    )


def test_a_method_that_cannot_be_called_as_it_will_be_is_refused() -> None:
    class Less:
        def task(self, message: Any) -> None: ...

    class More:
        def read(self, more: Any) -> None: ...

    assert "task() is called with message and results" in words(Less)
    assert "read() is called with nothing" in words(More, "collector")


def test_what_a_collector_may_have_is_looked_at_as_well() -> None:
    class Door:
        def read(self) -> None: ...
        def start(self, when: float) -> None: ...
        def stored(self) -> None: ...
        def taskback(self, message: Any, results: Any) -> None: ...
        def close(self, why: str = "") -> None: ...

    assert [text for _, text in wrong(Door, "collector")] == [
        "Entry.start() is called with nothing, but does not take just that",
        "Entry.stored() is called with a message, but does not take just that",
        "Entry.taskback() is called with a message, but does not take just that",
    ]


@pytest.mark.parametrize("name", ["admit", "doze"])
def test_what_is_asked_at_once_may_not_be_async(name: str) -> None:
    async def answer(self: Any, *fields: Any) -> bool:
        return False

    door = type("Door", (), {"read": lambda self: None, name: answer})
    assert words(door, "collector") == (
        f"Entry.{name}() must not be async: nobody would wait for what it answers"
    )


def test_static_and_class_methods_are_left_to_bind_themselves() -> None:
    class Static:
        @staticmethod
        def task(message: Any, results: Any) -> None: ...

    class OfClass:
        @classmethod
        def task(cls, message: Any, results: Any) -> None: ...

    assert wrong(Static) == wrong(OfClass) == []


def test_a_shell_needs_no_method() -> None:
    assert wrong(object, "shell") == []


@pytest.mark.parametrize("role", ["collector", "shell"])
def test_only_a_task_may_be_a_function(role: Role) -> None:
    def plain(message: Any, results: Any) -> None: ...

    assert wrong(plain) == []
    assert words(plain, role) == "'Entry' is not a class"


def test_a_function_may_take_kwargs_and_handles() -> None:
    def handy(message: Any, results: Any, n: int, *, ledger: Any) -> None: ...

    assert wrong(handy, n=1) == []
    assert words(handy) == "Entry needs 'n', which is not given; it takes n, ledger"


def test_a_function_that_does_not_take_a_message_and_results_is_refused() -> None:
    def less(message: Any) -> None: ...

    assert "does not take just that" in words(less)


def test_what_is_neither_class_nor_function_is_refused() -> None:
    assert words(3) == "'Entry' is neither a class nor a function"
    assert words(3, "collector") == "'Entry' is not a class"


def test_a_description_of_a_role_and_an_abstract_class_are_refused() -> None:
    class Abstract(abc.ABC):
        @abc.abstractmethod
        def more(self) -> None: ...

    assert "description of a role" in words(Task)
    assert words(Abstract, "shell") == "'Entry' is abstract; it lacks more"


class AsksForShell(Good):
    def __init__(self, shell: Any) -> None: ...


def test_a_class_that_asks_for_a_shell_needs_one_in_its_service() -> None:
    assert wrong(AsksForShell, shell=True) == []
    assert words(AsksForShell) == (
        "Entry asks for `shell`, but the service 's' has none; give it one"
    )


def test_a_shell_cannot_be_given_itself() -> None:
    assert "needs 'shell'" in words(AsksForShell, "shell", shell=True)


def test_a_shell_that_is_not_needed_may_lack() -> None:
    class Optional(Good):
        def __init__(self, shell: Any = None) -> None: ...

    assert wrong(Optional) == []


def test_the_ledger_is_always_offered() -> None:
    class Asks(Good):
        def __init__(self, ledger: Any) -> None: ...

    assert wrong(Asks) == wrong(Asks, "shell") == wrong(Asks, "collector") == []


def test_a_parameter_by_position_only_cannot_be_given() -> None:
    class Strict(Good):
        def __init__(self, name: str, /) -> None: ...

    assert "by position only" in words(Strict)


def test_a_flag_that_is_neither_true_nor_false_is_refused() -> None:
    class Odd(Good):
        many = "yes"

    assert words(Odd, "collector", name="x") == "Entry.many must be True or False, is of type str"
    assert not flag(Odd, "many")


def test_a_signature_that_cannot_be_seen_is_no_problem() -> None:
    class Odd(Good):
        __signature__ = "none"

    assert wrong(Odd, anything=1) == []


def test_a_mistyped_kwarg_is_told_where_it_stands_or_with_its_path() -> None:
    places = {
        "conf.kwargs.name": Place("F", 5, "P.conf.kwargs.name"),
        "conf.kwargs.size": Place("F", 6, "P.conf.kwargs.size"),
    }
    kwargs = {"name": 5, "size": "big"}
    one = ClassSpec("task", "f", "E", kwargs=kwargs, places=places)
    found = misfits(Good, one, ServiceSpec("s", one))
    assert [(p.line, p.path, p.text) for p in found] == [
        (5, "P.conf.kwargs.name", "must be text, is a whole number; put it in quotes"),
        (6, "P.conf.kwargs.size", "must be a whole number, is text"),
    ]
    kept = ClassSpec("task", "f", "E", key="k", kwargs=kwargs, place=Place("F", 3, "P"))
    assert [(p.line, p.path, p.text) for p in misfits(Good, kept, ServiceSpec("s", kept))] == [
        (3, "P", "name: must be text, is a whole number; put it in quotes"),
        (3, "P", "size: must be a whole number, is text"),
    ]


def test_every_problem_has_a_place() -> None:
    one = ClassSpec(
        "task",
        "f",
        "Entry",
        kwargs={"colour": 1},
        place=Place("F", 3, "P"),
        places={"entry": Place("F", 4, "P.entry"), "conf.kwargs": Place("F", 6, "P.conf.kwargs")},
    )
    found = misfits(Good, one, ServiceSpec("s", one))
    assert [(p.file, p.line, p.path) for p in found] == [("F", 6, "P.conf.kwargs")] * 2
