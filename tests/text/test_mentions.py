"""What the structure of a text names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragsvc.domain import MentionKind
from ragsvc.text.blocks import MARKDOWN, PLAIN
from ragsvc.text.mentions import MAX_OF_A_KIND, mentions_in

TEXT = """# Refund policy

See [shipping](fees/shipping.md#top "title"), <https://example.org/a_(b)>, [[Fee table|fees]] and
[terms][t]. <a href="mailto:ann@example.org">Ann</a> wrote `max_length`, `x` and `two words` for ERR-1204.

[t]: ../terms.md

```
[no](no.md) `no_code` NO-1
```

## Who

| Customer | Price |
|---|---|
| Acme GmbH | 1 |
| Bolt *Ltd* | 2 |
| `carl_co` | 2 |

|  |  |
|---|---|
| Author | a |
| Version | b |
| Size | c |

#### Too deep
"""


def named(text: str, kind: MentionKind, media_type: str = MARKDOWN) -> list[str]:
    return [mention.name for mention in mentions_in(text, media_type) if mention.kind is kind]


def test_each_kind_is_named_by_its_structure_alone() -> None:
    assert named(TEXT, MentionKind.HEADING) == ["Refund policy", "Who"]
    assert named(TEXT, MentionKind.LINK) == [
        "fees/shipping.md#top",
        "https://example.org/a_(b)",
        "[[Fee table]]",
        "mailto:ann@example.org",
        "../terms.md",
    ]
    # Labels in a column without a name are no names of rows.
    assert named(TEXT, MentionKind.ROW) == ["Acme GmbH", "Bolt Ltd", "carl_co"]
    assert named(TEXT, MentionKind.IDENTIFIER) == ["max_length", "carl_co", "ERR-1204", "NO-1"]


def test_a_column_that_repeats_names_no_row_but_the_next_may() -> None:
    rows = "| Kind | Part |\n|---|---|\n| a | Hose |\n| a | Pump |\n| b | Valve |\n"
    assert named(rows, MentionKind.ROW) == ["Hose", "Pump", "Valve"]


def test_plain_text_gives_addresses_and_codes_only() -> None:
    text = "See https://example.org/x, (AX-4417/B). [a](b.md) `not_code`"
    assert named(text, MentionKind.LINK, PLAIN) == ["https://example.org/x"]
    assert named(text, MentionKind.IDENTIFIER, PLAIN) == ["AX-4417/B"]


def test_a_kind_is_bounded() -> None:
    many = "\n".join(f"`name_{number}` " for number in range(10 * MAX_OF_A_KIND))
    assert len(named(many, MentionKind.IDENTIFIER)) == MAX_OF_A_KIND


PIECES = st.sampled_from(
    [
        "# A b",
        "| a | b |",
        "|---|---|",
        "| x y | 1 |",
        "[l](t.md)",
        "[[w]]",
        "`a_b`",
        "ERR-1",
        "<a href='u'>",
        "\n",
        " ",
        "ü",
        "文",
    ]
)


@given(
    st.lists(PIECES, max_size=40).map("".join),
    st.sampled_from([MARKDOWN, PLAIN, "text/csv", "text/x-python"]),
)
def test_mentions_stand_where_they_say_and_come_once(text: str, media_type: str) -> None:
    made = mentions_in(text, media_type)
    assert all(0 <= each.start < each.end <= len(text) for each in made)
    assert len({(each.kind, each.name) for each in made}) == len(made)
    for each in made:
        if each.kind is MentionKind.IDENTIFIER:
            assert text[each.start : each.end] == each.name
