"""Reading a file while another process appends to it."""

from __future__ import annotations

from pathlib import Path


class GrowingFile:
    """A file that grows, or will."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._rest = b""  # the beginning of a line whose end has not come

    def new_lines(self) -> list[bytes]:
        """Whole lines that have come since the last call; none while there is no file."""
        if not self._path.is_file():
            return []
        with self._path.open("rb") as stream:
            stream.seek(self._position)
            new = stream.read()
        self._position += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        return lines
