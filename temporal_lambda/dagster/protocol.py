"""What travels between the launcher in Dagster and the handler in Lambda: names, nothing else.

**A request** is a payload in one of the four modes. ``full`` is an object of

- ``dagster_run``: ``run_id``, ``job_name``, ``deployment_name``, ``location_name``, and where the
  run has them ``tags`` (an object of texts), ``partition_key``, ``partition_key_range``
  (``{"start": …, "end": …}``), ``op_selection``, ``asset_selection`` and
  ``asset_check_selection`` (lists of texts),
  ``step_selection`` (the steps to run, where those are not all), ``parent_run_id`` and
  ``root_run_id``
- ``run_config``, ``environment_variables``, ``dagster_cloud`` (``org_id``, ``deployment_id``) and
  ``metadata`` (``launched_at``, ``launcher_version``, ``invocation_type``)
- ``job_graph``: op -> the ops it waits for
- ``outputs``: op -> its output, of ops outside of ``step_selection`` that ran in the parent run
- ``code``, for functions that execute the job's own steps: ``run``, Dagster's record of the run and
  what is known of its steps, packed; ``dagster``, the instance's version of it; ``job_snapshot``, a
  digest of the job's definition. The run has the config, so ``run_config`` is empty then, and there
  is no ``job_graph``.
- ``events_after``, with ``code``: how many batches of events the launcher has

For durable runs, whose workflow has the id ``dagster-<run_id>``, there are two more requests, in
the shape of a ``full`` payload without its config:
``{"dagster_run": {"run_id": "…"}, "request": "cancel"}``, or ``"status"``, the latter with
``events_after`` for runs that have events.

**An answer** is ``{"statusCode": 200, "body": "<json>"}``. Its body has ``status`` and, where they
are known, ``run_id``, ``job_name`` and ``workflow_id``; with ``success`` also ``result``
(``{"ops_processed": 2, "results": {op: …}}``), with ``error`` also ``error``, a text. With
``running`` there may be ``pinned_to``, the build that alone goes on with the run, or ``elsewhere``:
true if another invocation works for it. ``steps`` is a list with what became of each op that has
begun; times are epoch seconds, and what is empty is left out::

    {"op": "load", "status": "success", "attempt": 2, "start": 1767960000.5, "end": 1767960001.0,
     "output": …, "output_omitted": "<why>", "error": {"type": …, "message": …, "stack": [<line>]},
     "logs": [{"time": …, "level": "INFO", "message": …}], "logs_left_out": 7,
     "events": [{"kind": "materialization", "asset_key": …, "metadata": {…}, "partition": …}],
     "metadata": {…}, "earlier": [{"attempt": 1, "start": …, "end": …, "error": {…}}]}

The status of a step is ``pending``, ``running``, ``retrying``, ``success``, ``failure`` or
``canceled``. Other kinds of events are ``observation`` and ``asset_check`` (with ``check_name``,
``passed``, ``severity`` and ``description``). With ``success``, outputs are in ``result`` alone.

A function that executes the job's own steps has ``events`` instead, and ``dagster``, its version::

    {"first": 3, "batches": ["<packed>", …], "more": true,
     "under_way": [{"step": "load", "attempt": 1, "start": 1767960000.5}]}

Batches are numbered from 0 in the order in which they came to be, and stay what they are: each has
the entries of the event log of one execution of a step. ``first`` is the number of the first one
here, ``more`` says that there are others, and ``under_way`` are steps whose entries are still to
come. Entries are in Dagster's own serialized form, and packed as ``packed_text`` does it.
"""

from __future__ import annotations

from typing import Literal

PayloadMode = Literal["full", "config_only", "ops_only", "custom"]
"""How much of a run a payload holds."""

Request = Literal["run", "cancel", "status"]
"""What is asked for; a payload that doesn't say is a ``run``."""

Status = Literal["success", "error", "running", "canceled"]
"""What became of a run."""

WORKFLOW_ID = "dagster-{run_id}"
"""The id of the workflow of a durable run."""

AWAITED = "RequestResponse"
"""The ``invocation_type`` of a launcher that waits for the answer, and asks again."""

OK = 200
"""``success``; also ``canceled``, as the answer to a cancel request."""

RUNNING = 202
"""``running``: not done when the invocation had to end. Asked again, the run goes on."""

BAD_REQUEST = 400
"""``error``: the payload was refused, and nothing was started."""

NOT_FOUND = 404
"""``error``: a cancel or status request for a run that is not known here."""

CANCELED = 409
"""``canceled``, as the answer to a run."""

FAILED = 500
"""``error``: the run failed."""
