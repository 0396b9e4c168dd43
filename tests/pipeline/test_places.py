"""Places come with hits, citations and texts, travel with exports, and cost texts without them nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from carry_building import read, reseal
from doubles import CORPUS, ME, HashEmbedder, ingest, new_home, open_service, search, settings_of, upload
from placed_files import PARSER
from sqlalchemy import event

from ragsvc.domain import AnswerRequest, CitationEvent, Mode, PageArea, Place, TimeRange
from ragsvc.errors import ExportDamaged
from ragsvc.pipeline.transfer.export_manifest import MANIFEST, Table
from ragsvc.service.service import Service
from ragsvc.service.views.answers import AnswerView, SearchView, TextView
from ragsvc.text.limits import ParseLimits
from ragsvc.text.worker_pool import ParserPool

LINES = ("The ferry leaves the harbour at seven.", "It carries forty cars.", "Dogs stay on the deck.")
TEXT = "\n".join(LINES)


def rows(shift: float = 0.0) -> list[list[float]]:
    found: list[list[float]] = []
    at = 0
    for number, line in enumerate(LINES):
        top = round(0.1 * number + shift, 4)
        found.append([at, at + len(line), 1, 0.1, top, 0.9, round(top + 0.05, 4)])
        at += len(line) + 1
    return found


@pytest.fixture(scope="module")
def pool() -> Iterator[ParserPool]:
    with ParserPool(1, ParseLimits(), parser=PARSER) as opened:
        yield opened


@pytest.fixture
def placing(tmp_path: Path, pool: ParserPool) -> Iterator[Service]:
    """A service that has read a picture, the same picture otherwise cut, and a recording."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.txt").write_text(json.dumps({"text": TEXT, "places": rows()}))
    (docs / "b.txt").write_text(json.dumps({"text": TEXT, "places": rows(0.25)}))
    said = {"text": "The tram stops at noon.", "places": [[0, 8, 0.5, 1.25], [9, 23, 1.25, 3.0]]}
    (docs / "c.txt").write_text(json.dumps(said))
    settings = settings_of(new_home(tmp_path), generator="extractive")
    with Service.open(settings, embedders=lambda _: HashEmbedder(), pool=pool) as opened:
        ingest(opened, docs)
        yield opened


def test_the_same_text_at_other_places_is_another_version(placing: Service) -> None:
    documents, _ = placing.documents(ME, CORPUS, cursor=None, limit=9)
    assert len({document.version for document in documents}) == 3
    tops = [
        [place.row[4] for place in placing.text(ME, CORPUS, f"docs/{name}.txt", None, None, None).places]
        for name in "ab"
    ]
    assert tops == [[0.0, 0.1, 0.2], [0.25, 0.35, 0.45]]


def test_hits_and_citations_have_the_places_of_their_spans_alone(placing: Service) -> None:
    found = search(placing, "dogs deck", Mode.LEXICAL)
    hit = found.hits[0]
    assert [place.row[:2] for place in hit.places] == [
        row[:2] for row in rows() if row[0] < hit.passage.end and row[1] > hit.passage.start
    ]
    events = list(placing.stream_answer(ME, AnswerRequest(corpora=(CORPUS,), question="Where do dogs stay?")))
    cited = [each.citation for each in events if isinstance(each, CitationEvent)]
    answer = events[-1].answer
    assert cited and list(answer.citations) == cited
    for citation in cited:
        assert citation.quote == LINES[2]
        (place,) = citation.places
        assert place.start == citation.start and isinstance(place.where, PageArea)
    shape = AnswerView.of(answer).json_object()["citations"][0]
    assert shape["places"] == [{"page": 1, "bbox": list(cited[0].places[0].where.bbox)}]
    again = placing.text(ME, CORPUS, cited[0].document_id, cited[0].version, cited[0].start, cited[0].end)
    assert TextView.of(again).json_object()["places"] == shape["places"]


def test_a_recording_has_seconds(placing: Service) -> None:
    hit = search(placing, "tram noon", Mode.LEXICAL).hits[0]
    assert hit.places == (Place(0, 8, TimeRange(0.5, 1.25)), Place(9, 23, TimeRange(1.25, 3.0)))
    shape = SearchView.of(search(placing, "tram noon", Mode.LEXICAL)).json_object()["hits"][0]
    assert shape["places"] == [{"from_s": 0.5, "to_s": 1.25}, {"from_s": 1.25, "to_s": 3.0}]


def test_texts_without_places_are_asked_for_none(placing: Service) -> None:
    upload(placing, {"plain": "A plain text about a meadow."})
    told: list[str] = []
    engine = placing._catalog._db._engine
    event.listen(engine, "before_cursor_execute", lambda *args: told.append(args[2]))
    (hit,) = search(placing, "meadow", Mode.LEXICAL).hits
    assert hit.places == () and SearchView.of(search(placing, "meadow", Mode.LEXICAL)).hits[0].places == []
    assert told and not any("places" in sql and "IS NOT NULL AS placed" not in sql for sql in told)
    told.clear()
    search(placing, "tram", Mode.LEXICAL)
    assert any("IS NOT NULL AS placed" not in sql and "document_version.places" in sql for sql in told)


def test_places_travel_and_older_exports_are_read(placing: Service, tmp_path: Path) -> None:
    out = tmp_path / "out"
    placing.maintenance.export_corpus(ME, CORPUS, out)
    with open_service(new_home(tmp_path, "other")) as other:
        other.maintenance.import_corpus(ME, out)
        found, wanted = (search(service, "ferry tram", Mode.LEXICAL) for service in (other, placing))
        assert [hit.places for hit in found.hits] == [hit.places for hit in wanted.hits]
        assert any(hit.places for hit in found.hits)
        assert other.maintenance.verify(ME, CORPUS).problems == ()
        for other_places in ("[[0, 99999, 0.0, 1.0]]", "[[0, 5, 0.0, 1.0]]", "{", "[5]", "[]"):
            with_places(out, other_places)
            with pytest.raises(ExportDamaged):
                other.maintenance.import_corpus(ME, out, name="torn")


def with_places(out: Path, cell: str) -> None:
    """Give all texts of an export the same places."""
    path = out / Table.VERSIONS.value
    table = read(path)
    column = pa.array([cell] * table.num_rows)
    at = table.column_names.index("places")
    pq.write_table(table.set_column(at, table.schema.field("places"), column), path)
    reseal(out)


def test_an_export_of_texts_before_there_were_places_is_read(service: Service, tmp_path: Path) -> None:
    upload(service, {"plain": "A plain text about a meadow."})
    out = tmp_path / "out"
    service.maintenance.export_corpus(ME, CORPUS, out)
    path = out / Table.VERSIONS.value
    pq.write_table(read(path).drop_columns(["places"]), path)
    reseal(out)
    manifest = out / MANIFEST
    manifest.write_text(manifest.read_text().replace('"format": 3', '"format": 2'))
    service.maintenance.import_corpus(ME, out, name="again")
    (hit,) = search(service, "meadow", Mode.LEXICAL, corpora=("again",)).hits
    assert hit.places == ()


def test_a_place_that_was_changed_behind_our_back_is_told(placing: Service, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "home" / "catalog.db") as connection:
        connection.execute("UPDATE document_version SET places = replace(places, '0.9', '0.8')")
    connection.close()
    problems = placing.maintenance.verify(ME, CORPUS).problems
    assert {problem.code for problem in problems} == {"text"}
