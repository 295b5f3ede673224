from botcannon_core.chat.block import fixed


def test_only_a_table_is_put_into_a_block() -> None:
    table = "name   age\nann    7"
    assert fixed(table) == f"```\n{table}\n```"
    for text in ("one  line", "two\nlines", f"```\n{table}\n```"):
        assert fixed(text) == text
