"""What stands where an op of these examples would have its body."""

from typing import NoReturn

import dagster as dg


def only_in_lambda() -> NoReturn:
    """The body of every op here; it runs if a job is launched by something else by mistake."""
    raise dg.Failure("this op has no body in Dagster: its job is for the Lambda run launcher")
