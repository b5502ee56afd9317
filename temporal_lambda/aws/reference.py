"""How a secret is named: where it lies, and which part of it is meant."""

from __future__ import annotations

import re
from typing import NamedTuple

from temporal_lambda.errors import SettingsError

SSM = "ssm:"

_ARN = re.compile(
    r"arn:aws[a-z-]*:(?P<service>secretsmanager|ssm):(?P<region>[a-z0-9-]+):\d{12}:.+"
)
_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")


class Reference(NamedTuple):
    """A secret of Secrets Manager, or a parameter of the Parameter Store.

    Attributes:
        service: ``secretsmanager`` or ``ssm``.
        name: Its name or ARN.
        key: The key of a JSON object in it; ``None`` for all of it.
        region: Its region, if its ARN says it.
    """

    service: str
    name: str
    key: str | None = None
    region: str | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference.

        Args:
            text: A name or an ARN in Secrets Manager, or ``ssm:`` and a parameter's name, or a
                parameter's ARN; then, optionally, ``#`` and a key of the JSON object in it.

        Raises:
            SettingsError: It is none.

        Example:
            >>> str(Reference.parse("temporal/production#api_key"))
            "secret temporal/production, key 'api_key'"
            >>> str(Reference.parse("ssm:/temporal/api-key"))
            'parameter /temporal/api-key'
        """
        place, _, key = text.strip().partition("#")
        service = "ssm" if place.startswith(SSM) else "secretsmanager"
        name = place.removeprefix(SSM)
        arn = _ARN.fullmatch(name)
        if not arn and not _NAME.fullmatch(name):
            # It may be the credential itself, so it is not quoted.
            raise SettingsError(
                "a secret is named by its NAME or ARN in Secrets Manager or as ssm:/PATH, with "
                f"#KEY for a key of a JSON object; got {len(text)} characters of another form"
            )
        if arn:
            return cls(arn["service"], name, key or None, arn["region"])
        return cls(service, name, key or None)

    @property
    def action(self) -> str:
        """The permission that it takes to read it."""
        if self.service == "ssm":
            return "ssm:GetParameter"
        return "secretsmanager:GetSecretValue"

    def __str__(self) -> str:
        """In words, for errors."""
        kind = "parameter" if self.service == "ssm" else "secret"
        return f"{kind} {self.name}" + (f", key {self.key!r}" if self.key else "")
