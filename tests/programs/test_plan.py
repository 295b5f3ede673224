"""The plan: what was declared, resolved and in order, or all that is wrong with it at once."""

import pickle
from typing import Any

import pytest

from botcannon_core.programs.fault import PlanError
from botcannon_core.programs.plan import MOST_ACTIONS, resolve
from botcannon_core.programs.program import Plans, Program


def step(**more: Any) -> dict[str, Any]:
    return {"file": "shop", "entry": "do", **more}


def shop() -> dict[str, Any]:
    return {
        "programs": {
            "buy": {
                "description": "Buy an item.",
                "args": {"item": "string", "qty": {"type": "int", "default": 1}},
                "outputs": {"order": "string"},
                "steps": [
                    {
                        "file": "shop",
                        "entry": "Reserve",
                        "needs": ["check_stock"],
                        "undo": ["release"],
                    },
                    "charge",
                    {"program": "ship"},
                ],
                "lock": "item",
            },
            "ship": {"steps": ["pack", "send"]},
        },
        "steps": {
            name: step() for name in ("check_stock", "release", "refund", "pack", "send", "weigh")
        }
        | {
            "charge": step(undo=["refund"], idempotent=True),
            "check_stock": step(needs=["weigh"]),
        },
        "services": {"shop": {"program": "buy"}, "other": {}},
    }


def order(program: Program) -> list[str]:
    return [("" if one.kind == "run" else f"{one.kind} ") + one.key for one in program.order]


def faults(document: dict[str, Any]) -> list[str]:
    with pytest.raises(PlanError) as caught:
        resolve(document)
    return [str(fault) for fault in caught.value.faults]


def chain(**steps: Any) -> dict[str, Any]:
    return {"programs": {"p": {"steps": list(steps)}}, "steps": steps}


def test_needs_and_programs_within_are_spelt_out_in_their_order() -> None:
    plans = resolve(shop())
    assert order(plans.programs["buy"]) == [
        "weigh",
        "check_stock",
        "buy.Reserve",
        "charge",
        "enter ship",
        "pack",
        "send",
        "leave ship",
    ]
    assert [one.undo for one in plans.programs["buy"].order[2:4]] == [("release",), ("refund",)]
    assert plans.steps["buy.Reserve"].name == "Reserve"
    assert plans.steps["buy.Reserve"].place == ("programs", "buy", "steps", 0)
    assert plans.services == {"shop": ("buy",)}
    assert plans.programs["buy"].lock == "item"


def test_a_plan_travels_to_another_process() -> None:
    plans = resolve(shop())
    assert pickle.loads(pickle.dumps(plans)) == plans


def test_a_need_runs_once_however_many_need_it() -> None:
    plans = resolve(chain(a=step(needs=["c"]), b=step(needs=["c"]), c=step()) | {"services": {}})
    assert order(plans.programs["p"]) == ["c", "a", "b", "c#2"]  # listed, it runs again


def test_an_undo_brings_what_it_needs_unless_that_was_done() -> None:
    steps = {
        "a": step(undo=["back", "p2"]),
        "back": step(needs=["look", "b"]),
        "look": step(),
        "b": step(),
    }
    document = {"programs": {"p": {"steps": ["b", "a"]}, "p2": {"steps": ["look"]}}, "steps": steps}
    assert resolve(document).programs["p"].order[1].undo == ("look", "back", "look")


def test_two_steps_may_undo_each_other() -> None:
    plans = resolve(chain(shut=step(undo=["open"]), open=step(undo=["shut"])))
    assert [one.undo for one in plans.programs["p"].order] == [("open",), ("shut",)]


def test_a_part_of_the_plans_holds_what_it_comes_to() -> None:
    part = resolve(shop()).only(["ship"])
    assert (set(part.programs), set(part.steps)) == ({"ship"}, {"pack", "send"})
    assert set(resolve(shop()).only(["buy"]).steps) == set(resolve(shop()).steps)


def test_a_cycle_is_told_as_the_way_round() -> None:
    steps = {"a": step(needs=["b"]), "b": step(needs=["a"]), "c": step(undo=["c"])}
    assert faults(chain(**steps)) == [
        "steps.a: dependency cycle a -> b -> a",
        "steps.c: dependency cycle c -> c",
    ]
    document: dict[str, Any] = {"programs": {"p": {"steps": ["q"]}, "q": {"steps": ["p"]}}}
    assert faults(document) == ["programs.p.steps: dependency cycle p -> q -> p"]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    document = shop()
    document["programs"]["buy"]["args"]["qty"] = {"type": "integr"}
    document["programs"]["buy"]["lock"] = "itm"
    document["programs"]["buy"]["steps"].append("chrge")
    document["programs"]["charge"] = {"steps": [], "undo": []}
    document["steps"]["lonely"] = step(undo="release")
    document["steps"]["pack"]["pivot"] = "yes"
    document["services"]["other"] = {"programs": ["by"], "program": "buy"}
    told = faults(document)
    assert told == [
        "steps.pack.pivot: must be true or false, is text",
        "steps.lonely.undo: must be a list of steps, is text",
        *[one for one in told if one.startswith("programs.buy.args.qty.type: ")],
        "programs.buy.lock: there is no arg 'itm'; it names the arg by whose value runs wait",
        "programs.charge: there is a step 'charge', too; a name means one thing",
        "programs.charge.undo: unknown key; there are description, args, outputs, steps, lock",
        "programs.charge.steps: names no step; there must be at least one",
        "services.other.programs: either `program` or `programs`, not both",
        "programs.buy.steps[3]: no step or program 'chrge'; did you mean 'charge'?",
        "services.other.programs[0]: no program 'by'; did you mean 'buy'?",
        "steps.lonely: no program comes to this step; name it in one, or take it out",
    ]


@pytest.mark.parametrize("wrong", [None, [], "text", 3, {"a": None}, {"-a": step()}, {1: step()}])
@pytest.mark.parametrize("key", ["programs", "steps"])
def test_whatever_stands_there_is_told_and_never_raised(key: str, wrong: Any) -> None:
    document = {key: wrong}
    if (key, wrong) == ("steps", {}):
        return
    assert all(one.startswith(key) for one in faults(document))


def test_names_that_stand_for_two_things_are_refused() -> None:
    document = {
        "programs": {"p": {"steps": [step(), step(), step(entry="q"), step(name="r"), "q"]}},
        "steps": {"q": step()},
    }
    assert faults(document) == [
        "programs.p.steps[1]: 'p' has a step 'do' already; give this one a `name` of its own",
        "programs.p.steps[2]: there is a step 'q', too; give this one a `name` of its own",
    ]


def test_only_what_has_one_form_can_be_a_lock() -> None:
    document = {"programs": {"p": {"args": {"at": "float"}, "lock": "at", "steps": [step()]}}}
    assert faults(document) == [
        "programs.p.lock: 'at' is float; only a string, int, bool, uuid or one of some can be a lock"
    ]


def test_programs_that_multiply_without_bounds_are_refused() -> None:
    programs = {f"p{n}": {"steps": [f"p{n - 1}"] * 10} for n in range(1, 8)}
    told = faults({"programs": {"p0": {"steps": [step()]}, **programs}})
    assert f"more than {MOST_ACTIONS:,} steps" in told[0]


def test_steps_that_need_each_other_without_end_are_refused() -> None:
    steps = {f"s{n}": step(needs=[f"s{n + 1}"]) for n in range(3000)} | {"s3000": step()}
    told = faults({"programs": {"p": {"steps": ["s0"]}}, "steps": steps})
    assert told == ["steps: steps need each other deeper than can be followed"]


def test_a_name_for_a_step_and_a_program_that_runs_it_is_refused() -> None:
    document = {"programs": {"wait": {"steps": ["wait"]}}, "steps": {"wait": step()}}
    assert faults(document)[0] == (
        "programs.wait: there is a step 'wait', too; a name means one thing"
    )


def test_nothing_declared_is_no_program() -> None:
    assert resolve({}) == Plans()
