"""The reference of the command line: each command with all of its options, as click knows them."""

from __future__ import annotations

import inspect

import click

from temporal_lambda.cli import COMMANDS, main

PAGE = "reference/commands.md"

INTRODUCTION = """# Commands

`temporal-lambda COMMAND --help` says the same. A command whose extra is not installed says which
one it needs; the [table of extras](../install.md#extras) tells them apart.
"""


def command_pages() -> dict[str, str]:
    """The one page of all commands."""
    return {PAGE: "\n".join([INTRODUCTION, *map(_section, COMMANDS)])}


def _section(name: str) -> str:
    context = click.Context(main, info_name="temporal-lambda")
    command = main.get_command(context, name)
    assert command
    own = click.Context(command, info_name=name, parent=context)
    usage = " ".join([own.command_path, *command.collect_usage_pieces(own)])
    rows = [
        _row(parameter, own) for parameter in command.params if isinstance(parameter, click.Option)
    ]
    return "\n".join(
        [
            f"## {name}\n",
            f"```text\n{usage}\n```\n",
            f"{inspect.cleandoc(command.help or '')}\n",
            "| option | |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def _row(option: click.Option, context: click.Context) -> str:
    """An option's line, from what ``--help`` prints of it."""
    record = option.get_help_record(context)
    assert record, f"{context.command_path} hides {option.name}"
    names, about = record
    for mark in "[]|*_<":
        about = about.replace(mark, f"\\{mark}")
    return f"| `{names}` | {' '.join(about.split())} |"
