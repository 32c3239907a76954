"""What a library's error says, without what Keras and TensorFlow put around it."""

from __future__ import annotations

import re

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
# What stands around the reason, and the layer that it names.
_FRAMES = tuple(
    re.compile(frame, re.DOTALL)
    for frame in (
        r"Exception encountered when calling (?:layer )?[\"']?(?P<at>[^\"'\s]+?)(?:\.call)?(?:\(\))?"
        r"[\"']?(?: \(type (?P<more>\w+)\))?\.\s+(?P<rest>.*)",
        r"Could not automatically infer .*? of '(?P<at>[^']+)' \(of type (?P<more>\w+)\)\..*?"
        r"Error encountered:\s+(?P<rest>.*)",
        r"Error when deserializing class '(?P<at>[^']+)'.*?Exception encountered: (?P<rest>.*)",
        r".*could not be deserialized properly\..*?Exception encountered: (?P<rest>.*)",
        r"in user code:\n.*\n\s+(?:\w+\.)*\w*(?:Error|Exception): (?P<rest>.*)",
        r"Graph execution error:\s+(?:Detected at node [^\n]*\n(?:(?:[ \t<][^\n]*)?\n)*)*(?P<rest>.*)",
    )
)
_TAILS = re.compile(
    r"(?:^|\n+)(?:Arguments received by |Call arguments received by |Detected at node |Stack trace |"
    r"Original stack trace |Traceback \(most recent call last\)).*|\n?\s*\[Op:[^\]]*\].*",
    re.DOTALL,
)
_NODE = re.compile(
    r" for '\{\{node (?P<at>[^}]*)\}\} = .*?'(?= with |\.|$)|\s*\[\[\{\{node (?P<in>[^}]*)\}\}\]\]"
)
_INSIDE = re.compile(r"\{\{(?:function_)?node [^}]*\}\}\s*|\[\[[^\]]*\]\]")
REASON = 240
"""Characters of a library's reason that are shown."""


def reason_of(error: BaseException) -> str:
    """What a library's error says, as one short sentence.

    Of Keras's and TensorFlow's it is the reason itself and which layer or node it is of, without what
    they put around it: what was called with which arguments, operations, colours of the terminal.
    """
    text = _ANSI.sub("", str(error)).strip()
    layer = ""
    for _ in range(10):  # one in the other
        frame = next(filter(None, (frame.fullmatch(text) for frame in _FRAMES)), None)
        if frame is None:
            break
        names = frame.groupdict()
        if names.get("at"):
            layer = f"{names['at']} ({names['more']})" if names.get("more") else names["at"]
        text = frame["rest"].strip()
    text = _TAILS.sub("", text)
    text = _NODE.sub(lambda node: f" in {node['at'] or node['in']}", text)
    text = " ".join(_INSIDE.sub("", text).split()) or type(error).__name__
    if layer:
        text = f"{layer}: {text}"
    if len(text) > REASON:
        text = text[:REASON].rsplit(" ", 1)[0] + " …"
    return text.rstrip(".")
