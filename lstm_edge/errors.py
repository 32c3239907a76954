"""Every error that this project raises on purpose: what came, what was expected, what to do.

- LstmEdgeError
  - InputError
    - RefusalError
  - BundleError
  - UnsupportedModelError
  - ConversionError
  - NotInstalledError
    - MissingProgramError
    - MissingExtraError
"""

from __future__ import annotations

from collections.abc import Sequence

LONGEST = 1000
"""Characters of a sentence: names, paths and values of files from elsewhere stand in it."""
_MOST = 30
"""Obstacles that a message lists."""


def _sentence(text: str) -> str:
    """Its beginning says what came, its end what was expected; what is too long is between them."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 400]} … {text[-390:]}"


class LstmEdgeError(Exception):
    """Base of them all. The command line prints the message and exits with code 2."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(_sentence(a) if isinstance(a, str) else a for a in arguments))


class InputError(LstmEdgeError):
    """A file, a text, an option or ids that cannot be used."""


class RefusalError(InputError):
    """A runtime fails on inputs that fit the model one by one, but not together."""


class BundleError(LstmEdgeError):
    """A bundle that is incomplete, changed, or written by a newer version."""


class UnsupportedModelError(LstmEdgeError):
    """A model that cannot be loaded, or that the lowering cannot take.

    ``obstacles`` holds one sentence for each thing in the way, all found in one pass.
    """

    def __init__(self, source: str, obstacles: Sequence[str], done: str = "exported") -> None:
        self.obstacles = tuple(map(_sentence, obstacles))
        listed = "; ".join(self.obstacles[:_MOST])
        more = len(self.obstacles) - _MOST
        Exception.__init__(
            self,
            f"{_sentence(source)} cannot be {done}: {listed}"
            + (f"; and {more} more" if more > 0 else ""),
        )


class ConversionError(LstmEdgeError):
    """A converter failed; its own output is in ``log`` where one was kept."""


class NotInstalledError(LstmEdgeError):
    """Something that a file needs to run is not there; ``needs`` names it."""

    needs: str


class MissingProgramError(NotInstalledError):
    """A program is not on the path."""

    def __init__(self, program: str, purpose: str) -> None:
        self.needs = program
        super().__init__(f"{purpose} needs the program {program}, which is not installed")


class MissingExtraError(NotInstalledError):
    """A package that an optional extra installs is not there; ``command`` installs it."""

    def __init__(self, package: str, extra: str, purpose: str, command: str) -> None:
        self.package = self.needs = package
        self.extra = extra
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed: {command}"
        )
