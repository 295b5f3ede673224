"""A ryuso specification of three programs and eight hooks: imported, filled in, asked by clients."""

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.story.cannon_here import BOTCANNON, environment, wait_until

pytestmark = [pytest.mark.story]

TEXT = {"type": "string", "required": True}
FAIL = {"type": "string", "required": False, "default": ""}


def hook(file: str, name: str, **more: list[str]) -> dict[str, Any]:
    return {"reference": f"shop.hooks.{file}.{name}", "args": {"item": TEXT}, **more}


def program(*hooks: str) -> dict[str, Any]:
    return {
        "hooks": list(hooks),
        "args": {"item": TEXT, "fail": FAIL},
        "outputs": {"order": TEXT, "note": {**TEXT, "required": False, "default": "none"}},
    }


SPEC = {
    "name": "shop",
    "version": "1.0",
    "programs": {
        "buy": program("hooks.reserve", "hooks.charge", "hooks.ship"),
        "send": program("hooks.pack", "hooks.ship"),
        "order": program("programs.buy", "hooks.tell"),
    },
    "hooks": {
        "check": hook("stock", "check"),
        "reserve": hook(
            "stock", "reserve", dependencies=["hooks.check"], rectifiers=["hooks.release"]
        ),
        "release": hook("stock", "release"),
        "charge": hook("bank", "charge", rectifiers=["hooks.refund"]),
        "refund": hook("bank", "refund"),
        "ship": hook("post", "ship"),
        "pack": hook("post", "pack"),
        "tell": hook("post", "tell"),
    },
}
BODY = """\
    with open("acts", "a") as file:
        file.write("{name} ")
    if results["fail"] == "{name}":
        raise ValueError("{name} cannot")
    return {{"order": (results["order"] + "|" if "order" in results else "") + "{name}"}}
"""
UNDO = """\
    with open("acts", "a") as file:
        file.write("{name} ")
    return {{}}
"""


def botcannon(folder: Path, *words: str) -> str:
    ended = subprocess.run(
        [*BOTCANNON, *words], cwd=folder, env=environment(), capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def filled_in(text: str) -> str:
    """Every stub with a body; nothing else is touched."""

    def fill(match: re.Match[str]) -> str:
        name = match[2]
        return match[1] + (UNDO if name in ("release", "refund") else BODY).format(name=name)

    found, count = re.subn(
        r"(?s)(def (\w+)\(.*?)    # fill in[^\n]*\n    return \{\}\n", fill, text
    )
    assert count
    return found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "ryu_spec.json").write_text(json.dumps(SPEC))
    botcannon(folder, "program", "import", "ryu_spec.json")
    for path in (folder / "app").rglob("*.py"):
        path.write_text(filled_in(path.read_text()))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    compose = folder / "cannon-compose.yml"
    compose.write_text(compose.read_text().replace("port: 60856", f"port: {port}"))
    try:
        botcannon(folder, "up", "--detach")
        wait_until(lambda: listens(port), "the server listens")
        yield folder, port
    finally:
        botcannon(folder, "down")


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def ask(
    shop: tuple[Path, int], request: bytes | dict[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """What a plain client is replied to its one document, and what the hooks did."""
    folder, port = shop
    (folder / "acts").write_text("")
    data = request if isinstance(request, bytes) else json.dumps(request).encode()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        reply = b"".join(iter(lambda: client.recv(65_536), b""))
    return json.loads(reply), (folder / "acts").read_text().split()


def test_a_program_gives_its_outputs_alone(shop: tuple[Path, int]) -> None:
    reply, acts = ask(shop, {"program": "buy", "data_pool": {"item": "x"}, "metadata": {}})
    assert reply == {"order": "check|reserve|charge|ship", "note": "none"}
    assert acts == ["check", "reserve", "charge", "ship"]


@pytest.mark.parametrize(
    ("fail", "acts"),
    [
        ("check", ["check"]),
        ("reserve", ["check", "reserve"]),
        ("charge", ["check", "reserve", "charge", "release"]),
        ("ship", ["check", "reserve", "charge", "ship", "refund", "release"]),
    ],
)
def test_a_failure_undoes_what_was_done(shop: tuple[Path, int], fail: str, acts: list[str]) -> None:
    reply, done = ask(shop, {"program": "buy", "data_pool": {"item": "x", "fail": fail}})
    assert done == acts
    assert (reply["_program_fail"], reply["_last_failed_program"]) == (True, fail)
    assert (reply["_rectifier_fail"], reply["_dependency_fail"]) == (False, fail == "check")
    outputs = {name: value for name, value in reply.items() if not name.startswith("_")}
    before = "|".join(acts[: acts.index(fail)])
    assert outputs == {"note": "none", **({"order": before} if before else {})}


def test_a_program_within_a_program_is_undone_with_it(shop: tuple[Path, int]) -> None:
    reply, acts = ask(shop, {"program": "order", "data_pool": {"item": "x", "fail": "tell"}})
    assert acts == ["check", "reserve", "charge", "ship", "tell", "refund", "release"]
    assert reply["_last_failed_program"] == "tell"


def test_what_is_wrong_is_replied_and_the_server_lives_on(shop: tuple[Path, int]) -> None:
    reply, acts = ask(shop, {"program": "buy", "data_pool": {}, "metadata": {"program_fail": True}})
    assert "item: is missing" in reply["_error"]
    assert acts == []
    assert ask(shop, b"hello")[0] == {"_server_error": "Message provided was not valid JSON"}
    assert "_server_error" in ask(shop, {"program": "nope", "data_pool": {}})[0]
    assert ask(shop, {"program": "send", "data_pool": {"item": "x"}})[0]["order"] == "pack|ship"
