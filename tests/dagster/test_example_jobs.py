"""Every job of the example, launched through Dagster, ends as it should."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from examples.dagster.demo.dagster_here import DagsterHere
from examples.dagster.demo.scenario import LONG, run_durable_job
from examples.dagster.demo.ui import FinishedRun
from temporal_lambda.local import LocalStack

pytestmark = pytest.mark.server
