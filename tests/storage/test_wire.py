"""The verbs as text: what they look like, what comes back, what is refused."""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherry import errors
from wherry.errors import MalformedRequest, NotJson, RemoteError, StorageError, WherryError
from wherry.job import JobRow
from wherry.messages import (
    Added,
    Changes,
    Claimed,
    ClaimRequest,
    Edge,
    Exchanged,
    Filter,
    NewJob,
    RecordWrite,
    Report,
    Settlement,
    Signal,
    Unique,
    Wake,
)
from wherry.storage.faults import error_data, error_from
from wherry.storage.protocol import Storage
from wherry.storage.shapes import MAX_INTEGER, REQUIRED, fields_of, shape
from wherry.storage.wire import VERBS, payload_problem

RECORDS = (
    Added, Changes, Claimed, ClaimRequest, Edge, Exchanged, Filter, JobRow, NewJob, RecordWrite, Report,
    Settlement, Signal, Unique, Wake,
)  # fmt: skip


def strategy(hint: Any) -> st.SearchStrategy[Any]:
    """Values of an annotation, as far as the wire carries them."""
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
        int: st.integers(-MAX_INTEGER, MAX_INTEGER),
        float: st.floats(-1e15, 1e15, allow_nan=False),
        bool: st.booleans(),
        types.NoneType: st.none(),
    }
    if hint in plain:
        return plain[hint]
    if hasattr(hint, "__supertype__"):
        return strategy(hint.__supertype__)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, types.UnionType):
        return st.one_of(*map(strategy, arguments))
    if origin is Sequence or (origin is tuple and arguments[-1] is Ellipsis):
        return st.lists(strategy(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(strategy, arguments))
    return st.builds(hint, **{one.name: strategy(one.hint) for one in fields_of(hint)})


@settings(max_examples=400, deadline=None)
@given(value=st.one_of(*map(strategy, RECORDS)))
def test_every_message_comes_back_as_it_was(value: Any) -> None:
    form = shape(type(value))

    text = json.dumps(form.to_json(value))

    assert form.read(json.loads(text)) == value
    assert type(form.read(json.loads(text))) is type(value)


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_has_the_parameters_of_the_contract(name: str) -> None:
    """In name, order and default, so that the storage is called with what was read."""
    parameters = list(inspect.signature(getattr(Storage, name)).parameters.values())[1:]
    # A claim may be left out of the text though not of the call.
    wanted = {"claim": None}
    wanted |= {one.name: one.default for one in parameters if one.default is not inspect.Parameter.empty}

    verb = VERBS[name]

    assert [field.name for field in verb.parameters] == [one.name for one in parameters]
    defaults = {field.name: field.default for field in verb.parameters if field.default is not REQUIRED}
    assert defaults == {key: value for key, value in wanted.items() if key in {p.name for p in parameters}}


class Example(NamedTuple):
    verb: str
    arguments: dict[str, Any]
    text: str


# The form itself: JavaScript writes and reads the same, so it changes only with PROTOCOL.
EXAMPLES = [
    Example(
        "add",
        {
            "jobs": [
                NewJob("a", "", "q", "t", '{"n":9007199254740993}', unique=Unique("k", "done"), tags=("x",))
            ],
            "records": [RecordWrite("schedule", "s", 3, None)],
        },
        '{"jobs":[{"id":"a","namespace":"","queue":"q","task":"t","input":"{\\"n\\":9007199254740993}",'
        '"unique":{"key":"k","hold":"done"},"tags":["x"]}],'
        '"records":[{"kind":"schedule","key":"s","expected":3,"value":null}]}',
    ),
    Example("add", {"jobs": [], "records": ()}, '{"jobs":[]}'),
    Example(
        "exchange",
        {
            "settle": [Settlement("a", 2, "suspend", wake=Wake(5, ("go",)))],
            "claim": ClaimRequest("x", "w", ("",), None, ("t",), 3, 30_000),
        },
        '{"settle":[{"id":"a","fence":2,"kind":"suspend","wake":{"after_ms":5,"signals":["go"]}}],'
        '"claim":{"token":"x","worker":"w","namespaces":[""],"queues":null,"tasks":["t"],"limit":3,"lease_ms":30000}}',
    ),
    Example("exchange", {"settle": (), "claim": None}, '{"settle":[]}'),
    Example(
        "report",
        {"reports": [Report("a", 1, 50.5, "Zürich", None, ("1",), ("s", "2"))]},
        '{"reports":[{"id":"a","fence":1,"percent":50.5,"message":"Zürich","logs":["1"],"step":["s","2"]}]}',
    ),
    Example(
        "query",
        {"where": Filter(states=("failed",), lapsed=True), "limit": 5, "cursor": None},
        '{"where":{"states":["failed"],"lapsed":true},"limit":5}',
    ),
    Example("count", {"where": Filter(), "by": ("state",)}, '{"where":{},"by":["state"]}'),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.verb)
def test_arguments_look_as_agreed(example: Example) -> None:
    verb = VERBS[example.verb]

    assert verb.write_arguments(**example.arguments) == example.text
    read = verb.read_arguments(example.text)
    assert verb.write_arguments(**read) == example.text


ROW = JobRow("a", "", "q", "t", "pending", "1", "", 0, 4, 1, 1, 4, 4, "{}")

RESULTS: list[tuple[str, Any, str]] = [
    ("add", (Added("a", "ok"),), '[{"id":"a","verdict":"ok"}]'),
    ("exchange", Exchanged(("ok",), (), None), '{"verdicts":["ok"],"jobs":[],"next_due_in_ms":null}'),
    ("renew", ("ok", "lost"), '["ok","lost"]'),
    ("count", {("failed", "q"): 2, (): 1}, '[[["failed","q"],2],[[],1]]'),
    ("alter", ("a",), '["a"]'),
    ("changes", Changes((), "c:1", False), '{"items":[],"cursor":"c:1","resync":false}'),  # pyright: ignore[reportArgumentType] - a cursor is text
    ("write", True, "true"),
    (
        "get",
        {"a": ROW},
        (
            '[{"id":"a","namespace":"","queue":"q","task":"t","state":"pending","input":"1","fingerprint":"",'
            '"priority":0,"priority_step_ms":4,"created_at_ms":1,"run_at_ms":1,"max_attempts":4,'
            '"base_attempts":4,"backoff":"{}"}]'
        ),
    ),
]


@pytest.mark.parametrize(
    ("verb", "value", "text"), RESULTS, ids=lambda one: one if isinstance(one, str) else ""
)
def test_results_look_as_agreed(verb: str, value: object, text: str) -> None:
    assert VERBS[verb].write_result(value) == text
    assert VERBS[verb].read_result(text) == value


def test_a_page_comes_back_as_a_page() -> None:
    text = VERBS["query"].write_result(([ROW], "a"))

    assert VERBS["query"].read_result(text) == ((ROW,), "a")


def test_unknown_fields_are_ignored() -> None:
    read = VERBS["get"].read_arguments('{"ids":["a"],"colour":{"of":["the future"]}}')

    assert read == {"ids": ("a",)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"reports":[{"id":"a","fence":1,"step":["s"]}]}', "report: reports[0].step: must be a list of 2"),
        ('{"reports":[{"id":"a","fence":1,"logs":[1]}]}', "report: reports[0].logs[0]: must be text"),
        ('{"reports":[{"id":"a","fence":1,"percent":1e400}]}', "percent: must be a number within 53 bits"),
        ('{"reports":[{"id":"a","fence":null}]}', "report: reports[0].fence: must be an integer"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_by_its_place(text: str, told: str) -> None:
    with pytest.raises(MalformedRequest) as raised:
        VERBS["report"].read_arguments(text)

    assert str(raised.value).endswith(told)


@pytest.mark.parametrize("text", ["", "null", "[{}]", '{"verdicts":["fine"],"jobs":[],"next_due_in_ms":1}'])
def test_an_answer_that_is_something_else_is_an_error_of_the_store(text: str) -> None:
    with pytest.raises(StorageError, match="the store's answer to exchange is not what it should be"):
        VERBS["exchange"].read_result(text)


def test_a_number_that_is_not_finite_is_not_written() -> None:
    with pytest.raises(NotJson):
        VERBS["report"].write_arguments(reports=[Report("a", 1, float("nan"))])


@pytest.mark.parametrize("text", ["1", "9" * 5000, "1e999", '"\\ud800"', "[" * 500 + "]" * 500, " {} "])
def test_every_json_text_is_a_payload(text: str) -> None:
    assert payload_problem(text) is None


@pytest.mark.parametrize("text", ["", "NaN", "Infinity", "01", "'a'", "{}{}", '"\t"', "[" * 100_000])
def test_other_text_is_no_payload(text: str) -> None:
    assert payload_problem(text) is not None


# --- errors --------------------------------------------------------------------------------------------
INSTANCES: list[WherryError] = [
    errors.InvalidInput("text.count", ["text: must be text"]),
    errors.UnknownTask("a.b", ["a.c"]),
    errors.PayloadTooLarge("input", 10, 5),
    errors.NotJson("$.a", "a set"),
    errors.JobNotFound("a"),
    errors.StorageUnavailable("gone", outcome_unknown=True),
    errors.UnsupportedByStorage("limits", "memory", "submit without gates."),
    errors.NotAStore("x.db", "a picture"),
    errors.SchemaTooNew("x.db", 2, 1),
    errors.Unauthorized(),
    errors.Forbidden("work"),
    errors.MalformedRequest("no object"),
]


@pytest.mark.parametrize("error", INSTANCES, ids=lambda error: error.code)
def test_an_error_crosses_the_wire_as_itself(error: WherryError) -> None:
    data = json.loads(json.dumps(error_data(error)))

    found = error_from(error.code, str(error), data)

    assert type(found) is type(error)
    assert (str(found), found.code, vars(found)) == (str(error), error.code, vars(error))


def test_an_error_of_a_later_version_keeps_its_code() -> None:
    found = error_from("out_of_tea", "no tea left: buy some.", {"cups": 0})

    assert isinstance(found, RemoteError)
    assert (found.code, str(found)) == ("out_of_tea", "no tea left: buy some.")
