# The function, and a published version whenever its code or configuration change. After each apply,
# 'temporal-lambda deploy' with the same zip registers the version and routes to it. Leave this file
# out if 'temporal-lambda deploy' is to make the function as well.

variable "package" {
  type        = string
  default     = "function.zip"
  description = "The zip of 'temporal-lambda package'."
}

variable "python_version" {
  type        = string
  default     = "3.13"
  description = "The one that the zip was packaged for, as is the architecture."
}

variable "architecture" {
  type    = string
  default = "arm64"
}

variable "temporal_address" {
  type = string
}

variable "temporal_namespace" {
  type = string
}

variable "api_key" {
  type        = string
  default     = "none"
  description = "Where the API key lies: the secret's name or ARN, and #KEY for a key of a JSON object."
}

resource "aws_lambda_function" "worker" {
  function_name    = var.function_name
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  handler          = "handler.lambda_handler"
  runtime          = "python${var.python_version}"
  architectures    = [var.architecture]
  role             = aws_iam_role.execution.arn
  # Earlier versions stay: workflows may be pinned to them.
  publish = true
  # Lambda's own 3 s would fail every invocation. It costs nothing: idle_timeout ends them.
  timeout     = 600
  memory_size = 512

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.function.name
  }

  environment {
    variables = {
      TEMPORAL_ADDRESS                   = var.temporal_address
      TEMPORAL_NAMESPACE                 = var.temporal_namespace
      TEMPORAL_LAMBDA_API_KEY_SECRET     = var.api_key
      TEMPORAL_LAMBDA_IDLE_TIMEOUT       = "auto"
      TEMPORAL_LAMBDA_CLOUDWATCH_METRICS = "true"
    }
  }
}

# Lambda's retries are switched off on each version by 'temporal-lambda deploy --on-failure', since the
# controller invokes again where work waits. Not here: aws_lambda_function_event_invoke_config is one
# resource, which Terraform would take off the version before when it puts it on the next.

output "version" {
  value = aws_lambda_function.worker.version
}
