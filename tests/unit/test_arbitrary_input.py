"""Whatever comes in, what comes out is an answer or an error of this package.

These are a few, always the same; ``make fuzz`` tries a million, see ``tests/fuzz.py``.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from temporal_lambda.dagster.serving.planner import Planner
from temporal_lambda.report import INVOCATION, WORKER
from temporal_lambda.settings.table import SETTINGS, variable
from tests.support.arbitrary import as_json, documents, effort, text, values
from tests.support.parsers import (
    MODES,
    PLANNERS,
    check_answer,
    check_event,
    check_output,
    check_settings,
)

ops = st.dictionaries(
    st.one_of(st.sampled_from(["extract", "load", "tell", "graph.load"]), text),
    st.one_of(
        values,
        st.fixed_dictionaries({}, optional={"config": values, "inputs": values, "ops": values}),
    ),
    max_size=4,
)

events = st.one_of(
    values,
    ops,
    st.fixed_dictionaries({"ops": st.one_of(ops, values)}),
    st.fixed_dictionaries(
        {
            "dagster_run": st.one_of(
                values, st.fixed_dictionaries({"run_id": st.one_of(text, values)})
            )
        },
        optional={
            "run_config": st.one_of(values, st.fixed_dictionaries({"ops": st.one_of(ops, values)})),
            "request": st.one_of(st.sampled_from(["run", "cancel", "status"]), values),
            "job_graph": st.one_of(
                values, st.dictionaries(text, st.lists(text, max_size=3), max_size=4)
            ),
            "step_selection": values,
            "outputs": values,
        },
    ),
)


@effort
@given(
    events,
    st.sampled_from(MODES),
    st.sampled_from(PLANNERS),
    st.sampled_from([None, "extract", "nothing"]),
)
def test_event_is_a_run_or_refused(
    event: Any, mode: Any, planner: Planner, only_op: str | None
) -> None:
    check_event(event, mode, planner, only_op)


answers = st.one_of(
    documents,
    st.fixed_dictionaries(
        {"statusCode": st.one_of(st.sampled_from([200, 202, 500, "²", "9" * 5000]), values)},
        optional={"body": st.one_of(documents, values)},
    ).map(as_json),
    st.fixed_dictionaries(
        {}, optional={"errorType": values, "errorMessage": values, "stackTrace": values}
    ).map(as_json),
)


@effort
@given(answers, st.sampled_from([None, "Unhandled"]), st.booleans())
def test_answer_has_a_meaning(payload: str, function_error: str | None, strict: bool) -> None:
    check_answer(payload, function_error, strict)


def as_toml(table: dict[str, Any]) -> str:
    """A file with these settings, which is TOML as far as JSON's values are."""
    keys = [f"{name} = {as_json(value)}" for name, value in table.items()]
    return "\n".join(["[lambda_worker]", *keys])


raw_settings = st.one_of(
    st.sampled_from(["1", "true", "1m30s", "0.5", "1e400", "nan", "9" * 5000, "99999999999h", "²"]),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
)


@effort
@given(
    st.dictionaries(st.sampled_from([variable(name) for name in SETTINGS]), raw_settings),
    st.one_of(
        st.none(),
        st.dictionaries(st.sampled_from([*SETTINGS, "unknown"]), values).map(as_toml),
        st.sampled_from(["a = " + "[" * 5000, "a = " + "9" * 5000, "[lambda_worker"]),
        st.text(max_size=40),
    ),
)
def test_settings_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str], document: str | None
) -> None:
    check_settings(environ, document, tmp_path_factory.getbasetemp())


lines = st.one_of(
    st.text(max_size=60),
    st.builds("[INFO]\tnow\tid\t{} {}".format, st.sampled_from([INVOCATION, WORKER]), documents),
    st.fixed_dictionaries(
        {"message": st.sampled_from([INVOCATION, WORKER, "other"]), "content": values}
    ).map(as_json),
    st.dictionaries(text, values, max_size=4).map(
        lambda content: f"{INVOCATION} {as_json({'request_id': 'id', **content})}"
    ),
)


@effort
@given(
    st.lists(lines, max_size=8), st.lists(st.integers(1, 200), min_size=1), st.binary(max_size=40)
)
def test_output_is_cut_into_its_lines_however_it_is_read(
    printed: list[str], sizes: list[int], tail: bytes
) -> None:
    check_output(printed, sizes, tail)
