"""Which file a library has in hand: another process can say it where the library takes this one down."""

from __future__ import annotations

import mmap
from collections.abc import Callable

_PAGE = 4096
_page: mmap.mmap | None = None
_last: tuple[str, str, object] = ("", "", None)


def watched() -> Callable[[], str]:
    """Begin to note it, here and in processes forked from here. The value tells what was noted last.

    It is ``WHO|DOING FILE``, or "" where nothing was.
    """
    global _page
    page = _page = mmap.mmap(-1, _PAGE)
    return lambda: page[:].partition(b"\0")[0].decode("utf-8", "replace")


def note(who: str, doing: str, path: object) -> None:
    """A library begins with a file: ``note("LiteRT", "running", path)``. Of no effect unless watched."""
    global _last
    if _page is None or (_last[2] is path and _last[:2] == (who, doing)):
        return
    _last = (who, doing, path)
    text = f"{who}|{doing} {path}".encode("utf-8", "replace")[: _PAGE - 1]
    _page[: len(text) + 1] = text + b"\0"
