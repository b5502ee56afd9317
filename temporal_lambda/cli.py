"""The command ``temporal-lambda``; its subcommands are in the packages they belong to."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, NoReturn

from temporal_lambda.errors import MissingExtraError, PlatformError

try:
    import click
except ModuleNotFoundError as error:
    raise SystemExit(str(MissingExtraError("temporal-lambda", "local", error))) from None

COMMANDS = {
    "dev": ("temporal_lambda.local.command", "local"),
    "invoke": ("temporal_lambda.local.invoke_command", "local"),
    "package": ("temporal_lambda.deploy.packaging.command", "deploy"),
    "deploy": ("temporal_lambda.deploy.commands", "deploy"),
    "rollback": ("temporal_lambda.deploy.commands", "deploy"),
    "status": ("temporal_lambda.deploy.commands", "deploy"),
    "clean-up": ("temporal_lambda.deploy.commands", "deploy"),
    "check": ("temporal_lambda.deploy.checking.command", "deploy"),
}
"""For each subcommand, the module that defines it under the same name, and the extra it needs."""


class Commands(click.Group):
    """Imports a subcommand only when it is used, since each needs its own extra."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See base class."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See base class."""
        if cmd_name not in COMMANDS:
            return None
        module, extra = COMMANDS[cmd_name]
        try:
            command: click.Command = getattr(
                importlib.import_module(module), cmd_name.replace("-", "_")
            )
        except ModuleNotFoundError as error:
            missing = MissingExtraError(f"temporal-lambda {cmd_name}", extra, error)
            return _Unavailable(cmd_name, f"Needs the extra {extra}.", missing)
        except MissingExtraError as error:
            return _Unavailable(cmd_name, f"Needs the extra {extra}.", error)
        except PlatformError as error:
            return _Unavailable(cmd_name, "Not on this system.", error)
        return command


class _Unavailable(click.Command):
    """Takes the place of a subcommand that can't be used here."""

    def __init__(self, name: str, short_help: str, error: ImportError) -> None:
        super().__init__(name, short_help=short_help)
        self._reason = str(error)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        raise click.ClickException(self._reason)


@click.group(cls=Commands)
@click.version_option(package_name="temporal-lambda")
def main() -> None:
    """Temporal workers inside AWS Lambda."""


def run() -> NoReturn:
    """Run the command, and end the process.

    That is done without the interpreter's own end, since a thread of temporalio's core may crash in
    it and turn the exit status into an abort (seen with temporalio 1.35).
    """
    status: Any = 0
    try:
        main()
    except SystemExit as ended:
        status = ended.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))


if __name__ == "__main__":
    run()
