"""What commands share: options, data, and what they print and write."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lstm_edge.base import temporary
from lstm_edge.base.arguments import check_positive
from lstm_edge.base.gate import printable
from lstm_edge.cli.messages import with_options
from lstm_edge.errors import ConversionError, InputError, LstmEdgeError

if TYPE_CHECKING:
    from lstm_edge.bundle.opening import Bundle
    from lstm_edge.cli.console import Bars
    from lstm_edge.devices.browser.server import Site
    from lstm_edge.inputs.labelled import Dataset
    from lstm_edge.inputs.windows import Window
    from lstm_edge.report.tables import Table
    from lstm_edge.results.parity import ParityReport

DONE, OUTSIDE, FAILED, INTERRUPTED = 0, 1, 2, 130

_TRUSTED = "lstm_edge.trusted"  # kept in the context, where whatever opens a bundle asks for it
TRUSTED = click.option(
    "--trusted", type=click.Path(path_type=Path), multiple=True, metavar="KEY", expose_value=False,
    callback=lambda context, option, keys: context.meta.__setitem__(_TRUSTED, keys),
    help="Open the bundle only if this public key (PEM) signed it, see export --sign. May be repeated: "
    "any of them [default: nobody looks at signatures].",
)  # fmt: skip
VERBOSE = click.option(
    "--verbose", "-v", is_flag=True, help="Show what TensorFlow and the converters print."
)
_TRUST = click.option(
    "--trust", is_flag=True,
    help="Let Keras execute what the model file holds: Lambda layers, custom classes.",
)  # fmt: skip
_CUSTOM = click.option(
    "--custom", type=click.Path(path_type=Path), multiple=True, metavar="FILE.py",
    help="Python that defines layers, models and functions of your own that the model file names; it is "
    "run, so only with --trust. May be repeated.",
)  # fmt: skip
THREADS = click.option(
    "--threads", type=int, default=1, show_default=True, help="Threads for one inference."
)
WINDOW = click.option(
    "--window", metavar="LENGTH[,STEP]", callback=lambda context, option, text: _window(text),
    help="The .npy or .csv holds one long series [time, channels], a step in each row: cut windows of "
    "LENGTH steps from it, each STEP after the one before [default: LENGTH].",
)  # fmt: skip
WORKERS = click.option(
    "--workers", type=int, metavar="N",
    help="Inferences at a time, each with --threads [default: as many as there are cores for].",
)  # fmt: skip
JSON = click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False),
    callback=lambda context, option, path: placed(path), help="Also write JSON.",
)  # fmt: skip
VARIANTS = click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME",
    help="Only this one; may be repeated [default: all whose runtime is installed].",
)


def placed(path: Path | None) -> Path | None:
    """Of a file that is written at the end, or a folder that is replaced: seen to at the start."""
    from lstm_edge.base.files import check_place

    if path is not None:
        check_place(path)
    return path


def _window(text: str | None) -> Window | None:
    from lstm_edge.inputs.windows import Window

    return None if text is None else Window.parse(text)


_F = TypeVar("_F", bound=Callable[..., Any])


def bundle_options(command: _F) -> _F:
    """A command's bundle, and whom it has to be from; :func:`open_bundle` sees to that."""
    return click.argument("bundle", type=click.Path(path_type=Path))(TRUSTED(command))


def trust_options(command: _F) -> _F:
    return _TRUST(_CUSTOM(command))


def data_options(text: str, **given: Any) -> Callable[[_F], _F]:
    by_number = "Text column; both as numbers from 1 on where there is no heading line."
    data = click.option("--data", "source", metavar="SOURCE", help=text, **given)
    texts = click.option("--text-column", metavar="NAME", help=by_number)
    labels = click.option("--label-column", metavar="NAME", help="Label column (found if common).")
    return lambda command: data(texts(labels(command)))


def load_data(
    source: str, text_column: str | None, label_column: str | None, verbose: bool
) -> Dataset:
    from lstm_edge.inputs import data

    with quiet(verbose) as bars, bars.task("Loading the data", None):
        return data.load(source, text_column, label_column)


@contextlib.contextmanager
def quiet(verbose: bool) -> Iterator[Bars]:
    """Libraries write to a log file meanwhile; it is kept, and named, when one of them fails.

    The value shows progress on the terminal all the same.
    """
    from lstm_edge.cli.console import Bars, chatter_to

    bars = Bars()  # before the terminal is out of reach
    if verbose:
        yield bars
        return
    with temporary.scratch() as folder:
        log = folder / "log"
        _check_room(log)
        try:
            with chatter_to(log):
                yield bars
        except ConversionError as error:
            if kept := _kept(log):
                kept = f"; what the converter printed is in {kept}"
            raise ConversionError(f"{error}{kept}") from error
        except (LstmEdgeError, KeyboardInterrupt):
            raise
        except BaseException:
            if kept := _kept(log):
                click.echo(f"lstm-edge: what the libraries printed is in {kept}", err=True)
            raise


def _check_room(log: Path) -> None:
    """Libraries fail in many ways, and late, where their temporary files have no room."""
    try:
        log.write_bytes(bytes(4096))
        log.write_bytes(b"")
    except OSError as error:
        raise InputError(
            f"the folder of temporary files {temporary.lasting()} cannot be written to: "
            f"{error.strerror}; name another in TMPDIR"
        ) from None


def _kept(log: Path) -> str:
    """Where the log is now, and no run removes it; nothing where there is no room for it."""
    try:
        handle, name = tempfile.mkstemp(prefix="lstm-edge-", suffix=".log", dir=temporary.lasting())
        os.close(handle)
        return str(shutil.copyfile(log, name))
    except OSError:
        return ""


def say(text: str, err: bool = False) -> None:
    """Print what may hold names, labels or texts from elsewhere: none of them acts on the terminal."""
    click.echo(printable(text, keep="\n\t"), err=err)


def show(table: Table) -> None:
    from lstm_edge.report import tables as report

    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else None
    shown = report.to_terminal(table, width, terminal)
    # made of plain texts; the colours are ours
    click.echo(with_options(shown, click.get_current_context()))


def write_json(path: Path | None, value: Any) -> None:
    from lstm_edge.base.files import write_json

    if path is not None:
        write_json(path, value)
        say(f"Written: {path}")


def count_workers(workers: int | None, threads: int) -> int:
    """As many as asked for, else one for every ``threads`` cores."""
    from lstm_edge.base import machine

    check_positive(threads=threads, workers=workers)
    return workers or max(1, (machine.cores() or 1) // threads)


def require_export() -> None:
    """Refuse another module of the name ``export``: Python takes the first that it finds, such as one in
    the folder that it was started in.
    """
    spec = importlib.util.find_spec("export")
    if spec is None:
        raise InputError("lstm-edge's package export is not installed: install lstm-edge again")
    folders = [*(spec.submodule_search_locations or ())]
    if not any(Path(folder, "bundling.py").is_file() for folder in folders):
        raise InputError(
            f"{spec.origin or folders[0]} hides lstm-edge's own package export: rename it, or run "
            "lstm-edge from another folder"
        )


def require_for_report(folder: Path) -> None:
    """What makes the page, and its place, are asked for before the minutes of work, not after."""
    from lstm_edge.base.extras import require

    placed(folder / "report.html")

    for module in ("jinja2", "matplotlib"):
        require(module, "making the report")


def say_left_out(skipped: Mapping[str, str]) -> None:
    """On standard error: the variants whose runtime is not installed, and what installs it."""
    from lstm_edge.report import tables as report

    for note in report.skipped_notes(skipped):
        say(f"lstm-edge: {note}", err=True)


def exit_code(reports: Iterable[ParityReport], failures: Sequence[str] = ()) -> int:
    """The code to end with, said why; ``failures`` are a run's own, ``reports`` of its variants."""
    from lstm_edge.results import parity

    verdicts = {report.verdict for report in reports}
    ok = verdicts <= {parity.OK}
    if parity.OUTSIDE in verdicts:
        say("lstm-edge: a variant is outside its tolerance", err=True)
    elif not ok:
        say(
            "lstm-edge: nothing is proven, all answers are alike: export with inputs of your own "
            "(--inputs, or --data of texts)",
            err=True,
        )
    for failure in failures:
        say(f"lstm-edge: {with_options(failure, click.get_current_context())}", err=True)
    return DONE if ok and not failures else OUTSIDE


def open_bundle(path: Path) -> Bundle:
    from lstm_edge.bundle.opening import open_bundle

    return open_bundle(path, trusted())


def trusted() -> Sequence[Path] | None:
    """The keys of ``--trusted``; None without."""
    return click.get_current_context().meta.get(_TRUSTED) or None


def refuse(bundle: Bundle, texts: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Refuse options that are of the other kind of bundle: of ``texts``, or of ``arrays``."""
    options = arrays if bundle.takes == "texts" else texts
    either = ("--data", "--inputs", "--targets") if bundle.takes_rows else ()
    if given := [name for name, value in options.items() if value and name not in either]:
        raise InputError(
            f"bundle {bundle.path} takes {bundle.takes}: {', '.join(given)} cannot be used with it; give "
            + ("texts, or --data" if bundle.takes == "texts" else "arrays with --input or --inputs")
        )


def invitation(site: Site) -> Iterator[str]:
    """How to get a page into a browser."""
    from lstm_edge.devices.browser.server import qr_code

    if site.lan_url is not None:
        yield from qr_code(site.lan_url).splitlines()
        yield f"On a device in the same network: {site.lan_url}"
    yield f"On this machine: {site.url}"
    yield "Waiting for a browser; Ctrl-C ends it."
