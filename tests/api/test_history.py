"""Commits, tags, rollback and `at` over HTTP."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient
from test_errors import assert_problem

from ragsvc.service.views import history

CORPUS = "/v1/corpora/handbook"


def test_commits_come_in_pages(client: TestClient) -> None:
    whole = client.get(f"{CORPUS}/commits").json()
    assert whole.keys() == history.CommitsView.model_fields.keys()
    assert whole["commits"][0].keys() == history.CommitView.model_fields.keys()
    assert [commit["commit"] for commit in whole["commits"]] == [3, 2, 1]
    assert whole["next_before"] is None
    first = client.get(f"{CORPUS}/commits", params={"limit": 2}).json()
    assert first["next_before"] == 2
    rest = client.get(f"{CORPUS}/commits", params={"before": 2}).json()
    assert first["commits"] + rest["commits"] == whole["commits"]
    for wrong in ({"limit": 0}, {"limit": 1001}, {"before": 0}, {"after": 1}):
        assert_problem(client.get(f"{CORPUS}/commits", params=wrong), 422, "invalid_request")
    assert_problem(client.get("/v1/corpora/nope/commits"), 404, "corpus_not_found")


def test_tags_are_set_moved_listed_and_deleted(client: TestClient) -> None:
    made = client.put(f"{CORPUS}/tags/v1", json={"at": 2}).json()
    assert made.keys() == history.TagView.model_fields.keys()
    assert (made["tag"], made["commit"]) == ("v1", 2)
    assert client.put(f"{CORPUS}/tags/v1", json={"at": "2"}).json() == made
    assert_problem(client.put(f"{CORPUS}/tags/v1", json={"at": "head"}), 409, "tag_exists")
    moved = client.put(f"{CORPUS}/tags/v1", json={"move": True}).json()
    assert client.get(f"{CORPUS}/tags").json() == {"corpus": "handbook", "tags": [moved]}
    assert moved["commit"] == 3
    assert client.delete(f"{CORPUS}/tags/v1").status_code == 204
    assert_problem(client.delete(f"{CORPUS}/tags/v1"), 404, "ref_not_found")
    assert_problem(client.put(f"{CORPUS}/tags/12", json={}), 422, "invalid_name")
    assert_problem(client.put(f"{CORPUS}/tags/a b", json={}), 422, "invalid_request")
    assert_problem(client.put(f"{CORPUS}/tags/v2", json={"at": 1}), 410, "commit_collected")
    for wrong in (
        {"at": True},
        {"at": 1.0},
        {"at": None},
        {"at": ""},
        {"at": -1},
        {"move": 1},
        {"to": "head"},
    ):
        assert_problem(client.put(f"{CORPUS}/tags/v2", json=wrong), 422, "invalid_request")


@pytest.mark.parametrize("wrong", ["", -1, 1.5, "x" * 129])
def test_a_wrong_reference_is_told_what_one_is(client: TestClient, wrong: object) -> None:
    said = "should be a commit number, a tag, head, or head~N; at most 128 characters"
    searched = client.post("/v1/search", json={"corpus": "handbook", "query": "x", "at": wrong})
    assert searched.json()["detail"] == f"at: {said}"
    assert client.put(f"{CORPUS}/tags/v2", json={"at": wrong}).json()["errors"] == [
        {"field": "at", "message": said}
    ]
    assert client.post(f"{CORPUS}/rollback", json={"to": wrong}).json()["detail"] == f"to: {said}"


def test_a_rollback_tells_what_undoes_it(client: TestClient) -> None:
    report = client.post(f"{CORPUS}/rollback", json={"to": "head~1"}).json()
    assert report.keys() == history.RollbackView.model_fields.keys()
    assert report["documents"].keys() == history.ChangesView.model_fields.keys()
    assert (report["commit"], report["previous"], report["to"]) == (4, 3, 2)
    assert client.post(f"{CORPUS}/rollback", json={"to": 2}).json() == report
    assert_problem(client.post(f"{CORPUS}/rollback", json={"to": "v9"}), 404, "ref_not_found")
    assert_problem(client.post(f"{CORPUS}/rollback", json={"to": 1}), 410, "commit_collected")
    assert_problem(client.post(f"{CORPUS}/rollback", json={}), 422, "invalid_request")


READS = [
    ("post", "/v1/search", {"corpus": "handbook", "query": "x"}),
    ("post", "/v1/answer", {"corpus": "handbook", "question": "x"}),
    ("get", f"{CORPUS}/documents", {}),
    ("get", f"{CORPUS}/document", {"id": "handbook/a.md"}),
    ("get", f"{CORPUS}/text", {"document_id": "handbook/a.md"}),
]


@pytest.mark.parametrize(("method", "path", "asked"), READS)
def test_everything_can_be_read_as_it_was(
    client: TestClient, method: str, path: str, asked: dict[str, str]
) -> None:
    client.put(f"{CORPUS}/tags/v1", json={"at": 2})

    def read(at: object):
        if method == "get":
            return client.get(path, params=asked | {"at": at})
        return client.post(path, json=asked | {"at": at})

    for at in ("v1", 2, "head~1"):
        response = read(at)
        assert response.status_code == 200
        assert response.json().get("commit", 2) in (1, 2)
    assert_problem(read("v9"), 404, "ref_not_found")
    assert_problem(read(1), 410, "commit_collected")
    assert_problem(read("x" * 129), 422, "invalid_request")


def test_a_corpus_is_shown_with_profile_history_and_tags(client: TestClient) -> None:
    tag = client.put(f"{CORPUS}/tags/v1", json={}).json()
    shown = client.get(CORPUS).json()
    assert shown.keys() == history.CorpusDetailsView.model_fields.keys()
    assert shown["profile"].keys() == history.ProfileView.model_fields.keys()
    assert shown["tags"] == [tag]
    assert shown["commits"] == client.get(f"{CORPUS}/commits").json()["commits"]
    assert shown["commits"][0]["tags"] == ["v1"]
