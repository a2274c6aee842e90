"""Run a command in a terminal of its own, and close that as soon as a text has appeared in it.

Usage: in_terminal.py TEXT COMMAND...

What appeared goes to standard output; ends as the command does. It becomes the leader of a session, as a shell in a
terminal is: when the terminal closes, it hears HUP.
"""

import os
import pty
import sys


def main(text: bytes, command: list[str]) -> int:
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    seen = b""
    while text not in seen:
        try:
            seen += os.read(terminal, 65536)
        except OSError:  # it has ended
            break
    os.close(terminal)
    sys.stdout.buffer.write(seen)
    sys.stdout.flush()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].encode(), sys.argv[2:]))
