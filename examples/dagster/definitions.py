"""All jobs as one code location.

Those of ``lambda_jobs`` are done in Lambda by activities, and their op bodies nowhere; those of
``shop`` are executed in Lambda, those of ``python_jobs`` in a process beside Dagster.
"""

import dagster as dg
import lambda_jobs
import python_jobs
import shop

defs = dg.Definitions.merge(
    dg.Definitions(jobs=[*lambda_jobs.JOBS, *python_jobs.JOBS]),
    shop.defs,
)
