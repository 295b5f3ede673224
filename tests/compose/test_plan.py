"""What a forker is told: all that workers need of a service, and not how its collector is built."""

import datetime
import subprocess
import sys
from functools import partial

import pytest

from botcannon_core.compose.plan import Plan, packed, plan_of, unpacked
from botcannon_core.compose.spec import (
    ClassSpec,
    Hidden,
    LimitsSpec,
    Place,
    ServiceSpec,
    WorkersSpec,
)


def service(**kwargs: object) -> ServiceSpec:
    """A service whose task has these kwargs."""
    places = {"file": Place("cannon-compose.yml", 7, "s.tasks[0].file")}
    return ServiceSpec(
        "s",
        ClassSpec("collector", "door", "Door", kwargs={"token": Hidden("of the door")}),
        ClassSpec("shell", "bot", "Bot"),
        (ClassSpec("task", "work", "Work", None, kwargs, Place("f", 6, "s.tasks[0]"), places),),
        workers=WorkersSpec(isolation="worker", limits=LimitsSpec(memory=1, files=2)),
        hidden=frozenset({Hidden("of the door")}),
        extra={"colours": ["red"]},
        chain={"steps": {}},
        parts={"one": ClassSpec("task", "one", "One")},
    )


def facts(plan: Plan) -> dict[str, object]:
    """All that a plan says, in values that can be compared."""
    told = {name: getattr(plan, name) for name in Plan.__slots__}
    told["shell"] = plan.shell and plan.shell.packed()
    told["tasks"] = [one.packed() for one in plan.tasks]
    told["parts"] = {name: one.packed() for name, one in plan.parts.items()}
    return told


def test_it_arrives_as_it_was() -> None:
    made = plan_of(service(size=3, names=["a", None], when={"x": 0.5}), "/some/where")
    assert facts(unpacked(packed(made))) == facts(made)
    assert (made.name, made.project, made.isolation) == ("s", "/some/where", "worker")
    assert (made.memory, made.files, made.has_journal, made.has_seats) == (1, 2, True, False)
    assert [one.entry for one in made.working] == ["Work", "One"]


def test_so_does_what_is_not_plain() -> None:
    made = plan_of(service(day=datetime.date(2026, 1, 2)), "", partial(dict, a=1))
    told = unpacked(packed(made))
    assert told.tasks[0].kwargs == {"day": datetime.date(2026, 1, 2)}
    assert told.open_history is not None
    assert told.open_history() == {"a": 1}


def test_a_mistake_is_shown_at_its_place() -> None:
    (task,) = unpacked(packed(plan_of(service()))).tasks
    assert task.at("file") == Place("cannon-compose.yml", 7, "s.tasks[0].file")
    assert task.at("entry") == Place("f", 6, "s.tasks[0]")


def test_how_the_collector_is_built_is_none_of_a_workers_business() -> None:
    told = service()
    bare = ServiceSpec(told.name, told.collector, told.shell, told.tasks)  # and nothing to hide
    assert b"of the door" not in packed(plan_of(bare))


def test_a_secret_of_a_task_stays_one() -> None:
    (task,) = unpacked(packed(plan_of(service(token=Hidden("of the task"))))).tasks
    assert (str(task.kwargs["token"]), repr(task.kwargs)) == ("of the task", "{'token': ***}")


@pytest.mark.parametrize("size", [3, Hidden("3")])
def test_what_is_plain_is_read_without_pickle(size: object) -> None:
    code = (
        "import sys; from botcannon_core.compose.plan import unpacked;"
        "print(unpacked(sys.stdin.buffer.read()).tasks[0].kwargs, {'pickle', 're'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=packed(plan_of(service(size=size))),
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().strip() == f"{ {'size': size} } set()"
