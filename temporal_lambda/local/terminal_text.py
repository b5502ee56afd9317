"""Text that a terminal shows and does not obey."""

from __future__ import annotations


def printable(text: str) -> str:
    """Replace what a terminal would obey.

    Control characters, which could move the cursor or set the window's title, and those that turn
    the direction of writing are shown by their escape sequences.

    Args:
        text: What a function printed, for instance; line feeds in it remain.

    Returns:
        The text with such characters replaced.

    Example:
        >>> printable("\\x1b]0;mine\\x07 done")
        '\\\\x1b]0;mine\\\\x07 done'
    """
    return text.translate(_ESCAPES)


def printable_line(text: str) -> str:
    """A line of a function's log, or a cell of a table: as ``printable``, and on one line.

    Example:
        >>> printable_line("a\\tb\\nc")
        'a b c'
    """
    # The runtime client indents tracebacks with no-break spaces.
    return printable(text.replace("\N{NO-BREAK SPACE}", " ").expandtabs(2)).replace("\n", " ")


_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0xD800, 0xE000)]
_DIRECTIONS = [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_ESCAPES = {
    code: ascii(chr(code))[1:-1] for code in (*_CONTROLS, *_DIRECTIONS) if chr(code) != "\n"
}
"""Control characters, line separators, lone surrogates, and Unicode's Bidi_Control."""
