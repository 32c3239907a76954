"""Names in messages: the library names arguments, in backquotes; here each is shown as its option.

Only arguments stand in backquotes there, so nothing else is taken for an option.
"""

from __future__ import annotations

import re
from typing import cast

import click

# an argument of the library -> the command's parameter, where they are called otherwise
PARAMETERS = {
    "dataset": "source",
    "folder": "out",
    "max_length": "length",
    "num_words": "words",
    "program": "browser",
    "run": "out",
    "wanted_formats": "formats",
}
_ARGUMENT = re.compile(r"`(\w+)(?:=([^`]*))?`")


def with_options(message: str, context: click.Context) -> str:
    """``message`` with the options of the command that runs, or of the first other that has one.

    A name may come with a value: `` `streaming=False` `` is shown as ``--no-streaming``.
    """
    root = context.find_root()
    group = cast(click.Group, root.command)
    commands = [group.get_command(root, name) for name in group.list_commands(root)]
    commands.sort(key=lambda command: command is None or command.name != root.invoked_subcommand)

    def shown(argument: re.Match[str]) -> str:
        names = argument[1], PARAMETERS.get(argument[1])
        for command in filter(None, commands):
            for parameter in command.params:
                if parameter.name in names and isinstance(parameter, click.Option):
                    return _spelled(parameter, argument[2])
        return argument[0]

    return _ARGUMENT.sub(shown, message)


def _spelled(option: click.Option, value: str | None) -> str:
    if option.is_flag and value is not None:
        return (option.secondary_opts if value == "False" else option.opts)[0]
    return option.opts[0] if value is None else f"{option.opts[0]} {value}"
