"""The keys of a room that stand in the place of `tasks`: read, checked and built as tasks are."""

import pickle
from pathlib import Path

import yaml

from botcannon_core.cannon.check import check
from botcannon_core.compose import conf, reader
from botcannon_core.compose.reader import Reading
from botcannon_core.compose.spec import Hidden
from botcannon_core.view.declared import declared
from botcannon_core.view.resolved import resolved

FILE = """\
programs:
  buy:
    args: {item: string}
    lock: item
    steps:
      - {file: bot, entry: Reserve, undo: [release], conf: {key: r, kwargs: {token: !!SECRET!!}}}
      - charge
steps:
  charge: {file: bot, entry: charge}
  release: {file: bot, entry: release}
services:
  shop:
    collector: {file: bot, entry: Quiet}
    program: buy
  other:
    collector: {file: bot, entry: Quiet}
"""
BOT = """\
class Quiet:
    def read(self): pass
class Reserve:
    def __init__(self, token): self.token = token
    def task(self, message, results): pass
    def undo(self, message, results): pass
def charge(message, results): pass
def release(message, results): pass
"""


def reading(folder: Path, text: str = FILE, bot: str = BOT) -> Reading:
    (folder / "cannon-compose.yml").write_text(text)
    (folder / "app").mkdir(exist_ok=True)
    (folder / "app" / "bot.py").write_text(bot)
    return reader.read(folder / "cannon-compose.yml")


def problems(folder: Path, text: str = FILE, bot: str = BOT) -> list[str]:
    found = reading(folder, text, bot)
    looked = check(found.checkable, list(found.checkable.services), project=folder)
    told = sorted({*found.problems, *looked.problems}, key=lambda one: (one.line, one))
    return [str(p).replace(f"{folder}/cannon-compose.yml:", "") for p in told]


def test_a_service_with_a_program_has_one_task_and_its_steps_as_parts(tmp_path: Path) -> None:
    found = reading(tmp_path)
    assert found.problems == ()
    shop = found.spec.services["shop"]
    assert shop.chain == {"program": "buy"}
    assert [task.file for task in shop.tasks] == ["run_program"]
    assert {name: one.entry for name, one in shop.parts.items()} == {
        "buy.Reserve": "Reserve",
        "charge": "charge",
        "release": "release",
    }
    assert shop.parts["buy.Reserve"].place.line == 6
    assert shop.deliver.lane_of({"item": "x"}) == "item=x"
    assert shop.deliver.lane_of({}) is None
    assert problems(tmp_path) == []


def test_it_travels_to_another_process(tmp_path: Path) -> None:
    shop = reading(tmp_path).spec.services["shop"]
    assert pickle.loads(pickle.dumps(shop)) == shop


def test_a_secret_of_a_step_is_found_and_never_shown(tmp_path: Path) -> None:
    spec = reading(tmp_path).spec
    found = conf.resolve(spec, ["shop"], {}, lambda *_: "s3cret")
    shop = found.spec.services["shop"]
    assert shop.parts["buy.Reserve"].kwargs == {"token": Hidden("s3cret")}
    assert shop.hidden == {"s3cret"}
    assert "s3cret" not in str(resolved(found.spec))


def test_what_is_printed_is_read_as_the_same(tmp_path: Path) -> None:
    text = FILE.replace("!!SECRET!!", "plain")
    spec = reading(tmp_path, text).spec
    again = reading(tmp_path, yaml.safe_dump(resolved(spec), sort_keys=False)).spec
    assert again.extra == spec.extra
    assert again.services["shop"].handles == spec.services["shop"].handles
    assert again.services["shop"].deliver == spec.services["shop"].deliver


def test_a_list_of_services_shows_the_program(tmp_path: Path) -> None:
    assert [one.tasks for one in declared(reading(tmp_path), {})] == [("program buy",), ()]


def test_a_fault_breaks_the_services_that_run_programs_and_no_other(tmp_path: Path) -> None:
    found = reading(tmp_path, FILE.replace("- charge", "- chrge"))
    assert list(found.spec.services) == ["other"]
    assert [str(one).partition(":")[2] for one in found.broken["shop"]] == [
        "7: programs.buy.steps[1]: no step or program 'chrge'; did you mean 'charge'?",
        "9: steps.charge: no program comes to this step; name it in one, or take it out",
    ]


def test_everything_that_is_wrong_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = FILE.replace("item: string", "item: strng").replace("charge: {file", "charge: {fil")
    text = text.replace("entry: release", "entry: relase").replace("program: buy", "program: by")
    assert [line.partition(";")[0] for line in problems(tmp_path, text)] == [
        "3: programs.buy.args.item: no type is called 'strng'",
        "9: steps.charge: lacks the key 'file'",
        "9: steps.charge.fil: unknown key",
        "10: steps.release.entry: no 'relase' in app/bot.py",
        "14: services.shop.program: no program 'by'",
    ]


def test_a_step_that_cannot_be_called_is_told(tmp_path: Path) -> None:
    bot = BOT.replace("def undo(self, message, results)", "def undo(self)").replace(
        "def charge(message, results)", "def charge()"
    )
    told = problems(tmp_path, FILE, bot)
    assert "Reserve.undo() is called with message and results" in told[0]
    assert "charge() is called with message and results" in told[1]


def test_either_tasks_or_a_program(tmp_path: Path) -> None:
    text = FILE.replace("program: buy", "program: buy\n    tasks: [{file: bot, entry: charge}]")
    assert problems(tmp_path, text) == ["13: services.shop: either `tasks` or `program`, not both"]


def test_a_lock_takes_the_place_of_another_order(tmp_path: Path) -> None:
    text = FILE.replace("program: buy", "program: buy\n    deliver: {order_by: item}")
    assert problems(tmp_path, text) == [
        "13: services.shop: has programs with a lock, which takes the place of deliver.order_by"
    ]


def test_what_must_not_be_given_up_is_tried_as_deliver_says(tmp_path: Path) -> None:
    text = FILE.replace("program: buy", "program: buy\n    deliver: {tries: 7, backoff: 20ms}")
    task = reading(tmp_path, text).spec.services["shop"].tasks[0]
    assert task.kwargs == {"tries": 7, "backoff": 0.02, "backoff_max": 60.0}
