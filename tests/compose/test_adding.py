"""Adding to a compose file's text: what is there stays, character for character."""

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botcannon_core.compose.adding import Unaddable, keys, with_entries, with_items

FILE = """\
# ours
namespace: TEAM   # kept

programs:
  buy:  # as it was
    steps: [a,   b]

    # more of buy
  # at the end of programs

# services come last
services:
  shop:
    collector: {file: door, entry: Door, conf: {key: k, kwargs: {token: !!SECRET!!}}}
    programs: [buy]
"""


def test_an_entry_comes_behind_the_others_of_its_mapping() -> None:
    found = with_entries(FILE, ["programs"], {"sell": {"steps": ["c"]}})
    assert found == FILE.replace("steps: [a,   b]\n", "steps: [a,   b]\n  sell:\n    steps: [c]\n")


def test_what_is_there_already_is_left_alone() -> None:
    assert with_entries(FILE, ["programs"], {"buy": {"steps": ["z"]}}) == FILE
    assert with_items(FILE, ["services", "shop", "programs"], ["buy"]) == FILE


def test_a_mapping_that_is_not_there_comes_at_the_end() -> None:
    found = with_entries(FILE, ["steps"], {"a": {"file": "x"}, "b": {"file": "y"}})
    assert found == FILE + "\nsteps:\n  a: {file: x}\n  b: {file: y}\n"


def test_a_word_comes_behind_the_others_of_its_list() -> None:
    found = with_items(FILE, ["services", "shop", "programs"], ["sell"])
    assert found == FILE.replace("[buy]", "[buy, sell]")
    lines = "a:\n    - x\n    - y # two\n\nb: 1\n"
    assert with_items(lines, ["a"], ["z"]) == lines.replace("two\n", "two\n    - z\n")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "p: {x: 1}\n"),
        ("# only this", "# only this\n\np: {x: 1}\n"),
        ("p:\n", "p:\n  x: 1\n"),
        ("p:", "p:\n  x: 1\n"),
        ("p: # none\nq: 1\n", "p: # none\n  x: 1\nq: 1\n"),
        ("p: {} # none\nq: 1\n", "p: # none\n  x: 1\nq: 1\n"),
        ("p: ~\nq: 1\n", "p:\n  x: 1\nq: 1\n"),
        ("p: {a: 1}\n", "p: {a: 1, x: 1}\n"),
        ("p: {a: 1,}\n", "p: {a: 1, x: 1,}\n"),
        ("p: {\n  a: 1 # one\n}\n", "p: {\n  a: 1, x: 1 # one\n}\n"),
        ("{p: {a: 1}}\n", "{p: {a: 1, x: 1}}\n"),
        ("{q: 1}\n", "{q: 1, p: {x: 1}}\n"),
        ("p:\n    a: |\n      text\n\n\nq: 1\n", "p:\n    a: |\n      text\n\n\n    x: 1\nq: 1\n"),
        ("p:\r\n  a: 1\r\n", "p:\r\n  a: 1\r\n  x: 1\r\n"),
        ("p:\n  a: 1", "p:\n  a: 1\n  x: 1\n"),
        ("p:\n  a:\nq:\n", "p:\n  a:\n  x: 1\nq:\n"),
    ],
)
def test_every_way_of_writing_a_mapping_is_added_to(text: str, wanted: str) -> None:
    assert with_entries(text, ["p"], {"x": 1}) == wanted


@pytest.mark.parametrize("text", ["p: 5\n", "p: [1]\n", "{}\n", "- a\n", "p: &a {b: 1}\nq: *a\n"])
def test_what_cannot_be_added_to_is_refused(text: str) -> None:
    with pytest.raises(Unaddable):
        with_entries(text, ["p"], {"x": 1})


NAMES = st.text("abc", min_size=1, max_size=3)
VALUES = st.recursive(
    st.none() | st.integers() | st.text() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(st.sampled_from(["p", "q"]), st.dictionaries(NAMES, VALUES), min_size=1),
    st.dictionaries(NAMES, VALUES, min_size=1, max_size=3),
    st.sampled_from([True, False, None]),
    st.integers(1, 6),
)
def test_any_file_says_what_it_said_and_what_was_added(
    said: dict[str, dict[str, object]], more: dict[str, object], flow: bool | None, indent: int
) -> None:
    text = yaml.safe_dump(said, default_flow_style=flow, indent=indent)
    found = with_entries(text, ["p"], more)
    wanted = {**said, "p": {**more, **said.get("p", {})}}
    assert yaml.safe_load(found) == wanted
    assert set(keys(found, ["p"])) == set(wanted["p"])
