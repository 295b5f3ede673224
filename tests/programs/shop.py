"""The shop of the examples: check, reserve, charge, ship, with what undoes them. Not a fixture."""

from functools import partial
from typing import Any

from tests.programs.world import Code, World, step

UNDO = {"reserve": "release", "charge": "refund"}


def buying(**of_steps: dict[str, Any]) -> dict[str, Any]:
    """The program `buy`; each keyword adds to the step of that name."""
    steps = {
        "check": step(),
        "reserve": step(needs=["check"], undo=["release"]),
        "charge": step(undo=["refund"]),
        "ship": step(),
        "release": step(),
        "refund": step(),
    }
    for name, more in of_steps.items():
        steps[name] |= more
    return {
        "programs": {
            "buy": {
                "args": {
                    "item": {"type": "string", "required": True},
                    "qty": {"type": "int", "default": 1},
                },
                "outputs": {
                    "order": {"type": "string", "required": True},
                    "note": {"type": "string", "default": "none"},
                },
                "steps": ["reserve", "charge", "ship"],
            }
        },
        "steps": steps,
    }


class Shop(World):
    """A world in which every step of the shop adds its name to `order`, and some may fail."""

    def __init__(self, *failing: str, deaths: Any = ()) -> None:
        super().__init__(deaths)
        for name in ("check", "reserve", "charge", "ship", "release", "refund"):
            self.code[name] = Adds(self, name, fails=partial(failing.__contains__, name))


class Adds(Code):
    """A step that puts its name behind those before it."""

    def task(self, message: Any, results: dict[str, Any]) -> Any:
        super().task(message, results)
        if self.name in UNDO.values():
            return None
        before = [results["order"]] if "order" in results else []
        return {"order": "|".join([*before, self.name])}
