"""What a program looks like, for people and for Mermaid."""

import re

from botcannon_core.programs.drawing import mermaid, tree
from botcannon_core.programs.plan import resolve
from tests.programs.test_plan import shop


def test_a_tree_has_all_that_runs_in_its_order() -> None:
    assert tree(resolve(shop()), "buy") == [
        "buy(item: string, qty: int = 1) -> order: string",
        "├─ weigh         needed by check_stock",
        "├─ check_stock   needed by Reserve",
        "├─ Reserve       undo: release",
        "├─ charge        undo: refund, idempotent",
        "└─ ship          program",
        "   ├─ pack",
        "   └─ send",
    ]


def test_what_follows_a_program_within_stands_beside_it() -> None:
    document = shop()
    document["programs"]["buy"]["steps"].insert(0, "ship")
    lines = tree(resolve(document), "buy")
    assert lines[1:4] == ["├─ ship          program", "│  ├─ pack", "│  └─ send"]
    assert lines[-3:] == ["└─ ship#2        program", "   ├─ pack#2", "   └─ send#2"]


def test_a_program_without_contracts_takes_and_gives_nothing() -> None:
    assert tree(resolve(shop()), "ship")[0] == "ship() -> nothing"


def test_a_flowchart_runs_forward_and_undoes_in_dots() -> None:
    document = shop()
    document["steps"]["send"]["pivot"] = True
    assert mermaid(resolve(document), "buy") == [
        "flowchart TD",
        '    s_weigh["weigh"]',
        '    s_check_5f_stock["check_stock"]',
        '    s_buy_2e_Reserve["Reserve"]',
        '    s_charge["charge"]',
        '    subgraph s_ship["ship"]',
        '        s_pack["pack"]',
        '        s_send{{"send"}}',
        "    end",
        "    s_weigh --> |needed by| s_check_5f_stock",
        "    s_check_5f_stock --> |needed by| s_buy_2e_Reserve",
        "    s_buy_2e_Reserve --> s_charge",
        "    s_charge --> s_pack",
        "    s_pack --> s_send",
        '    s_release_undoes(["release"])',
        '    s_refund_undoes(["refund"])',
        "    s_buy_2e_Reserve -.->|undo| s_release_undoes",
        "    s_charge -.->|undo| s_refund_undoes",
    ]


def test_every_box_of_a_flowchart_has_a_name_of_its_own() -> None:
    document = shop()
    document["programs"]["buy"]["steps"] += ["ship", "pack"]
    marks = re.findall(
        r"^ *(?:subgraph )?(\w+)[\[{(]", "\n".join(mermaid(resolve(document), "buy")), re.M
    )
    assert len(marks) == len(set(marks)) == 13
