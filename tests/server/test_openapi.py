"""The OpenAPI document says what the server does."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from wherry.storage.wire import VERBS
from wherry_server.app import table
from wherry_server.openapi import document

DOCUMENT = document(table(), "1.2.3")


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for part in value.values() for found in references(part)]
    if isinstance(value, list):
        return [found for part in value for found in references(part)]
    return []


async def test_it_is_served_without_a_token(http: httpx.AsyncClient) -> None:
    del http.headers["Authorization"]

    served = (await http.get("/api/openapi.json")).json()

    assert served["openapi"] == "3.1.0"
    assert served["paths"].keys() == DOCUMENT["paths"].keys()


def test_every_operation_is_there_once() -> None:
    names = [
        operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()
    ]

    assert len(set(names)) == len(names)
    assert {f"verb_{name}" for name in VERBS} <= set(names)
    assert {"hello", "submit_job", "list_jobs", "show_job", "cancel_job", "retry_job", "events"} <= set(names)
    assert "verb_unknown" not in names


def test_every_reference_leads_somewhere() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    found = set(references(DOCUMENT))

    assert found == {f"#/components/schemas/{name}" for name in schemas}
    assert {"NewJob", "JobRow", "Settlement", "Filter", "Job", "Problem"} <= schemas.keys()


def test_parameters_of_the_path_are_told() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            told = [one["name"] for one in operation["parameters"] if one["in"] == "path"]
            assert told == re.findall(r"{(\w+)}", path)


@pytest.mark.parametrize(
    ("name", "member", "expected"),
    [
        ("NewJob", "input", {"type": "string"}),
        ("NewJob", "priority", {"type": "integer", "default": 0}),
        ("NewJob", "after", {"type": "array", "items": {"$ref": "#/components/schemas/Edge"}}),
        ("NewJob", "delay_ms", {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}),
        ("Edge", "on_failure", {"enum": ["fail", "run", "cancel"], "default": "fail"}),
        ("Job", "tags", {"type": "array", "items": {"type": "string"}}),
    ],
)
def test_a_member_is_described_as_its_annotation_says(name: str, member: str, expected: object) -> None:
    assert DOCUMENT["components"]["schemas"][name]["properties"][member] == expected


def test_a_verb_is_described_by_the_contract() -> None:
    add = DOCUMENT["paths"]["/api/v1/verbs/add"]["post"]

    assert add["summary"] == "Store jobs, all or none, and the records with them."
    assert "Scope: submit." in add["description"]
    assert add["requestBody"]["content"]["application/json"]["schema"]["required"] == ["jobs"]
    assert add["security"] == [{"token": []}]
    assert DOCUMENT["paths"]["/api/v1/"]["get"]["security"] == []
