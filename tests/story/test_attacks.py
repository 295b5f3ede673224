"""Every attack and every control through `up`, each in a real worker; the bot answers after each.

For each kind of victim there is a service whose collector keeps asking: a line, and when that has ended,
however it did, a sentinel. What any method of a victim does is noted in a file for that line.
"""

import json
import shutil
from collections.abc import Iterator

import pytest

from tests.chat.musts import check
from tests.chat.prey import Seen
from tests.chat.victims import DATA, SECRETS, declared, lines
from tests.story.cannon_here import Project, project

pytestmark = [pytest.mark.story, pytest.mark.timeout(300), pytest.mark.xdist_group("attacks")]

# what is said after each line, and what must come of it
SENTINELS = {
    "Bare": ("help", "nothing to say"),
    "Own": ("wave", "o/"),
    "Plain": ("hi", "hi"),
    "Shell": ("add 1 2", "3"),
    "Slots": ("pub", "1"),
    "Small": ("wave", "o/"),
    "Sub": ("hi", "hi"),
    "Traps": ("static x", "static x"),
}
LINES = lines("sample") + lines("attacks")

ASKING = '''
import json, os
from botcannon_core import Halt


class Asker:
    """Says the lines of one victim on a few lanes; each lane waits for every answer."""

    every_outcome = True

    def __init__(self, victim, sentinel, lanes):
        self.lines = [(n, text) for n, name, text in json.load(open("lines.json")) if name == victim]
        self.victim, self.sentinel = victim, sentinel
        self.free, self.after, self.open = list(range(lanes)), [], 0

    def read(self):
        while self.after:
            n, lane = self.after.pop()
            yield self.said(n, "sentinel", self.sentinel, lane)
        while self.free and self.lines:
            n, text = self.lines.pop(0)
            yield self.said(n, "line", text, self.free.pop())
        if not self.open:
            raise Halt

    def said(self, n, kind, text, lane):
        self.open += 1
        user = f"lane {lane}"
        return {"n": str(n), "kind": kind, "text": text, "user": user, "lane": str(lane)}

    def taskback(self, message):
        self.open -= 1
        n, lane = message["n"], int(message["lane"])
        if message["kind"] == "line":
            self.after.append((n, lane))
        else:
            self.free.append(lane)
        told = {"outcome": message.outcome, "error": message.error, "text": message["text"]}
        with open(f"answers-{self.victim}", "a") as file:
            file.write(json.dumps([n, message["kind"], told]) + "\\n")


def mark(message, results):
    """From here on, what the victim notes is of this message."""
    os.environ["VICTIM_LOG"] = os.path.abspath(f"touched/{message['n']}-{message['kind']}")
'''

SERVICE = """
  {victim}:
    collector:
      file: asking
      entry: Asker
      conf: {{kwargs: {{victim: {victim}, sentinel: {sentinel}, lanes: {lanes}}}}}
    shell: {{file: {file}, entry: {victim}}}
    tasks:
      - {{file: asking, entry: mark}}
      - {{file: torch, entry: Torch, conf: {{kwargs: {{hidden: {hidden}}}}}}}
    workers: {{isolation: message, hot: 1, max: {lanes}, timeout: 15s, env: [VICTIM_LOG]}}
"""


def service(victim: str) -> str:
    return SERVICE.format(
        victim=victim,
        sentinel=SENTINELS[victim][0],
        lanes={"Shell": 8, "Traps": 4}.get(victim, 1),
        file="victim" if hasattr(declared("victim"), victim) else "traps",
        hidden=list(SECRETS) if victim == "Traps" else [],
    )


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project, after all that was to be said has been answered and `up` has ended by itself."""
    with pytest.MonkeyPatch.context() as patch, project("collector: {}") as made:
        for name in ("victim.py", "traps.py"):
            shutil.copy(DATA / name, made.folder / "app")
        (made.folder / "app" / "asking.py").write_text(ASKING)
        (made.folder / "touched").mkdir()
        # what never ends first, each on a lane of its own beside all the others
        numbered = sorted(enumerate(LINES), key=lambda one: one[1].must != "killed")
        said = [[n, line.shell, line.text] for n, line in numbered]
        (made.folder / "lines.json").write_text(json.dumps(said))
        services = "".join(map(service, SENTINELS))
        (made.folder / "cannon-compose.yml").write_text(f"namespace: T\nservices:{services}")
        patch.setenv("VICTIM_LOG", str(made.folder / "building"))
        made.up()
        assert made.process is not None
        code = made.process.wait(240)
        assert code == 0, made.text[-3_000:]
        yield made


def answers(here: Project, victim: str) -> dict[tuple[int, str], dict[str, str]]:
    told = (here.folder / f"answers-{victim}").read_text().splitlines()
    return {(int(n), kind): answer for n, kind, answer in map(json.loads, told)}


def seen(here: Project, n: int, answer: dict[str, str]) -> Seen:
    touched = here.folder / "touched" / f"{n}-line"
    error = answer["error"] if answer["outcome"] == "parked" else None
    return Seen(
        reply=answer["text"] if answer["outcome"] == "done" else None,
        error=error,
        overran="took longer" in (error or ""),
        touched=touched.read_text(errors="replace") if touched.exists() else "",
    )


@pytest.mark.parametrize("victim", SENTINELS)
def test_every_line_comes_to_what_it_must_in_a_real_worker(here: Project, victim: str) -> None:
    told = answers(here, victim)
    wrong = []
    for n, line in enumerate(LINES):
        if line.shell == victim:
            try:
                check(line, seen(here, n, told[n, "line"]))
            except AssertionError as error:
                wrong.append(f"{line} ({line.must}): {told[n, 'line']} {error}")
    assert wrong == []


@pytest.mark.parametrize("victim", SENTINELS)
def test_the_bot_answers_after_each_line(here: Project, victim: str) -> None:
    told = answers(here, victim)
    asked = [n for n, line in enumerate(LINES) if line.shell == victim]
    assert asked
    answered = [n for n in asked if SENTINELS[victim][1] in told[n, "sentinel"]["text"]]
    assert answered == asked


def test_only_what_was_meant_to_has_left_a_trace(here: Project) -> None:
    """What a victim notes while it is built, before any line, says that the notes arrive at all."""
    touched = {path.name for path in (here.folder / "touched").iterdir()}
    assert not [name for name in touched if name.endswith("-sentinel")]
    meant = {f"{n}-line" for n, line in enumerate(LINES) if line.must == "ok"}
    assert touched <= meant
    texts = {LINES[int(name.partition("-")[0])].text for name in touched}
    assert {"wipe db --force", "reboot"} & texts
    assert set((here.folder / "building").read_text().split("\n")) <= {
        "__hash__ asked",
        "__eq__ asked",
        "",
    }


def test_nothing_was_said_twice_and_nothing_is_left(here: Project) -> None:
    kept = [path.name for path in here.folder.glob("answers-*")]
    assert len(kept) == len(SENTINELS)
    count = sum(len((here.folder / name).read_text().splitlines()) for name in kept)
    assert count == 2 * len(LINES)
    here.until(here.is_over, "nothing is left")
