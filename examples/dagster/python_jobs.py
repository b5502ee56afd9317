"""Jobs for containers: no Lambda tags, and op bodies that run.

They need what a function hasn't got: hours, memory, or packages too large for it. On Dagster+ an
agent of their own serves them (``multi_agent/``); on one machine, the launcher's ``inner`` does.
"""

import statistics
import time

import dagster as dg


class Training(dg.Config):
    epochs: int = 3
    learning_rate: float = 0.5


@dg.op
def train_model_op(context: dg.OpExecutionContext, config: Training) -> float:
    """Gradient descent for a line through the origin, where a real one would load a framework."""
    slope = 0.0
    points = [(1.0, 2.0), (2.0, 4.0)]
    for epoch in range(config.epochs):
        gradient = statistics.fmean(2 * x * (slope * x - y) for x, y in points)
        slope -= config.learning_rate * gradient / len(points)
        context.log.info("epoch %d: slope %.3f", epoch + 1, slope)
    return slope


class Backfill(dg.Config):
    days: int = 3
    seconds_per_day: float = 0.0


@dg.op
def backfill_op(context: dg.OpExecutionContext, config: Backfill) -> int:
    """Day after day; a real one would go on for hours."""
    for day in range(config.days):
        time.sleep(config.seconds_per_day)
        context.log.info("day %d is done", day + 1)
    return config.days


class Measurements(dg.Config):
    rows: int = 1000


@dg.op
def process_data_op(context: dg.OpExecutionContext, config: Measurements) -> float:
    """Statistics of numbers in memory; a real one would need more of it than 10 GB."""
    spread = statistics.pstdev(range(config.rows))
    context.log.info("standard deviation of %d rows: %.1f", config.rows, spread)
    return spread


# One op each: a process of its own for it would only cost time.
@dg.job(executor_def=dg.in_process_executor)
def ml_training_job() -> None:
    """Trains a model."""
    train_model_op()


@dg.job(executor_def=dg.in_process_executor)
def long_running_job() -> None:
    """Runs for longer than 15 minutes, if asked to."""
    backfill_op()


@dg.job(executor_def=dg.in_process_executor)
def process_data_job() -> None:
    """Needs its data in memory."""
    process_data_op()


JOBS = [ml_training_job, long_running_job, process_data_job]

defs = dg.Definitions(jobs=JOBS)
