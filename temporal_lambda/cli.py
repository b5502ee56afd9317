"""The command ``temporal-lambda``; each of its commands lives with what it runs."""

from __future__ import annotations

import importlib

from temporal_lambda.errors import MissingExtraError

try:
    import click
except ModuleNotFoundError as error:
    raise SystemExit(str(MissingExtraError("temporal-lambda", "local", error))) from None

COMMANDS = {
    "dev": ("temporal_lambda.local.command", "local"),
}
"""The module of each command, which has a function of its name, and the extra that it needs."""


class Commands(click.Group):
    """Imports a command when it is asked for, since each needs an extra of its own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See base class."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See base class."""
        if cmd_name not in COMMANDS:
            return None
        module, extra = COMMANDS[cmd_name]
        try:
            command: click.Command = getattr(importlib.import_module(module), cmd_name)
        except ModuleNotFoundError as error:
            return _Missing(cmd_name, extra, error)
        return command


class _Missing(click.Command):
    """Stands for a command whose extra is not installed, in the list of commands too."""

    def __init__(self, name: str, extra: str, cause: ImportError) -> None:
        super().__init__(name, short_help=f"Needs temporal-lambda[{extra}].")
        self._reason = str(MissingExtraError(f"temporal-lambda {name}", extra, cause))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        raise click.ClickException(self._reason)


@click.group(cls=Commands)
@click.version_option(package_name="temporal-lambda")
def main() -> None:
    """Temporal workers inside AWS Lambda."""


if __name__ == "__main__":
    main()
