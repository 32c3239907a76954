"""The work in a process of its own, so that a library that takes it down leaves one to say so.

Runtimes, converters and readers are C++; a file from elsewhere can make them read where nothing is.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

from lstm_edge.base import in_hand
from lstm_edge.cli.shared import FAILED, INTERRUPTED

_ENDS = tuple(n for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n))
_KERNEL = 0x80  # si_code of what a terminal sends, to both processes at once
_DEATHSIG = 1  # PR_SET_PDEATHSIG
_SAME = 0.5  # seconds in which a signal that was sent to the group comes again, passed on


def begin() -> None:
    """Go on in a child, and end as it ends; only the child comes back from here.

    Before anything heavy is imported, and only where a process can be forked and watched: on Linux,
    with one thread. Elsewhere the work is done here, and a crash ends it without a word.
    """
    if not sys.platform.startswith("linux") or threading.active_count() > 1:
        end_in_order()
        return
    last = in_hand.watched()
    # nohup ignores one, and is to have its way
    ends = {s for n in _ENDS if signal.getsignal(s := signal.Signals[n]) != signal.SIG_IGN}
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ends | {signal.SIGCHLD})
    parent = os.getpid()
    gc.freeze()  # a collection would copy every page that both share
    try:
        child = os.fork()
    except OSError:  # no room for another process
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        end_in_order()
        return
    if child == 0:
        _die_with(parent)
        end_in_order()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    os._exit(_outcome(child, ends, last))  # nothing is to be tidied up here


def _die_with(parent: int) -> None:
    with contextlib.suppress(ImportError, OSError, AttributeError):  # of a Python built without it
        import ctypes

        ctypes.CDLL(None).prctl(_DEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before
        os._exit(1)


def end_in_order() -> None:
    """Treat what stops this process like Ctrl-C: a service's signal, a terminal that is closed.

    Without it nothing is tidied up: browsers, what runs on a device, half of a bundle. Training keeps its
    last whole epoch.
    """
    at = [-_SAME]

    def interrupt(number: int, frame: object) -> None:
        now = time.monotonic()
        if now - at[0] >= _SAME:
            at[0] = now
            raise KeyboardInterrupt

    for name in _ENDS:
        if signal.getsignal(signal.Signals[name]) != signal.SIG_IGN:
            signal.signal(signal.Signals[name], interrupt)


def _outcome(child: int, ends: set[signal.Signals], last: Callable[[], str]) -> int:
    """The exit code of the child; signals that came to this process alone are passed on."""
    interrupted = False
    while True:
        came = signal.sigwaitinfo(ends | {signal.SIGCHLD})
        if came.si_signo != signal.SIGCHLD:
            interrupted = True
            if came.si_code != _KERNEL:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, came.si_signo)
            continue
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
    if not os.WIFSIGNALED(status):
        return os.waitstatus_to_exitcode(status)
    if interrupted and os.WTERMSIG(status) in ends:
        return INTERRUPTED  # it came once more while Python ended, and all was said
    return _say(signal.Signals(os.WTERMSIG(status)), last)


def _say(ended_by: signal.Signals, last: Callable[[], str]) -> int:
    who, _, doing = last().partition("|")
    sentence = f"{who or 'it'} ended by signal {ended_by.name}{doing and f' while {doing}'}"
    if ended_by == signal.SIGKILL:
        sentence += "; the system does that where the memory is used up"
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K\x1b[?25h")  # a progress bar may have hidden the cursor
    sys.stderr.write(f"lstm-edge: {sentence}\n")
    sys.stderr.flush()
    return FAILED
