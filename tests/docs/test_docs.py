"""What README and docs show is true: every block is run or read, every link leads somewhere, and
every verb, option, key, variable and dependency there is has its place.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from botcannon_core.cli.signature import slots
from botcannon_core.cli.verbs import VERBS, function_of
from botcannon_core.compose import classes, reader, rooms
from botcannon_core.compose.loading import HANDLES
from botcannon_core.programs.declared import PROGRAM, STEP
from tests.docs.pages import LANGUAGES, ROOT, anchors, blocks, links, pages, section
from tests.docs.playing import Stage

DOCS = ROOT / "docs"
_ALL = {**vars(classes), **vars(reader), "OF_ROOMS": {**rooms.top_keys(), **rooms.chain_keys()}}
TABLES = {name: found for name, found in _ALL.items() if name.isupper() and name != "TOP"}

each_page = pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)


@pytest.fixture
def stage(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(page, tmp_path_factory.mktemp("page"))
    yield made
    made.clear()


@pytest.mark.story
@each_page
def test_every_block_of_the_page_does_what_it_says(page: Path, stage: Stage) -> None:
    for block in blocks(page):
        if not block.not_run:
            stage.play(block)


@each_page
def test_every_block_is_of_a_kind_that_is_checked(page: Path) -> None:
    assert [b.where for b in blocks(page) if b.language not in LANGUAGES] == []
    assert page.read_text(encoding="utf-8").count("```") == 2 * len(blocks(page))


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        if re.match(r"https?://", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in links(ROOT / "README.md")}
    assert [page.name for page in pages()[1:] if page not in linked] == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_section_that_names_its_options(verb: str) -> None:
    text = section(DOCS / "verbs.md", f"`{verb}`")
    assert text, f"verbs.md has no section `{verb}`"
    options = [s for s in slots(function_of(verb)) if s.kind is s.kind.KEYWORD_ONLY]
    # --file is every verb's, and told once
    missing = [s.option for s in options if s.option not in text and s.name != "file"]
    assert missing == []


def test_every_key_of_a_compose_file_has_its_place() -> None:
    told = (DOCS / "compose.md").read_text(encoding="utf-8")
    keys = {key for table in (*tables(), reader.TOP) for key in table}
    assert sorted(key for key in keys if f"`{key}`" not in told) == []


def test_every_key_of_programs_and_steps_has_its_place() -> None:
    told = (DOCS / "programs.md").read_text(encoding="utf-8")
    assert [key for key in (*PROGRAM, *STEP, "name") if f"`{key}`" not in told] == []


def test_the_tables_of_keys_are_found() -> None:
    assert {"services", "collector", "hot", "file", "kwargs"} <= {
        key for table in (*tables(), reader.TOP) for key in table
    }


@pytest.mark.parametrize("handle", sorted(HANDLES))
def test_every_handle_has_its_place(handle: str) -> None:
    assert f"`{handle}`" in (DOCS / "tasks.md").read_text(encoding="utf-8")


def test_every_variable_has_its_place() -> None:
    sources = [*(ROOT / "botcannon_core").rglob("*.py"), ROOT / "botcannon"]
    found = {v for path in sources for v in re.findall(r"BOTCANNON_[A-Z]+\b", path.read_text())}
    told = section(DOCS / "verbs.md", "Environment")
    assert sorted(variable for variable in found if variable not in told) == []


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    asked = [*project["dependencies"], *(one for extra in optional.values() for one in extra)]
    names = [re.match(r"[\w-]+", one) for one in asked]
    told = (DOCS / "dependencies.md").read_text(encoding="utf-8")
    assert [n[0] for n in names if n and f"**{n[0]}**" not in told] == []


def test_every_room_of_the_house_is_in_the_drawing() -> None:
    told = (DOCS / "design.md").read_text(encoding="utf-8")
    house = ROOT / "botcannon_core"
    rooms = [path.parent.name for path in house.glob("*/__init__.py")]
    assert rooms
    assert [room for room in rooms if f"{room}/" not in told] == []


def test_the_changelog_has_what_is_unreleased() -> None:
    assert section(ROOT / "CHANGELOG.md", "Unreleased").strip()


def tables() -> list[Mapping[str, Callable[..., Any]]]:
    """The reader's tables, also those that only stand inside another one's converter."""
    found = [table for table in TABLES.values() if isinstance(table, Mapping)]
    more = [c.keywords.get("more", {}) for t in found for c in t.values() if type(c) is partial]
    return [*found, *more]
