# What a Temporal worker in Lambda needs beside its code: roles, a failure destination and a log
# group. The function is in function.tf, alarms and dashboard are in watch.tf.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0" }
  }
}

variable "function_name" {
  type = string
}

variable "external_id" {
  type        = string
  description = "A value of your choice; Temporal says it when it assumes the invoke role."
  validation {
    condition     = can(regex("^[a-zA-Z0-9_+=,.@-]{5,45}$", var.external_id))
    error_message = "5 to 45 letters, digits, or one of _+=,.@-"
  }
}

variable "invoker_arns" {
  type        = list(string)
  description = "Who assumes the invoke role; Temporal Cloud, or the identity of a server of yours."
  default = [
    "arn:aws:iam::902542641901:role/wci-lambda-invoke",
    "arn:aws:iam::160190466495:role/wci-lambda-invoke",
    "arn:aws:iam::819232936619:role/wci-lambda-invoke",
    "arn:aws:iam::829909441867:role/wci-lambda-invoke",
    "arn:aws:iam::354116250941:role/wci-lambda-invoke",
  ]
}

variable "api_key_secret_arn" {
  type        = string
  default     = null
  description = "Secret with the API key, for the setting api_key_secret; needs the extra aws."
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  function_arn = join(":", [
    "arn", data.aws_partition.current.partition, "lambda", data.aws_region.current.name,
    data.aws_caller_identity.current.account_id, "function", var.function_name,
  ])
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.function_name}"
  retention_in_days = 30
}

# What Lambda gives up, because it failed or was throttled for a minute, ends here.
resource "aws_sqs_queue" "failed_events" {
  name                      = "${var.function_name}-failed-events"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_iam_role" "execution" {
  name = "${var.function_name}-execution"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "execution" {
  role = aws_iam_role.execution.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.function.arn}:*"
      },
      {
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = aws_sqs_queue.failed_events.arn
      },
    ]
  })
}

resource "aws_iam_role_policy" "api_key" {
  count = var.api_key_secret_arn == null ? 0 : 1
  role  = aws_iam_role.execution.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "secretsmanager:GetSecretValue"
      Resource = var.api_key_secret_arn
    }]
  })
}

resource "aws_iam_role" "invoke" {
  name = "${var.function_name}-invoke"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = var.invoker_arns }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "sts:ExternalId" = var.external_id } }
    }]
  })
}

resource "aws_iam_role_policy" "invoke" {
  role = aws_iam_role.invoke.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = ["lambda:InvokeFunction", "lambda:GetFunction"]
      # The second alone does not cover the name without a version.
      Resource = [local.function_arn, "${local.function_arn}:*"]
    }]
  })
}

output "execution_role_arn" {
  value = aws_iam_role.execution.arn
}

output "invoke_role_arn" {
  value = aws_iam_role.invoke.arn
}

output "failed_events_arn" {
  value = aws_sqs_queue.failed_events.arn
}
