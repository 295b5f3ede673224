"""The command: `python -m benchmarks` measures and writes tables, with `profile` it looks inside."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from pathlib import Path

from benchmarks import plot, tables
from benchmarks.cannon import ROOT
from benchmarks.environments import cache_folder
from benchmarks.peers.known import PEERS
from benchmarks.peers.measured import versions
from benchmarks.profile.report import profile
from benchmarks.rows import Row, chosen, rows
from benchmarks.session import Session, about, load, measure
from benchmarks.setting import Setting, quick

RESULTS = Path(__file__).with_name("results")
PICTURE = "rates.svg"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def main(words: list[str]) -> int:
    """Do what the words say; the exit code is 1 if anything could not be measured."""
    asked = _parser().parse_args(words)
    how = _setting(asked)
    folder = asked.results / "quick" if asked.quick else asked.results
    if asked.what == "profile":
        return profile(how, folder, _say)
    try:
        wanted = chosen(rows(), [word for word in asked.only.split(",") if word])
    except ValueError as error:
        _say(f"benchmarks: --only: {error}")
        return 2
    if asked.what == "list":
        print("\n".join(row.name for row in wanted))
        return 0
    path = folder / "raw.json"
    has_all = asked.what == "tables" or _measure(asked, how, wanted, path, words)
    session = load(path)
    _write(session, folder, asked.write)
    return 130 if not has_all else int(any(record.error for record in session.records))


def _measure(
    asked: argparse.Namespace, how: Setting, wanted: list[Row], path: Path, words: list[str]
) -> bool:
    """Run a session into a file, or more of the one that is in it; False if it was interrupted."""
    session = load(path) if asked.more else Session(about(how, words), [])
    session.save(path)
    try:
        measure(wanted, asked.rounds, how, session, path, _say)
    except KeyboardInterrupt:
        _say("interrupted: these are the figures so far")
        return False
    finally:
        subjects = {record.row.partition(":")[0] for record in session.records if record.values}
        session.about["installed"] = {p.name: versions(p, how) for p in PEERS if p.name in subjects}
        session.save(path)
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "what",
        nargs="?",
        default="run",
        choices=("run", "profile", "list", "tables"),
        help="measure (default), look inside, list the rows, or write the tables of the last run anew",
    )
    parser.add_argument(
        "--only", default="", help="rows, as in --only=botcannon,rq or --only=:rate"
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each row is measured")
    parser.add_argument("--more", action="store_true", help="add to the figures of the last run")
    parser.add_argument("--quick", action="store_true", help="few jobs: figures that mean nothing")
    parser.add_argument("--scale", type=float, help="times the usual number of jobs")
    parser.add_argument("--aof", action="store_true", help="the store writes its append-only file")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where figures are written")
    parser.add_argument("--cache", type=Path, default=cache_folder(), help="where peers are kept")
    parser.add_argument(
        "--write", action="store_true", help="also put them into docs/performance.md"
    )
    return parser


def _setting(asked: argparse.Namespace) -> Setting:
    how = quick(asked.cache, asked.aof) if asked.quick else Setting(asked.cache, aof=asked.aof)
    return how if asked.scale is None else dataclasses.replace(how, scale=asked.scale)


def _write(session: Session, folder: Path, into_page: bool) -> None:
    text = tables.document(session)
    (folder / "tables.md").write_text(text)
    (folder / PICTURE).write_text(plot.picture(session))
    print(text)
    if into_page:
        (PAGE.parent / PICTURE).write_text(plot.picture(session))
        image = f"![no-op jobs a second of everybody]({PICTURE})\n"
        PAGE.write_text(with_results(PAGE.read_text(), f"{image}\n{text}"))


def with_results(page: str, text: str) -> str:
    """The page with this text between its two marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}"


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
