"""A project whose only service runs programs: the shop, with steps that note what they did in a file.

Not a fixture: tests that want one make it with `shop`.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from botcannon_core import contract
from tests.story.cannon_here import Project, project

SHOP = '''
import os, signal, time


def note(name, message, results):
    """One line in the file `acts`, whoever writes at the same time."""
    with open("acts", "a") as file:
        file.write(f"{name} {results.get('item')} {message.in_doubt}\\n")
    where = results.get("die", "")
    if where == name and not os.path.exists(f"died-{name}-{results['item']}"):
        open(f"died-{name}-{results['item']}", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    if results.get("fail") == name:
        raise ValueError(f"{name} cannot")


def adds(name):
    def step(message, results):
        note(name, message, results)
        return {"order": "|".join([*filter(None, [results.get("order")]), name])}
    return step


check, reserve, charge, ship = (adds(name) for name in ("check", "reserve", "charge", "ship"))


def release(message, results):
    note("release", message, results)


def refund(message, results):
    note("refund", message, results)


def rest(message, results):
    with open("began", "a") as file:
        file.write(f"{time.time()}\\n")
    time.sleep(results.get("seconds", 1))
    with open("ended", "a") as file:
        file.write(f"{time.time()}\\n")


def wait(message, results):
    """Until the file `release` is there."""
    note("wait", message, results)
    while not os.path.exists("release"):
        time.sleep(0.005)
'''

_STEP = {name: {"file": "shop", "entry": name} for name in ("check", "ship", "release", "refund")}
STEPS: dict[str, Any] = {
    **_STEP,
    "reserve": {"file": "shop", "entry": "reserve", "needs": ["check"], "undo": ["release"]},
    "charge": {"file": "shop", "entry": "charge", "undo": ["refund"]},
    "rest": {"file": "shop", "entry": "rest"},
    "wait": {"file": "shop", "entry": "wait", "idempotent": True},
}
TEXT = {"type": "string", "default": ""}
BUY: dict[str, Any] = {
    "args": {"item": {"type": "string", "required": True}, "die": TEXT, "fail": TEXT},
    "outputs": {"order": {"type": "string", "required": True}},
    "steps": ["reserve", "charge", "ship"],
}
REST: dict[str, Any] = {
    "args": {"item": "string", "seconds": {"type": "float", "default": 1}},
    "steps": ["rest"],
}
PROGRAMS: dict[str, Any] = {
    "buy": BUY,
    "nap": REST,
    "nap_alone": {**REST, "lock": "item"},
    "hold": {**REST, "steps": ["reserve", "wait", "charge"], "outputs": {"order": "string"}},
}


class ShopHere:
    """The project, and what one wants to ask of it."""

    def __init__(self, here: Project, service: str, steps: dict[str, Any]) -> None:
        self.here = here
        (here.folder / "app" / "shop.py").write_text(SHOP)
        lines = yaml.safe_load(service) or {}
        declared = {
            "namespace": "T",
            "programs": PROGRAMS,
            "steps": {name: {**one, **steps.get(name, {})} for name, one in STEPS.items()},
            "services": {
                "work": {
                    "collector": {"file": "feed", "entry": "Feed"},
                    "programs": list(PROGRAMS),
                    **lines,
                }
            },
        }
        text = yaml.safe_dump(declared, sort_keys=False)
        (here.folder / "cannon-compose.yml").write_text(text)

    def ask(self, program: str, n: str = "1", **args: Any) -> None:
        """Send a request with the number `n`."""
        self.here.feed({"n": n, "program": program, "body": contract.pack(args)})

    def answer(self, n: str = "1") -> dict[str, Any]:
        """The answer to that request, once it is home."""
        here = self.here
        here.until(lambda: n in here.answers(), f"{n} is answered")
        return contract.unpack(here.answers()[n]["body"])

    def acts(self, item: str = "x") -> list[str]:
        """What the steps did, in order; with a ? where they were told of a doubt."""
        path = self.here.folder / "acts"
        lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return [name + "?" * (doubt == "True") for name, one, doubt in lines if one == item]

    def times(self, name: str) -> list[float]:
        path = self.here.folder / name
        return [float(line) for line in path.read_text().split()] if path.exists() else []

    def journals(self) -> list[str]:
        """The keys of the journals that are left."""
        return sorted(self.here.client().scan_iter("*journal:*"))

    def dead(self) -> list[dict[str, Any]]:
        return [{**one, "left": json.loads(one["_left"])} for one in self.here.stream("dead")]


@contextmanager
def shop(service: str = "", **steps: dict[str, Any]) -> Iterator[ShopHere]:
    """A shop; `service` are more keys of it in YAML, each keyword more keys of a step."""
    with project("") as here:
        yield ShopHere(here, service, steps)
