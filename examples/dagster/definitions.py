"""All jobs as one code location. Those of ``lambda_jobs`` run in Lambda, their op bodies don't."""

import dagster as dg
import lambda_jobs
import python_jobs

defs = dg.Definitions(jobs=[*lambda_jobs.JOBS, *python_jobs.JOBS])
