"""One block of text that is drawn anew in place, below whatever else is written to the terminal.

The cursor rests at the block's beginning. Another process that first clears what is below the cursor (`ESC [ J`)
can so write a line of its own, and the block follows it at the next drawing: the runner's log does that.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TextIO

CLEAR_BELOW = "\x1b[J"


def width(size: os.terminal_size) -> int:
    """Characters of a line: the last column stays free, as a terminal moves on when it is filled."""
    return size.columns - 1


def draw(lines: Sequence[str], stream: TextIO, size: os.terminal_size) -> None:
    """Draw a block where the cursor is; what does not fit on the screen is left out."""
    # The last line stays free as well.
    fitting = [line[: width(size)] for line in lines[: size.lines - 1]]
    up = f"\x1b[{len(fitting)}A" if fitting else ""
    # In one piece, so that no other process can write between.
    stream.write("\r" + CLEAR_BELOW + "".join(f"{line}\r\n" for line in fitting) + up)
    stream.flush()


def leave(lines: Sequence[str], stream: TextIO, size: os.terminal_size) -> None:
    """Draw it a last time, with the cursor below it."""
    stream.write("\r" + CLEAR_BELOW + "".join(f"{line[: width(size)]}\n" for line in lines))
    stream.flush()
