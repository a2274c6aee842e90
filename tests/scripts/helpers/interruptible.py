"""Run a command that hears Ctrl-C, as in a terminal; what a shell starts with `&` without job control does not.

Usage: interruptible.py COMMAND...
"""

import os
import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
