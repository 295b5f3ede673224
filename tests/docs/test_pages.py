"""The reader of pages sees what a reader sees: a page that lies must not pass for a true one."""

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, Command, anchors, blocks, commands, matches, section
from tests.docs.playing import Stage

PAGE = """# A page: of `its` own

```yaml
# cannon-compose.yml
services: {}
```

<!-- not run: it takes a year -->
```shell
sleep 31536000
```

## Part two

text

### Below

more

## Part three
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def block(language: str, text: str) -> Block:
    return Block(ROOT / "docs" / "made-up.md", 1, language, text)


def test_blocks_know_their_file_and_why_they_are_not_run(page: Path) -> None:
    first, second = blocks(page)
    assert (first.language, first.file, first.not_run, first.line) == (
        "yaml",
        "cannon-compose.yml",
        "",
        3,
    )
    assert (second.language, second.file, second.not_run) == ("shell", "", "it takes a year")


def test_headings_are_found_as_links_name_them(page: Path) -> None:
    assert anchors(page) == {"a-page-of-its-own", "part-two", "below", "part-three"}
    assert section(page, "Part two").split() == ["text", "###", "Below", "more"]
    assert section(page, "Part four") == ""


def test_a_console_block_is_commands_with_what_is_typed_and_shown() -> None:
    text = "$ ./botcannon up\n> hello\nHello!\n> bye\nBye!\n$ echo $?\n0\n"
    assert commands(block("console", text)) == [
        Command("./botcannon up", "hello\nbye\n", "Hello!\nBye!\n"),
        Command("echo $?", "", "0\n"),
    ]


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("a\nb\n", "a\nb\n"),
        ("a …\nb\n", "a 12:30\nb\n"),
        ("a\n…\nz\n", "a\nb\nc\nz\n"),
        ("a\n…\nz\n", "a\nz\n"),
        ("", "\n"),
        ("5.1 (…)\n", "5.1 (x)\n"),
        ("a    b\n", "a  b  \n"),
    ],
)
def test_what_varies_may_vary(shown: str, printed: str) -> None:
    assert matches(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("a\n", "b\n"),
        ("", "a\n"),
        ("a\n", ""),
        ("a …\n", "a\nb\n"),
        ("5.1\n", "5x1\n"),
        ("  a\n", "a\n"),
    ],
)
def test_what_differs_is_seen(shown: str, printed: str) -> None:
    assert not matches(shown, printed)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("console", "$ echo no\nyes\n"),
        ("console", "$ false\n"),
        ("console", "$ echo a\na\n$ exit 3\n"),
        ("console", "echo forgot the prompt\n"),
        ("shell", "true\nfalse\ntrue\n"),
        ("python", "assert 1 == 2\n"),
        ("yaml", "workers: {hod: 1}\n"),
        ("yaml", "stor: redis://host\n"),
    ],
)
def test_a_page_that_lies_is_caught(language: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "stage").mkdir()
    stage = Stage(ROOT / "docs" / "made-up.md", tmp_path / "stage")
    with pytest.raises(AssertionError):
        stage.play(block(language, text))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("console", "$ false\n$ echo $?\n1\n$ cat\n> typed\ntyped\n"),
        ("shell", "mkdir -p x && cd x\ntest $(basename $PWD) = x\n"),
        ("python", "import botcannon_core\n"),
        ("yaml", "workers: {hot: 1}\n"),
        ("yaml", "namespace: TEAM\n"),
    ],
)
def test_a_page_that_is_true_passes(language: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "stage").mkdir()
    Stage(ROOT / "docs" / "made-up.md", tmp_path / "stage").play(block(language, text))


def test_the_reader_stays_where_cd_led(tmp_path: Path) -> None:
    (tmp_path / "stage").mkdir()
    stage = Stage(ROOT / "docs" / "made-up.md", tmp_path / "stage")
    stage.play(block("shell", "mkdir inner && cd inner\n"))
    stage.play(block("python", "# app/x.py\nX = 1\n"))
    assert (tmp_path / "stage" / "inner" / "app" / "x.py").read_text() == "# app/x.py\nX = 1\n"
