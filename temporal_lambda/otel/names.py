"""Names in telemetry: those of OpenTelemetry's semantic conventions, and this package's own.

The conventions' package has those for FaaS only in modules that may change with every release.
"""

from __future__ import annotations

SCOPE = "temporal_lambda"
"""The instrumentation scope of this package's spans and metrics."""

SCHEMA_URL = "https://opentelemetry.io/schemas/1.37.0"
"""The release of the conventions that these names are of."""

SERVICE_NAME = "service.name"
SERVICE_INSTANCE_ID = "service.instance.id"
CLOUD_PROVIDER = "cloud.provider"
CLOUD_PLATFORM = "cloud.platform"
CLOUD_REGION = "cloud.region"
CLOUD_ACCOUNT_ID = "cloud.account.id"
CLOUD_RESOURCE_ID = "cloud.resource_id"
LOG_GROUPS = "aws.log.group.names"
INVOKED_ARN = "aws.lambda.invoked_arn"
FAAS_NAME = "faas.name"
FAAS_VERSION = "faas.version"
FAAS_INSTANCE = "faas.instance"
FAAS_MAX_MEMORY = "faas.max_memory"
FAAS_TRIGGER = "faas.trigger"
FAAS_COLDSTART = "faas.coldstart"
INVOCATION_ID = "faas.invocation_id"

TASK_QUEUE = "task_queue"
"""The label that Core's own metrics use."""

STOP_REASON = "temporal_lambda.stop_reason"
ABANDONED = "temporal_lambda.abandoned"
CONNECTION = "temporal_lambda.connection"
NEVER_ENDED = "temporal_lambda.never_ended"
