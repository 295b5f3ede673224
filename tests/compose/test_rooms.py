"""The keys that rooms bring: read where they stand, kept plain, heard by who asks for them."""

from pathlib import Path

import yaml

from botcannon_core.cannon.check import check
from botcannon_core.compose import loading, rooms
from botcannon_core.compose.reader import Reading, read
from botcannon_core.view.resolved import resolved

FILE = """\
services:
  chat:
    collector: {file: bot, entry: Quiet}
    shell: {file: bot, entry: Shell}
    tasks: [{file: TASK, entry: ENTRY}]
    acl:
      - {allow: 'users *', who: ['#ops/*', 'user:U1'], confirm: true}
      - {deny: '*', who: '*'}
"""
RULES = [
    {"allow": "users *", "who": ["#ops/*", "user:U1"], "confirm": True},
    {"deny": "*", "who": "*"},
]
BOT = """\
class Quiet:
    def read(self): pass
class Shell: pass
class Work:
    def task(self, message, results): pass
class Needs:
    def __init__(self, acl): self.acl = acl
    def task(self, message, results): pass
"""


def reading(folder: Path, text: str) -> Reading:
    (folder / "cannon-compose.yml").write_text(text)
    (folder / "app").mkdir(exist_ok=True)
    (folder / "app" / "bot.py").write_text(BOT)
    return read(folder / "cannon-compose.yml")


def of(task: str, entry: str) -> str:
    return FILE.replace("TASK", task).replace("ENTRY", entry)


def problems(folder: Path, text: str) -> list[str]:
    found = reading(folder, text)
    looked = check(found.spec, list(found.spec.services), project=folder)
    told = [*found.problems, *looked.problems]
    return [str(p).replace(str(folder / "cannon-compose.yml"), "F") for p in told]


def test_the_rules_stay_plain_and_become_a_handle(tmp_path: Path) -> None:
    spec = reading(tmp_path, of("bot", "Needs")).spec
    service = spec.services["chat"]
    assert service.extra == {"acl": RULES}
    assert loading.build(service.tasks[0], loading.extras(service), tmp_path).acl == RULES
    assert check(spec, ["chat"], project=tmp_path).problems == ()


def test_torch_is_given_the_rules(tmp_path: Path) -> None:
    assert problems(tmp_path, of("torch", "Torch")) == []


def test_rules_that_nobody_would_read_are_a_problem(tmp_path: Path) -> None:
    told = ["F:2: services.chat.acl: no task of 'chat' asks for `acl`, so it would do nothing"]
    assert [p.replace("F:3", "F:2") for p in problems(tmp_path, of("bot", "Work"))] == told
    shadowed = of("torch", "Torch, conf: {kwargs: {acl: []}}")
    assert [p.replace("F:3", "F:2") for p in problems(tmp_path, shadowed)] == told


def test_without_the_key_a_class_that_needs_it_is_told(tmp_path: Path) -> None:
    text = of("bot", "Needs").partition("    acl:")[0]
    assert "Needs needs 'acl', which is not given" in problems(tmp_path, text)[0]


def test_each_mistake_is_told_where_it_stands(tmp_path: Path) -> None:
    text = of("torch", "Torch").partition("      - {allow")[0] + (
        "      - {alow: 'x', who: '*'}\n"
        "      - allow: don't\n"
        "        who: [bob]\n"
        "      - {allow: x, who: !!SECRET!!}\n"
    )
    told = problems(tmp_path, text)
    assert told[0].startswith("F:10: services.chat.acl[2].who: a secret must be the whole value")
    told = problems(tmp_path, text.rpartition("      -")[0])
    for start in (
        "F:7: services.chat.acl[0]: must either allow or deny",
        "F:7: services.chat.acl[0].alow: unknown key; did you mean 'allow'?",
        "F:8: services.chat.acl[1].allow: the quote",
        "F:9: services.chat.acl[1].who[0]: must be '*'",
    ):
        assert [line.startswith(start) for line in told].count(True) == 1
    assert len(told) == 4


def test_an_empty_or_misspelt_key_is_refused(tmp_path: Path) -> None:
    text = of("torch", "Torch").partition("    acl:")[0]
    assert "must be a list of rules" in problems(tmp_path, text + "    acl:\n")[0]
    assert "did you mean 'acl'" in problems(tmp_path, text + "    alc: []\n")[0]
    assert problems(tmp_path, text + "    acl: []\n") == []


def test_what_is_printed_is_read_as_the_same(tmp_path: Path) -> None:
    for text in (of("torch", "Torch"), of("torch", "Torch").partition("\n      -")[0] + " []\n"):
        spec = reading(tmp_path, text).spec
        again = reading(tmp_path, yaml.safe_dump(resolved(spec), sort_keys=False)).spec
        assert again.services["chat"].extra == spec.services["chat"].extra != {}


def test_the_keys_of_all_rooms_are_found_by_name() -> None:
    assert "acl" in rooms.service_keys()
