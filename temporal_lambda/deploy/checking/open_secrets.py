"""Which variables of a function are credentials, by their names and values."""

from __future__ import annotations

import re
from collections.abc import Mapping

from temporal_lambda.settings.table import SETTINGS, variable

SECRET_NAME = re.compile(r"API_KEY$|PASSWORD|SECRET|TOKEN$|PRIVATE_KEY|TLS_CLIENT_KEY_DATA", re.I)
SECRET_VALUE = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY|eyJ[\w-]{8,}\.eyJ|\bAKIA[A-Z0-9]{16}\b")
REFERENCE = re.compile(r"arn:aws|ssm:|/|\{\{resolve:|$")
"""How a value begins that names a secret and is none."""

NAMES_A_SECRET = {variable(name) for name in SETTINGS if "secret" in name}
"""Variables of this package that say where a secret lies."""

WHY = "everybody who may read the function's configuration can read them"
DO = "keep them in Secrets Manager, and name them by settings such as api_key_secret"


def open_secrets(variables: Mapping[str, str]) -> list[str]:
    """Names of variables that hold a credential.

    Args:
        variables: Of a function.

    Example:
        >>> open_secrets({"TEMPORAL_API_KEY": "abc", "TEMPORAL_ADDRESS": "there:7233"})
        ['TEMPORAL_API_KEY']
        >>> open_secrets({"TEMPORAL_LAMBDA_API_KEY_SECRET": "temporal#api_key"})
        []
    """
    return sorted(
        key
        for key, value in variables.items()
        if SECRET_VALUE.search(value)
        or (SECRET_NAME.search(key) and not (key in NAMES_A_SECRET or REFERENCE.match(value)))
    )
