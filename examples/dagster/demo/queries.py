"""The GraphQL that Dagster's UI asks its webserver."""

WORKSPACE = """
{ workspaceOrError { __typename
    ... on PythonError { message }
    ... on Workspace { locationEntries { loadStatus locationOrLoadError { __typename
      ... on PythonError { message }
      ... on RepositoryLocation { name repositories { name pipelines { name } } } } } } } }
"""

PRESET = """
query ($selector: PipelineSelector!) { pipelineOrError(params: $selector) { __typename
    ... on PythonError { message }
    ... on Pipeline { presets { runConfigYaml } } } }
"""

LAUNCH = """
mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PythonError { message } } }
"""

RUN = """
query ($id: ID!) { runOrError(runId: $id) { __typename
    ... on Run { status jobName runConfigYaml tags { key value }
      eventConnection(afterCursor: null) { events {
      ... on MessageEvent { eventType message }
      ... on DisplayableEvent { metadataEntries { label
        ... on TextMetadataEntry { text }
        ... on IntMetadataEntry { intValue }
        ... on JsonMetadataEntry { jsonString } } }
      ... on EngineEvent { error { message } }
      ... on ExecutionStepFailureEvent { error { message } }
      ... on RunFailureEvent { error { message } } } } } } }
"""

STEPS = """
query ($id: ID!) { runOrError(runId: $id) { __typename
    ... on Run { status stepStats { stepKey status startTime endTime attempts { startTime } } } } }
"""

AGAIN = """
mutation ($params: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message } } }
"""

SELECTED_AGAIN = """
mutation ($params: ExecutionParams!) { launchRunReexecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message } } }
"""
