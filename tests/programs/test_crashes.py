"""A worker that dies at any point: nothing recorded is forgotten, nothing undone is undone again."""

import json
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from botcannon_core.programs.running import MOST_DEATHS
from tests.programs.shop import UNDO, Shop, buying
from tests.programs.world import Code, WithUndo, World, every_point, step

ALL = ["check", "reserve", "charge", "ship"]


def buy(world: World, **of_steps: dict[str, Any]) -> Any:
    return world.run(buying(**of_steps), "buy", {"item": "x", "qty": 1})


def points(*failing: str, **of_steps: dict[str, Any]) -> list[int]:
    shop = Shop(*failing)
    buy(shop, **of_steps)
    return list(range(1, shop.points + 1))


IDEMPOTENT = {name: {"idempotent": True} for name in ALL}
ENDS = [(), ("ship",), ("charge",), ("reserve",), ("check",)]


@pytest.mark.parametrize("failing", ENDS, ids="-".join)
def test_with_idempotent_steps_it_ends_as_without_a_death(failing: tuple[str, ...]) -> None:
    calm = Shop(*failing)
    wanted = buy(calm, **IDEMPOTENT)
    for point in points(*failing, **IDEMPOTENT):
        shop = Shop(*failing, deaths=[point])
        ending = buy(shop, **IDEMPOTENT)
        assert ending.is_ok == wanted.is_ok, point
        assert ending.answer.get("result") == wanted.answer.get("result"), point
        assert list(dict.fromkeys(shop.acts)) == calm.acts, point
        twice = [name for name, count in Counter(shop.acts).items() if count > 1]
        assert len(twice) <= 1
        assert set(twice) <= set(shop.doubts), point


@pytest.mark.parametrize("failing", ENDS, ids="-".join)
def test_without_them_a_step_in_doubt_is_undone_and_no_step_runs_twice(
    failing: tuple[str, ...],
) -> None:
    for point in points(*failing):
        shop = Shop(*failing, deaths=[point])
        ending = buy(shop)
        count = Counter(shop.acts)
        assert all(count[name] <= 1 for name in ALL), point
        for name, undo in UNDO.items():
            if ending.is_ok:
                assert (count[name], count[undo]) == (1, 0), point
            elif count[name]:
                assert count[undo] == 1 or undo in shop.doubts, point
            else:  # only what is in doubt is undone without having been done
                assert count[undo] == 0 or undo in shop.doubts, point
        if "in_doubt" in ending.answer:
            assert ending.answer["error"]["kind"] == "killed"


class Ordered(Code):
    """A step that counts on what its args say, also when it is undone."""

    def task(self, message: Any, results: dict[str, Any]) -> Any:
        self.world.act(f"order {results['qty']}", message)
        self.world.point()

    def undo(self, message: Any, results: dict[str, Any]) -> None:
        self.world.act(f"cancel {results['qty']}", message)


@pytest.mark.parametrize("where", ["step", "program within"])
def test_an_undo_finds_what_the_args_of_a_killed_step_had_by_default(where: str) -> None:
    args = {"args": {"qty": {"type": "int", "default": 2}}}
    document = {
        "programs": {
            "p": {"steps": ["q"]},
            "q": {"steps": ["a"], **(args if where == "program within" else {})},
        },
        "steps": {"a": step(**(args if where == "step" else {}))},
    }

    def run(world: World) -> Any:
        world.code["a"] = Ordered(world, "a")
        return world.run(document)

    for point in every_point(run):
        for again in (0, 3, 4, 5):  # in the middle of undoing it, too
            world = World([point, point + again])
            ending = run(world)
            assert not ending.parked, (point, again)
            assert set(world.acts) <= {"order 2", "cancel 2"}, (point, again)


def test_a_kill_behind_a_step_that_is_recorded_leads_to_one_undo_of_each() -> None:
    """The worker dies while it ships: charge and reserve are recorded, ship is not."""
    calm = Shop()
    buy(calm)
    shop = Shop(deaths=[calm.points - 2])
    ending = buy(shop)
    assert ending.answer["error"]["kind"] == "killed"
    assert ending.answer["in_doubt"] == ["ship"]
    assert [one for one in shop.acts if one != "ship"] == [
        "check",
        "reserve",
        "charge",
        "refund",
        "release",
    ]
    assert shop.doubts == []  # ship has no undo that could be told


def test_two_deaths_anywhere_are_no_worse() -> None:
    for first in points("ship", **IDEMPOTENT):
        for later in (1, 2, 3, 5, 8, 13):
            shop = Shop("ship", deaths=[first, first + later])
            ending = buy(shop, **IDEMPOTENT)
            assert ending.answer["error"]["step"] == "ship"
            assert list(dict.fromkeys(shop.acts)) == [
                "check",
                "reserve",
                "charge",
                "refund",
                "release",
            ]


def test_no_recorded_undo_is_repeated() -> None:
    """However often somebody dies, what is noted as undone is not touched again."""
    for point in points("ship"):
        shop = Shop("ship", deaths=range(point, point + 40, 7))
        buy(shop)
        notes = [json.loads(record) for record in shop.records]
        ended = [
            (one["action"], one["part"])
            for one, after in pairwise(notes)
            if one["what"] == "undo" and after["what"] == "done"
        ]
        assert len(ended) == len(set(ended)), point


def test_own_undo_of_a_step_in_doubt_runs_and_is_told() -> None:
    def run(world: World) -> Any:
        world.code["a"] = WithUndo(world, "a")
        return world.run({"programs": {"p": {"steps": ["a"]}}, "steps": {"a": step()}})

    seen = set()
    for point in every_point(run):
        world = World([point])
        ending = run(world)
        seen.add((tuple(world.acts), tuple(world.doubts), ending.is_ok))
    assert seen == {
        (("a",), (), True),
        (("undo a",), ("undo a",), False),  # killed before its effect: nobody knows
        (("a", "undo a"), ("undo a",), False),
    }


def test_behind_a_pivot_a_step_in_doubt_is_undone_by_itself_and_run_again() -> None:
    def run(world: World) -> Any:
        world.does("a", "una")
        world.code["b"] = Code(world, "b")
        world.code["c"] = WithUndo(world, "c")
        steps = {"a": step(undo=["una"]), "una": step(), "c": step()}
        steps["b"] = step(pivot=True, idempotent=True)
        return world.run({"programs": {"p": {"steps": ["a", "b", "c"]}}, "steps": steps})

    for point in every_point(run):
        world = World([point])
        ending = run(world)
        count = Counter(world.acts)
        if not ending.is_ok:
            assert "b" not in count  # it died in `a`
            continue
        assert (count["a"], count["una"]) == (1, 0)
        assert count["c"] - count["undo c"] in (0, 1)
        assert count["undo c"] == 0 or world.doubts[-1] == "undo c"


def test_a_step_that_kills_each_worker_is_given_up() -> None:
    world = World()

    class Kills(Code):
        def task(self, message: Any, results: dict[str, Any]) -> Any:
            self.world.deaths.add(self.world.points + 1)
            return super().task(message, results)

    world.does("a", "una")
    world.code["b"] = Kills(world, "b")
    steps = {"a": step(undo=["una"]), "una": step(), "b": step(idempotent=True)}
    document = {"programs": {"p": {"steps": ["a", "b"]}}, "steps": steps}
    ending = world.run(document)
    assert f"killed {MOST_DEATHS} times" in ending.answer["error"]["text"]
    assert world.acts == ["a", "una"]
    undoing = World()
    undoing.does("a")
    undoing.code["una"] = Kills(undoing, "una")
    undoing.code["b"] = Code(undoing, "b", fails=lambda: True)
    ending = undoing.run(document)
    assert ending.parked.endswith(f"has killed {MOST_DEATHS} times its worker; left: una (of a)")


def test_the_pool_is_the_same_after_a_death() -> None:
    seen: list[dict[str, Any]] = []

    def run(world: World) -> Any:
        world.code["a"] = Code(world, "a", gives={"list": [1, (2, 3)], "set": {1, 2}})
        world.code["b"] = Code(world, "b", gives={"more": 1})
        world.code["c"] = Code(world, "c")
        world.code["c"].task = lambda _message, results: seen.append(dict(results))
        steps = {name: step(idempotent=True) for name in "abc"}
        document = {"programs": {"p": {"steps": ["a", "b", "c"]}}, "steps": steps}
        return world.run(document, args={"item": b"x"})

    for point in every_point(run):
        run(World([point]))
    assert {str(sorted(one.items(), key=str)) for one in seen} == {
        str(sorted({"item": b"x", "list": [1, [2, 3]], "set": {1, 2}, "more": 1}.items(), key=str))
    }
