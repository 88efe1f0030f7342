"""The suite itself: what a case must be, so that it tells enough and runs in a browser too."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from types import ModuleType

import pytest

from wherry.testing import conformance
from wherry.testing.conformance import CASES, TOPICS, World, case

BANNED = {"threading", "subprocess", "time", "multiprocessing", "pytest", "tempfile", "socket"}
"""Modules that a page lacks, or with which a case would wait for luck."""


CORE = {
    *(f"T{number}" for number in range(1, 12)),
    *(f"C{number}" for number in range(1, 10)),
    *(f"R{number}" for number in range(1, 20)),
    "U1",
    *(f"Q{number}" for number in (1, 2, 3, 4, 5, 7, 9, 12)),
}
"""What every storage must let the core do: tasks and jobs, clients, running, uniqueness, what is promised."""


def tree_of(topic: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(topic))


def test_every_topic_is_listed() -> None:
    found = {module.name for module in pkgutil.iter_modules(conformance.__path__)}

    assert {topic.__name__.rpartition(".")[2] for topic in TOPICS} == found - {"builders", "world"}


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 150


def test_every_behaviour_of_the_core_has_a_case() -> None:
    named = {feature for one in CASES.values() for feature in one.features}

    assert sorted(CORE - named) == []


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_a_sentence_that_names_features(name: str) -> None:
    assert len(name.split("_")) >= 3, name
    assert CASES[name].features, name
    assert all(re.fullmatch(r"[TCRLDUVGBHJQ]\d+", feature) for feature in CASES[name].features), CASES[name]


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.__name__.rpartition(".")[2])
def test_every_assert_says_what_was_found(topic: ModuleType) -> None:
    # pytest tells by itself; in a page only the message is there to read.
    silent = [
        node.lineno for node in ast.walk(tree_of(topic)) if isinstance(node, ast.Assert) and node.msg is None
    ]

    assert silent == [], f"{topic.__name__} asserts without a message in lines {silent}"


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.__name__.rpartition(".")[2])
def test_cases_need_nothing_that_a_page_lacks(topic: ModuleType) -> None:
    nodes = list(ast.walk(tree_of(topic)))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}

    assert imported & BANNED == set()
    assert not any(isinstance(node, ast.Attribute) and node.attr == "sleep" for node in nodes)


def test_two_cases_cannot_have_one_name() -> None:
    async def an_added_job_is_pending_and_due_at_once(world: World) -> None: ...

    with pytest.raises(ValueError, match="give one of them another name"):
        case("T6")(an_added_job_is_pending_and_due_at_once)
