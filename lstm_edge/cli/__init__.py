"""The command line: the only module that prints, and the only one here that imports export.

Each module with a ``command`` is a command; what they share is in :mod:`lstm_edge.cli.shared`.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

import click

from lstm_edge import __version__
from lstm_edge.base import modules, temporary
from lstm_edge.base.gate import printable, shown
from lstm_edge.cli import contained
from lstm_edge.cli.messages import with_options
from lstm_edge.cli.shared import DONE, FAILED, INTERRUPTED, OUTSIDE
from lstm_edge.errors import LstmEdgeError

__all__ = ["DONE", "OUTSIDE", "cli", "main"]
# Longer than any path, which is up to 4,096: a number of 5,000 digits, say.
_ENDLESS = re.compile(r"\S{4097,}")


class Commands(click.Group):
    """The commands of this package; their errors are one line and exit code 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _commands().get(cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LstmEdgeError as error:
            raise click.ClickException(with_options(str(error), ctx)) from error

    def main(  # type: ignore[override]  # click's overloads, of which this is the general one
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> Any:
        try:
            extra["standalone_mode"] = False
            code = super().main(args, prog_name, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            sys.exit(FAILED)
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "lstm-edge"
            _fail(f"{error.format_message().rstrip('.')}; see {command} --help")
        except click.ClickException as error:
            _fail(error.message)
        except (KeyboardInterrupt, click.Abort) as error:
            why = error if isinstance(error, KeyboardInterrupt) else error.__cause__
            _say(f"interrupted{f'; {why}' if why and why.args else ''}")
            sys.exit(INTERRUPTED)
        except BrokenPipeError:  # the reader, such as head, has had enough
            sys.stderr.close()
            sys.exit(DONE)
        except OSError as error:  # a disk that is full, a file that may not be read
            where = "" if error.filename is None else f"{error.filename}: "
            _fail(f"{where}{error.strerror or error}")
        sys.exit(code if isinstance(code, int) else DONE)


def _commands() -> dict[str, click.Command]:
    """Found at each call, so that a new file is a new command."""
    found = modules.found(sys.modules[__name__], "")
    return {module.command.name: module.command for module in found if hasattr(module, "command")}


def _fail(message: str) -> None:
    _say(message)
    sys.exit(FAILED)


def _say(message: str) -> None:
    """One line, whatever files, devices and arguments have put into it."""
    line = _ENDLESS.sub(lambda word: shown(word[0]), " ".join(message.splitlines()))
    click.echo(f"lstm-edge: {printable(line)}", err=True)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done and within tolerance; 1 a variant is outside, or not written; 2 could not "
    "be done.",
)
@click.version_option(__version__, prog_name="lstm-edge")
def cli() -> None:
    """From a Keras LSTM to TFLite and ONNX files that answer as Keras does.

    \b
    Try it, offline:          lstm-edge demo
    Your model:               lstm-edge export model.keras --vocab vocab.txt --out bundle
    Is it faithful, fast?     lstm-edge verify bundle;  lstm-edge bench bundle
    Use it (no TensorFlow):   lstm-edge predict bundle "a film to remember"
    """


def main() -> None:
    """Entry point of the console script."""
    contained.begin()
    atexit.register(_hush)  # the first to be registered is the last to run
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # what needs a place for temporary files says so itself
            # those of libraries, too: if this run is killed, the next one removes them
            tempfile.tempdir = str(stack.enter_context(temporary.scratch()))
        cli()


def _hush() -> None:
    """Libraries in C++ take leave after Python has ended; nothing of ours is printed then."""
    sys.stdout.flush()
    sys.stderr.flush()
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 2)
