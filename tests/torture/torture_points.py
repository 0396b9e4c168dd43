"""The crash points that the source names, and those that no verb passes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "ragsvc"
_NAME = re.compile(r"[a-z_]+(\.[a-z_]+)+")

# Points that a torture run does not pass, each with its reason.
_EXEMPT = {
    "store.put_versions": "nothing but tests of the store calls it",
    "store.claim_root": "nothing but tests of the store calls it",
    "store.put_setbacks": "only a file that costs its worker leaves one: tests/pipeline/test_setbacks.py",
    "store.forget_setbacks": "the same, when it is tried again",
    "store.drop_unborn": "only an ingest that fails before its first commit: tests/pipeline/test_ingest.py",
    "store.requeue_job": "only a server that runs jobs: test_torture_jobs.py kills those",
    "store.save_salvage": "the same, in the last attempt of a job",
    "store.expire_jobs": "the same, when it starts",
    "store.expire_records": "the same; test_store_record_kills.py kills at it, and at all of records",
    "store.choose_profile": "test_store_model_kills.py",
    "store.add_model": "test_store_model_kills.py",
    "store.delete_model": "test_store_model_kills.py",
    "store.create_session": "test_store_record_kills.py",
    "store.rename_session": "test_store_record_kills.py",
    "store.delete_session": "test_store_record_kills.py",
    "store.add_records": "test_store_record_kills.py",
    "store.add_feedback": "test_store_record_kills.py",
    "store.delete_record": "test_store_record_kills.py",
    "store.delete_owner": "test_store_record_kills.py",
    "store.forget_document": "test_store_record_kills.py",
}
EXEMPT = {f"{name}.{place}" for name in _EXEMPT for place in ("before", "inside", "after")}


def points_in_source() -> set[str]:
    """All names: crash_point("x"), and x.before, x.inside, x.after of every write("x")."""
    found: set[str] = set()
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            name = node.args[0].value
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                continue
            called = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
            if called == "crash_point":
                found.add(name)
            elif called == "write":
                found |= {f"{name}.{place}" for place in ("before", "inside", "after")}
    return found
