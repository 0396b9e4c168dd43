"""Results for people: answers with sources, hits with snippets, reports and tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ragsvc.cli.output import one_line, safe
from ragsvc.domain import Answer, Citation, Hit, PageArea, Places, SearchResult, time_range
from ragsvc.pipeline.generation.quotation import spoken

_SNIPPET_CHARS = 280
_QUOTE_CHARS = 400
_CLOSEST = 3


def render_answer(console: Console, answer: Answer, *, several: bool = False) -> None:
    """The answer, then each source with the places and quotes of its citations, then what is unsupported.

    several: whether it comes from more than one corpus, so that each place names its own.
    """
    # A terminal runs no markup: it gets the characters themselves.
    console.print(Text(safe(spoken(answer)), style="" if answer.answered else "yellow"))
    if answer.citations:
        console.print()
    for marker in dict.fromkeys(citation.marker for citation in answer.citations):
        cited = [citation for citation in answer.citations if citation.marker == marker]
        console.print(_source_line(cited[0], several=several))
        for citation in cited:
            _print_indented(console, _quote(citation))
    if answer.unsupported:
        console.print("\nNo passage bears out:")
    for span in answer.unsupported:
        _print_indented(console, Text(one_line(answer.answer[span.start : span.end]), style="yellow"))
    if not answer.answered and answer.passages:
        console.print("\nClosest passages:")
        for hit in answer.passages[:_CLOSEST]:
            console.print(_place_line(hit, several=several))
    if answer.computation is not None:
        console.print(Text(f"\ncomputed: {one_line(answer.computation.query)}", style="dim"))
    console.print()
    facts = f"confidence {answer.confidence:.2f} · {one_line(answer.generator)} · commit {answer.commit}"
    console.print(Text(facts, style="dim"))
    _print_searched(console, answer.question, answer.searched)


def render_search(console: Console, result: SearchResult, *, several: bool = False) -> None:
    """Hits, best first, each with its place and the start of its text.

    several: whether more than one corpus was searched, so that each hit names its own.
    """
    _print_searched(console, result.query, result.searched)
    if not result.hits:
        console.print(f"nothing found in {safe(result.corpus)} for “{one_line(result.query, 120)}”")
        return
    for hit in result.hits:
        console.print(_place_line(hit, several=several))
        _print_indented(console, Text(one_line(hit.passage.text, _SNIPPET_CHARS)))
        if hit.duplicates:
            others = ", ".join(one_line(other) for other in hit.duplicates)
            _print_indented(console, Text(f"also in: {others}", style="dim"))


def render_table(console: Console, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Rows of JSON objects as a table; numbers to the right."""
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    for column in columns:
        numeric = all(isinstance(row[column], int) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row[column])) for column in columns))
    _print_table(console, table)


def render_fields(console: Console, fields: Mapping[str, Any]) -> None:
    """One object, a field a line."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields.items():
        table.add_row(Text(name, style="bold"), Text(_cell(value)))
    _print_table(console, table)


def render_graph(console: Console, graph: Mapping[str, Any]) -> None:
    """Entities as a table; of one entity its documents too, and how many it shares with each other."""
    entity = graph["entity"]
    shared: dict[str, int] = {}
    if entity is not None:
        console.print(
            Text(f"{safe(entity['name'])} ({', '.join(entity['kinds'])}): {entity['documents']} documents")
        )
        render_table(console, graph["documents"], ("document_id", "title"))
        shared = {
            each["second"]: each["documents"] for each in graph["edges"] if each["first"] == entity["key"]
        }
    rows = [
        {
            "name": each["name"],
            "kinds": ", ".join(each["kinds"]),
            "documents": each["documents"],
            "shared": shared.get(each["key"], 0),
        }
        for each in graph["entities"]
    ]
    if rows:
        columns = ("name", "kinds", "documents") + (("shared",) if entity is not None else ())
        render_table(console, rows, columns)
    if graph["total"] > len(rows):
        console.print(Text(f"{graph['total'] - len(rows)} more: --limit N, --json"))
    elif not rows:
        console.print(
            Text("nothing is named by two documents" if entity is None else "nothing is named with it")
        )


def render_log(console: Console, commits: Sequence[Mapping[str, Any]]) -> None:
    """Commits as a table: when, by what, what changed, and their tags."""
    rows = [
        {
            "commit": entry["commit"],
            "created_at": entry["created_at"],
            "kind": entry["kind"],
            "changes": _changes(entry["stats"]) + (" (removed by gc)" if entry["collected"] else ""),
            "tags": ", ".join(entry["tags"]),
        }
        for entry in commits
    ]
    render_table(console, rows, ("commit", "created_at", "kind", "changes", "tags"))


def render_corpus(console: Console, corpus: Mapping[str, Any]) -> None:
    """A corpus with its profile, a field a line, then its last commits and its tags."""
    profile: Mapping[str, Any] = corpus["profile"]
    fields = {name: value for name, value in corpus.items() if not isinstance(value, dict | list)}
    render_fields(console, fields | {"profile": profile["fingerprint"]} | _without(profile, "fingerprint"))
    if corpus["commits"]:
        console.print("\nLast commits:")
        render_log(console, corpus["commits"])
    if corpus["tags"]:
        console.print("\nTags:")
        render_table(console, corpus["tags"], ("tag", "commit", "created_at", "principal"))


def render_duplicates(console: Console, groups: Sequence[Mapping[str, Any]]) -> None:
    """Groups of documents that say the same, each with a heading and an id a line."""
    if not groups:
        console.print("\nno duplicates")
    for group in groups:
        words = (
            "same text" if group["kind"] == "exact" else f"nearly the same text ({group['similarity']:.2f})"
        )
        console.print(f"\n{words}:")
        for name in group["documents"]:
            console.print(Text(f"  {one_line(name)}"))


def render_outliers(console: Console, outliers: Sequence[Mapping[str, Any]]) -> None:
    """Documents that are unlike the others, a line each."""
    if not outliers:
        console.print("\ntoo few documents to tell which are unlike the others")
    else:
        console.print("\nLeast like the others:")
        render_table(console, outliers, ("document_id", "distance", "nearest"))


def _without(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}


def _changes(stats: Mapping[str, Any]) -> str:
    """Such as "to 3, 2 added"; counts of nothing are left out."""
    words = [f"{name} {stats[name]}" for name in ("from", "to") if name in stats]
    counts = {name: count for name, count in stats.items() if isinstance(count, int) and name != "to"}
    return ", ".join(words + [f"{count} {name}" for name, count in counts.items() if count])


def _print_indented(console: Console, text: Text) -> None:
    """Wrapped with a margin on a terminal, one line for a program."""
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, 4), expand=False), soft_wrap=False)
    else:
        console.print(Text("    ").append_text(text))


def _print_table(console: Console, table: Table) -> None:
    """Print a table without the blanks that fill its last column."""
    with console.capture() as captured:
        console.print(table, soft_wrap=False)
    lines = (line.rstrip() for line in captured.get().splitlines())
    console.print(Text.from_ansi("\n".join(lines)))


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict) and value.keys() == {"done", "total", "unit"}:
        return f"{value['done']}/{value['total']} {value['unit']}"
    if isinstance(value, dict | list):
        return one_line(json.dumps(value, ensure_ascii=False))
    return one_line(str(value))


def _print_searched(console: Console, asked: str, searched: str | None) -> None:
    """What a follow-up was taken to mean, where that is more than its own words."""
    if searched is not None and searched != asked:
        console.print(Text(f"searched for “{one_line(searched, 240)}”", style="dim"))


def _source_line(citation: Citation, *, several: bool) -> Text:
    title = one_line(citation.title) or one_line(citation.document_id)
    return Text.assemble(
        (f"[{citation.marker}] ", "bold cyan"),
        f"{one_line(citation.corpus)}: " if several else "",
        (title, "bold"),
        f" — {one_line(citation.source)}",
    )


def _quote(citation: Citation) -> Text:
    where = f"{citation.start}-{citation.end}{_whereabouts(citation.page, citation.places)}"
    return Text.assemble(f"{where}: ", (f"“{one_line(citation.quote, _QUOTE_CHARS)}”", "dim"))


def _place_line(hit: Hit, *, several: bool) -> Text:
    passage = hit.passage
    title = one_line(passage.title) or one_line(passage.document_id)
    return Text.assemble(
        (f"{hit.rank:>3}. ", "bold cyan"),
        f"{one_line(hit.corpus)}: " if several else "",
        (title, "bold"),
        f" — {one_line(passage.source)}:{passage.start}-{passage.end}",
        _whereabouts(passage.page, hit.places),
        (f"  {hit.score:.4f}", "dim"),
    )


def _whereabouts(page: int | None, places: Places) -> str:
    """Where the original has it: the page, with the first place from left and top, or from when to when."""
    if heard := time_range(places):
        return f" ({heard})"
    if places and isinstance(where := places[0].where, PageArea):
        return f" (page {where.page}, at {100 * where.left:.0f} %, {100 * where.top:.0f} %)"
    return "" if page is None else f" (page {page})"
