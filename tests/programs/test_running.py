"""Programs as they run: what is done in which order, what is undone, and what is answered."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from botcannon_core.message import Message
from botcannon_core.programs.means import Rule
from botcannon_core.programs.plan import resolve
from botcannon_core.roles import Park, Retry, Skip
from tests.programs.shop import Shop, buying
from tests.programs.world import Code, Ending, WithUndo, World, step


def bought(*failing: str, args: Mapping[str, Any] | None = None) -> tuple[Shop, Ending]:
    shop = Shop(*failing)
    return shop, shop.run(buying(), "buy", {"item": "x", "qty": 1} if args is None else args)


def ran(world: World, names: list[str], steps: dict[str, Any], **more: Any) -> Ending:
    """A program `p` of these steps."""
    return world.run({"programs": {"p": {"steps": names, **more}}, "steps": steps})


def test_the_steps_run_in_order_over_one_pool_and_only_outputs_are_answered() -> None:
    shop, ending = bought()
    assert ending.answer == {
        "ok": True,
        "program": "buy",
        "result": {"order": "check|reserve|charge|ship", "note": "none"},
    }
    assert shop.turns == 1


@pytest.mark.parametrize(
    ("failing", "acts"),
    [
        ("ship", ["check", "reserve", "charge", "refund", "release"]),
        ("charge", ["check", "reserve", "release"]),
        ("reserve", ["check"]),
        ("check", []),
    ],
)
def test_what_completed_is_undone_last_first(failing: str, acts: list[str]) -> None:
    shop, ending = bought(failing)
    assert shop.acts == acts
    assert ending.answer["error"] == {
        "kind": "step",
        "step": failing,
        "text": f"ValueError: {failing} cannot",
    }
    assert not ending.parked


def test_a_failure_is_told_with_each_step_and_undo_and_its_times() -> None:
    _, ending = bought("charge")
    assert [
        (one["step"], one["kind"], one["how"], one["took"]) for one in ending.answer["trace"]
    ] == [
        ("check", "run", "done", 1.0),
        ("reserve", "run", "done", 1.0),
        ("charge", "run", "failed", 1.0),
        ("release", "undo", "done", 1.0),
    ]
    assert ending.answer["trace"][3]["of"] == "reserve"
    assert all(one["began"] >= 1_700_000_000.0 for one in ending.answer["trace"])


def test_a_failure_is_told_with_the_outputs_that_were_set_by_then() -> None:
    _, ending = bought("charge")
    assert ending.answer["outputs"] == {"order": "check|reserve"}
    _, ending = bought("check")
    assert "outputs" not in ending.answer


def test_a_run_that_is_put_aside_is_told_with_the_outputs_that_were_set_by_then() -> None:
    _, ending = bought("ship", "release")
    assert ending.parked
    assert ending.answer["outputs"] == {"order": "check|reserve|charge"}


def test_nobody_outside_can_set_how_it_ended() -> None:
    shop = Shop()
    forged = '{"program_fail": true, "ok": false, "who": "me"}'
    ending = shop.run(buying(), "buy", {"item": "x"}, metadata=forged)
    assert ending.is_ok
    failed = Shop("ship").run(buying(), "buy", {"item": "x"}, metadata=forged)
    assert failed.answer["metadata"] == {"program_fail": True, "ok": False, "who": "me"}
    assert failed.answer["error"]["step"] == "ship"


def test_a_need_of_a_need_runs_first_and_each_once() -> None:
    world = World()
    world.does("precheck", "check", "a", "b")
    steps = {
        "a": step(needs=["check"]),
        "b": step(needs=["precheck", "check"]),
        "check": step(needs=["precheck"]),
        "precheck": step(),
    }
    ran(world, ["a", "b"], steps)
    assert world.acts == ["precheck", "check", "a", "b"]


def test_a_completed_need_is_undone_too() -> None:
    world = World()
    world.does("hold", "drop")
    world.code["a"] = Code(world, "a", fails=lambda: True)
    ending = ran(
        world, ["a"], {"a": step(needs=["hold"]), "hold": step(undo=["drop"]), "drop": step()}
    )
    assert world.acts == ["hold", "drop"]
    assert ending.answer["error"]["step"] == "a"


def test_the_undos_of_one_step_run_in_the_order_of_their_list() -> None:
    world = World()
    world.does("one", "two", "three")
    world.code["a"] = WithUndo(world, "a")
    world.code["b"] = Code(world, "b", fails=lambda: True)
    steps = {"a": step(undo=["one", "two"]), "two": step(needs=["three"]), "b": step()}
    ran(world, ["a", "b"], steps | {"one": step(), "three": step()})
    assert world.acts == ["a", "undo a", "one", "three", "two"]


def test_a_program_within_is_undone_as_one() -> None:
    world = World()
    world.does("seat", "unseat", "meal", "unmeal")
    world.code["ship"] = Code(world, "ship", fails=lambda: True)
    document = {
        "programs": {
            "reserve_all": {"steps": ["seat", "meal"]},
            "p": {"steps": ["reserve_all", "ship"]},
        },
        "steps": {
            "seat": step(undo=["unseat"]),
            "meal": step(undo=["unmeal"]),
            "unseat": step(),
            "unmeal": step(),
            "ship": step(),
        },
    }
    world.run(document)
    assert world.acts == ["seat", "meal", "unmeal", "unseat"]


def test_a_program_within_has_its_args_checked_and_its_defaults() -> None:
    world = World()
    seen: list[Any] = []
    world.code["a"] = Code(world, "a", gives={"size": 3})
    world.code["b"] = Code(world, "b")
    world.code["b"].task = lambda _message, results: seen.append(dict(results))
    inner = {"args": {"size": "int", "kind": {"type": "string", "default": "x"}}, "steps": ["b"]}
    document = {
        "programs": {"q": inner, "p": {"steps": ["a", "q"]}},
        "steps": {"a": step(), "b": step()},
    }
    assert world.run(document).is_ok
    assert seen == [{"size": 3, "kind": "x"}]
    world.records.clear()
    world.code["a"].gives = {"size": "large"}
    ending = world.run(document)
    assert ending.answer["error"]["text"] == "q: size: must be a whole number, is text"
    assert len(seen) == 1


def test_what_a_program_within_should_give_is_checked_and_undone() -> None:
    world = World()
    world.does("a", "back")
    document = {
        "programs": {"q": {"outputs": {"x": "int"}, "steps": ["a"]}, "p": {"steps": ["q"]}},
        "steps": {"a": step(undo=["back"]), "back": step()},
    }
    ending = world.run(document)
    error = ending.answer["error"]
    assert (error["kind"], error["step"]) == ("outputs", "q")
    assert world.acts == ["a", "back"]


@pytest.mark.parametrize("given", [{}, {"order": 3}])
def test_a_missing_or_mistyped_output_counts_as_failure(given: dict[str, Any]) -> None:
    world = World()
    world.does("back")
    world.code["a"] = Code(world, "a", gives=given)
    steps = {"a": step(undo=["back"]), "back": step()}
    ending = ran(world, ["a"], steps, outputs={"order": "string"})
    assert (ending.is_ok, ending.answer["error"]["kind"]) == (False, "outputs")
    assert ending.answer["error"]["problems"][0]["path"] == "order"
    assert world.acts == ["a", "back"]


def test_a_step_is_checked_after_its_needs_and_before_it_runs() -> None:
    world = World()
    world.does("a")
    world.code["finds"] = Code(world, "finds", gives={"price": 3})
    needing = {"a": step(args={"price": "float"}, needs=["finds"]), "finds": step()}
    assert ran(world, ["a"], needing).is_ok
    again = World()
    again.does("a")
    ending = ran(again, ["a"], {"a": step(args={"price": "float"})})
    assert ending.answer["error"]["text"].startswith("a: price: is missing")
    assert again.acts == []


class Once(Code):
    """Does what a test wants, the first few times."""

    def __init__(self, world: World, *does: Any) -> None:
        super().__init__(world, "a")
        self.does = list(does)

    def task(self, message: Message, results: dict[str, Any]) -> Any:
        self.world.act("a", message)
        one = self.does.pop(0) if self.does else None
        if isinstance(one, BaseException):
            raise one
        return one(results) if callable(one) else one


def run_one(*does: Any, **more: Any) -> tuple[World, Ending]:
    world = World()
    world.does("before", "unbefore", "back")
    world.code["a"] = Once(world, *does)
    steps = {"before": step(undo=["unbefore"]), "a": step(undo=["back"], **more)}
    return world, ran(world, ["before", "a"], steps | {"unbefore": step(), "back": step()})


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(0), Park("no"), MemoryError()])
def test_whatever_a_step_raises_is_its_failure(error: BaseException) -> None:
    world, ending = run_one(error)
    assert world.acts == ["before", "a", "unbefore"]
    assert ending.answer["error"]["text"].startswith(type(error).__name__)


def test_a_step_that_skips_had_nothing_to_do_and_is_not_undone() -> None:
    world = World()
    world.does("back")
    world.code["a"] = Once(world, Skip())
    world.code["b"] = Code(world, "b", fails=lambda: True)
    ending = ran(world, ["a", "b"], {"a": step(undo=["back"]), "b": step(), "back": step()})
    assert world.acts == ["a"]
    assert ending.answer["trace"][0]["how"] == "skipped"


def test_a_step_that_asks_for_it_is_tried_again_and_nothing_before_it() -> None:
    world, ending = run_one(Retry(2.5), Retry(1.0))
    assert ending.is_ok
    assert (world.acts, world.pauses) == (["before", "a", "a", "a"], [2.5, 1.0])


def test_a_step_that_asks_too_often_has_failed() -> None:
    world, ending = run_one(Retry(), Retry(), Retry())
    assert not ending.is_ok
    assert world.acts == ["before", "a", "a", "a", "unbefore"]


def test_a_step_may_change_the_pool_itself_and_take_things_out() -> None:
    world = World()
    seen: list[Any] = []

    def changes(results: dict[str, Any]) -> None:
        results["list"].append(2)
        del results["gone"]

    world.code["a"] = Once(world, {"list": [1], "gone": 1, "pair": (1, 2)}, changes, seen.append)
    assert ran(world, ["a", "a", "a"], {"a": step()}).is_ok
    assert seen == [{"list": [1, 2], "pair": [1, 2]}]


@pytest.mark.parametrize(
    "given", [["no", "dict"], {"_x": 1}, {1: 2}, {"a": object()}, {"a": {"b": open}}]
)
def test_a_step_whose_results_are_of_no_use_has_done_its_work_and_is_undone(given: Any) -> None:
    world, ending = run_one(given)
    assert world.acts == ["before", "a", "back", "unbefore"]
    assert ending.answer["error"]["kind"] == "step"


def test_what_a_failing_step_left_in_the_pool_is_there_for_the_undo() -> None:
    world = World()
    seen: list[Any] = []

    def notes(results: dict[str, Any]) -> None:
        results["half"] = 1
        raise ValueError

    world.code["a"] = Once(world, {"x": 1})
    world.code["b"] = Once(world, notes)
    world.code["back"] = Once(world, lambda results: seen.append(dict(results)))
    ran(world, ["a", "b"], {"a": step(undo=["back"]), "b": step(), "back": step()})
    assert seen == [{"x": 1, "half": 1}]


def test_an_async_step_is_awaited() -> None:
    world = World()

    async def gives(_message: Message, _results: dict[str, Any]) -> dict[str, int]:
        return {"x": 1}

    world.code["a"] = Code(world, "a")
    world.code["a"].task = gives
    assert ran(world, ["a"], {"a": step()}, outputs={"x": "int"}).answer["result"] == {"x": 1}


# --- undos that fail -----------------------------------------------------------------------------


def flaky(times: int) -> tuple[World, dict[str, Any]]:
    """A run that fails at `c`, and whose `unb` fails so many times."""
    world = World()
    left = [times]

    def fails() -> bool:
        left[0] -= 1
        return left[0] >= 0

    world.does("a", "b", "una")
    world.code["unb"] = Code(world, "unb", fails=fails)
    world.code["c"] = Code(world, "c", fails=lambda: True)
    steps = {"a": step(undo=["una"]), "b": step(undo=["unb"]), "c": step()}
    return world, steps | {"una": step(), "unb": step()}


def test_an_undo_that_fails_is_tried_again_after_a_pause() -> None:
    world, steps = flaky(2)
    ending = ran(world, ["a", "b", "c"], steps)
    assert world.acts == ["a", "b", "unb", "una"]
    assert world.pauses == [1.0, 2.0]
    assert (ending.parked, ending.answer["error"]["step"]) == ("", "c")


def test_an_undo_that_fails_for_good_parks_the_run_with_what_is_left() -> None:
    world, steps = flaky(3)
    ending = ran(world, ["a", "b", "c"], steps)
    assert world.acts == ["a", "b"]
    assert ending.parked == (
        "p is half undone: undoing b (unb): ValueError: unb cannot; left: unb (of b), una (of a)"
    )
    assert ending.left == '["unb (of b)", "una (of a)"]'
    assert ending.answer["left"] == ["unb (of b)", "una (of a)"]
    assert ending.answer["error"]["step"] == "c"


def test_a_half_undone_run_that_is_tried_by_hand_goes_on_where_it_was() -> None:
    world, steps = flaky(4)
    ran(world, ["a", "b", "c"], steps)
    world.pauses.clear()
    ending = ran(world, ["a", "b", "c"], steps)
    assert (world.acts, ending.parked) == (["a", "b", "unb", "una"], "")
    assert world.pauses == [1.0]  # its tries are counted anew


# --- pivots --------------------------------------------------------------------------------------


def past(times: int, **more: Any) -> tuple[World, dict[str, Any]]:
    """A run over a pivot `b`, behind which `c` fails so many times."""
    world, steps = flaky(times)
    world.code["c"], world.code["unb"] = world.code["unb"], Code(world, "unb")
    world.code["c"].name = "c"
    return world, steps | {"b": step(undo=["unb"], pivot=True), "c": step(**more)}


def test_behind_a_pivot_a_step_is_tried_again_and_nothing_is_undone() -> None:
    world, steps = past(2)
    assert ran(world, ["a", "b", "c"], steps).is_ok
    assert (world.acts, world.pauses) == (["a", "b", "c"], [1.0, 2.0])


def test_behind_a_pivot_a_step_that_fails_for_good_parks_the_run() -> None:
    world, steps = past(3)
    ending = ran(world, ["a", "b", "c", "a"], steps)
    assert world.acts == ["a", "b"]
    assert ending.parked == "p is stuck behind its pivot: c: ValueError: c cannot; left: c, a"
    assert ending.answer["error"]["step"] == "c"
    assert ran(world, ["a", "b", "c", "a"], steps).is_ok  # by hand, later
    assert world.acts == ["a", "b", "c", "a"]


def test_a_pivot_that_fails_itself_is_no_way_of_no_return() -> None:
    world, steps = past(0)
    world.code["b"] = Code(world, "b", fails=lambda: True)
    assert not ran(world, ["a", "b", "c"], steps).is_ok
    assert world.acts == ["a", "una"]


def test_outputs_that_are_wrong_behind_a_pivot_undo_nothing() -> None:
    world, steps = past(0)
    ending = ran(world, ["a", "b", "c"], steps, outputs={"x": "int"})
    assert world.acts == ["a", "b", "c"]
    assert ending.parked.endswith("the outputs: x: is missing; it must be int; left: nothing")


# --- the rest ------------------------------------------------------------------------------------


def test_each_step_has_a_key_of_its_own_that_stays_the_same() -> None:
    world, _ = run_one(Retry(), ValueError())
    assert world.keys == [f"1700000000000-0/{one}" for one in ("before", "a", "a", "before/undo/1")]


def test_a_program_that_was_changed_while_it_ran_is_left_to_a_person() -> None:
    world, steps = flaky(9)
    ran(world, ["a", "b", "c"], steps)
    ending = ran(world, ["b", "a", "c"], steps)
    assert ending.parked.startswith("p was changed while it ran")
    assert (ending.left, ending.answer["error"]["kind"]) == ('["a", "b"]', "changed")


def test_a_program_that_was_changed_while_it_was_undone_tells_undos_as_such() -> None:
    world = World()
    world.does("a", "back")
    world.code["b"] = Code(world, "b", fails=lambda: True)
    world.code["c"] = Code(world, "c", fails=lambda: True)
    steps = {"a": step(undo=["back", "c"]), "b": step(), "back": step(), "c": step()}
    plans = resolve({"programs": {"p": {"steps": ["a", "b"]}}, "steps": steps})
    assert world.turn(plans, "p", {}, Rule()) is None
    assert world.acts == ["a", "back"]
    del steps["a"]["undo"]
    ending = ran(world, ["a", "b"], {name: steps[name] for name in ("a", "b")})
    assert ending.parked.endswith("done so far: a, back (undoing a)")
    assert ending.answer["left"] == ["a"]


def test_a_program_that_was_made_shorter_still_tells_what_is_in_doubt() -> None:
    world = World()
    begun = {"what": "run", "action": 2, "step": "c", "time": 0.0}
    killed = {"what": "doubtful", "action": 2, "error": {}}
    for record in ({"what": "start", "plan": "old"}, begun, {"what": "died"}, killed):
        world.records.append(json.dumps(record))
    ending = ran(world, ["z"], {"z": step()})
    assert ending.parked.endswith("done so far: nothing; in doubt: c")
    assert ending.answer["in_doubt"] == ["c"]


def test_whoever_looks_on_is_told_each_moment() -> None:
    shop, _ = bought("charge")
    told = [(one.kind, one.step, one.of, one.how) for one in shop.moments]
    assert told[2:] == [
        ("run", "reserve", "", ""),
        ("run", "reserve", "", "done"),
        ("run", "charge", "", ""),
        ("run", "charge", "", "failed"),
        ("undo", "release", "reserve", ""),
        ("undo", "release", "reserve", "done"),
    ]


def test_the_pause_doubles_up_to_its_most() -> None:
    rule = Rule(5, 1.0, 3.0)
    assert [rule.pause(n) for n in (1, 2, 3, 400)] == [1.0, 2.0, 3.0, 3.0]
