# Alarms and a dashboard. Those of the report's metrics need cloudwatch_metrics, a setting of the
# worker. What each alarm means is in docs/operations.md.

variable "alarm_topic_arn" {
  type        = string
  default     = null
  description = "SNS topic that alarms go to."
}

variable "memory_alarm_mb" {
  type        = number
  default     = 460
  description = "Nine tenths of the function's memory."
}

locals {
  of_function = { FunctionName = var.function_name }
  alarms = {
    Errors    = { space = "AWS/Lambda", stat = "Sum", least = 1, often = 3, of = local.of_function }
    Throttles = { space = "AWS/Lambda", stat = "Sum", least = 1, often = 3, of = local.of_function }
    Abandoned = { space = "temporal_lambda", stat = "Sum", least = 1, often = 1, of = local.of_function }
    Memory = {
      space = "temporal_lambda", stat = "Maximum", least = var.memory_alarm_mb, often = 3,
      of    = local.of_function
    }
    ApproximateNumberOfMessagesVisible = {
      space = "AWS/SQS", stat = "Maximum", least = 1, often = 1,
      of    = { QueueName = aws_sqs_queue.failed_events.name }
    }
  }
  widgets = {
    "Invocations"            = { stat = "Sum", names = ["Invocations", "ColdStarts", "Failures", "Abandoned"] }
    "Tasks"                  = { stat = "Sum", names = ["WorkflowTasks", "ActivityTasks"] }
    "Time: paid, busy, idle" = { stat = "Sum", names = ["Duration", "BusyTime", "IdleTime"] }
    "Memory, peak"           = { stat = "Maximum", names = ["Memory"] }
  }
}

resource "aws_cloudwatch_metric_alarm" "worker" {
  for_each            = local.alarms
  alarm_name          = "${var.function_name}-${each.key}"
  namespace           = each.value.space
  metric_name         = each.key
  dimensions          = each.value.of
  statistic           = each.value.stat
  period              = 60
  evaluation_periods  = each.value.often == 1 ? 1 : 5
  datapoints_to_alarm = each.value.often
  threshold           = each.value.least
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]
}

resource "aws_cloudwatch_dashboard" "worker" {
  dashboard_name = "temporal-${var.function_name}"
  dashboard_body = jsonencode({
    widgets = [
      for title, widget in local.widgets : {
        type   = "metric"
        width  = 12
        height = 6
        properties = {
          title  = title
          region = data.aws_region.current.name
          stat   = widget.stat
          period = 60
          metrics = [
            for name in widget.names : ["temporal_lambda", name, "FunctionName", var.function_name]
          ]
        }
      }
    ]
  })
}
