"""Schemathesis over the OpenAPI document: whatever it thinks of gets a documented answer, never a 5xx."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import schemathesis
from fake import FakeService
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from ragsvc.api.app import create_app
from ragsvc.settings.settings import Settings

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]

_app = create_app(FakeService(Settings(home=Path("unused"), api_key=None)))
_app.state.ragsvc.service.start()
schema = schemathesis.openapi.from_asgi("/openapi.json", _app, headers={"Host": "localhost"})


def _test_of(method: str, path: str) -> Callable[..., None]:
    @pytest.mark.filterwarnings("ignore")
    @schema.include(method=method, path=path).parametrize()
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    def test(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS, headers={"Host": "localhost"})

    return test


# A function for each operation: schemathesis gives those of one function the same id, and of tests with one
# id several processes run only one.
for found in schema.get_all_operations():
    operation = found.ok()
    name = re.sub(r"\W+", "_", f"test_{operation.method}_{operation.path}".lower())
    globals()[name] = _test_of(operation.method, operation.path)
