"""A Temporal worker in Lambda, in AWS CDK: the function, its roles, and what watches over it.

    cdk deploy --context function=greeting --context external_id=... --context address=... \
        --context namespace=...

``function.zip`` is that of ``temporal-lambda package``. After each ``cdk deploy``, the command
``temporal-lambda deploy`` with the same zip registers the published version and routes to it; it
finds function and version as they should be, and changes nothing of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_cdk import App, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

PACKAGE = Path("function.zip")

TEMPORAL_CLOUD = [
    f"arn:aws:iam::{account}:role/wci-lambda-invoke"
    for account in ("902542641901", "160190466495", "819232936619", "829909441867", "354116250941")
]
"""Who invokes for Temporal Cloud, as in Temporal's own template."""

REPORT = "temporal_lambda"
"""Namespace of the report's metrics; the setting ``cloudwatch_metrics`` makes them."""


class Worker(Stack):
    """The stack of one worker.

    Args:
        app: The app.
        settings: ``function``, ``external_id``, ``address``, ``namespace``; and, if need be,
            ``server_role`` (identity of a Temporal server of your own), ``api_key_secret`` (name of
            a secret), ``topic`` (ARN that alarms go to), ``arch``.
    """

    def __init__(self, app: App, settings: dict[str, Any]) -> None:
        super().__init__(app, settings["function"])
        self._settings = settings
        self._name: str = settings["function"]
        self._log = logs.LogGroup(
            self,
            "LogGroup",
            log_group_name=f"/aws/lambda/{self._name}",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        # What Lambda gives up, because it failed or was throttled for a minute, ends here.
        self._failed_events = sqs.Queue(
            self,
            "FailedEvents",
            retention_period=Duration.days(14),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
        )
        function = self._function()
        version = self._version(function)
        role = self._invoke_role()
        self._alarms()
        self._dashboard()
        CfnOutput(self, "Version", value=version.function_arn)
        CfnOutput(self, "InvokeRoleArn", value=role.role_arn)
        CfnOutput(self, "FailedEventsArn", value=self._failed_events.queue_arn)

    def _function(self) -> lambda_.Function:
        settings = self._settings
        role = iam.Role(
            self, "ExecutionRole", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
        )
        self._log.grant_write(role)
        if secret := settings.get("api_key_secret"):
            name = secret.partition("#")[0]
            secretsmanager.Secret.from_secret_name_v2(self, "ApiKey", name).grant_read(role)
        arch = lambda_.Architecture.X86_64
        if settings.get("arch", "arm64") == "arm64":
            arch = lambda_.Architecture.ARM_64
        return lambda_.Function(
            self,
            "Function",
            function_name=self._name,
            code=lambda_.Code.from_asset(str(PACKAGE)),
            handler="handler.lambda_handler",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=arch,
            # Lambda's own 3 s would fail every invocation. Idle ones end before by idle_timeout.
            timeout=Duration.minutes(10),
            memory_size=512,
            role=role,
            log_group=self._log,
            logging_format=lambda_.LoggingFormat.JSON,
            environment={
                "TEMPORAL_ADDRESS": settings["address"],
                "TEMPORAL_NAMESPACE": settings["namespace"],
                "TEMPORAL_LAMBDA_API_KEY_SECRET": settings.get("api_key_secret") or "none",
                "TEMPORAL_LAMBDA_IDLE_TIMEOUT": "auto",
                "TEMPORAL_LAMBDA_CLOUDWATCH_METRICS": "true",
            },
            current_version_options=lambda_.VersionOptions(
                # Workflows may be pinned to the one before.
                removal_policy=RemovalPolicy.RETAIN,
                # On the version, which is what Temporal invokes; what is set on the function or an
                # alias does not cover it. No retries: the controller invokes again where work
                # waits, and a repetition would find none.
                retry_attempts=0,
                max_event_age=Duration.minutes(1),
                on_failure=destinations.SqsDestination(self._failed_events),
            ),
        )

    def _version(self, function: lambda_.Function) -> lambda_.Version:
        """Publish a version whenever code or configuration change, and keep those before."""
        version = function.current_version
        delivery = version.node.find_child("EventInvokeConfig").node.default_child
        delivery.apply_removal_policy(RemovalPolicy.RETAIN)
        return version

    def _invoke_role(self) -> iam.Role:
        server = self._settings.get("server_role")
        condition = {"StringEquals": {"sts:ExternalId": self._settings["external_id"]}}
        principals = [iam.ArnPrincipal(arn) for arn in ([server] if server else TEMPORAL_CLOUD)]
        trusted = iam.CompositePrincipal(*(p.with_conditions(condition) for p in principals))
        role = iam.Role(self, "InvokeRole", assumed_by=trusted)
        arn = self.format_arn(
            service="lambda", resource=f"function:{self._name}", resource_name=None
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["lambda:InvokeFunction", "lambda:GetFunction"],
                # The second alone does not cover the name without a version.
                resources=[arn, f"{arn}:*"],
            )
        )
        return role

    def _metric(self, namespace: str, name: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            statistic=statistic,
            period=Duration.minutes(1),
            dimensions_map={"FunctionName": self._name},
        )

    def _alarms(self) -> None:
        messages = self._failed_events.metric_approximate_number_of_messages_visible(
            statistic="Maximum", period=Duration.minutes(5)
        )
        for name, metric, threshold, often, why in (
            ("Errors", self._metric("AWS/Lambda", "Errors", "Sum"), 1, 3, "Invocations fail."),
            ("Throttles", self._metric("AWS/Lambda", "Throttles", "Sum"), 1, 3, "Tasks wait."),
            ("GivenUp", messages, 1, 1, "Lambda gave up invocations: look at the messages."),
            ("Abandoned", self._metric(REPORT, "Abandoned", "Sum"), 1, 1, "Work did not stop."),
            ("Memory", self._metric(REPORT, "Memory", "Maximum"), 460, 3, "It may be killed."),
        ):
            alarm = cloudwatch.Alarm(
                self,
                name,
                alarm_description=f"{why} docs/operations.md says what it means.",
                metric=metric,
                threshold=threshold,
                evaluation_periods=max(often, 5 if often > 1 else 1),
                datapoints_to_alarm=often,
                comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            if topic := self._settings.get("topic"):
                alarm.add_alarm_action(
                    actions.SnsAction(sns.Topic.from_topic_arn(self, f"{name}Topic", topic))
                )

    def _dashboard(self) -> None:
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=f"temporal-{self._name}")
        for title, statistic, names in (
            ("Invocations", "Sum", ("Invocations", "ColdStarts", "Failures", "Abandoned")),
            ("Tasks", "Sum", ("WorkflowTasks", "ActivityTasks")),
            ("Time: paid, busy, idle", "Sum", ("Duration", "BusyTime", "IdleTime")),
            ("Memory, peak", "Maximum", ("Memory",)),
        ):
            dashboard.add_widgets(
                cloudwatch.GraphWidget(
                    title=title,
                    width=12,
                    left=[self._metric(REPORT, name, statistic) for name in names],
                )
            )


def main() -> None:
    """Synthesize the stack that the context describes."""
    app = App()
    names = ("function", "external_id", "address", "namespace", "server_role", "api_key_secret")
    settings = {name: app.node.try_get_context(name) for name in (*names, "topic", "arch")}
    missing = [name for name in names[:4] if not settings[name]]
    if missing:
        raise SystemExit(f"pass {', '.join(f'--context {name}=...' for name in missing)}")
    Worker(app, {name: value for name, value in settings.items() if value})
    app.synth()


if __name__ == "__main__":
    main()
