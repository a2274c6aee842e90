"""`wva-parse`, or `python -m wva_parse`: what the scripts, the Makefile and people at a terminal call.

Answers go to standard output, talk to standard error. Exit status: 0, 2 for what the caller got
wrong, 1 for what went wrong here, 6 for a missed `summary --check`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import NamedTuple


class Command(NamedTuple):
    """One subcommand: the module whose `main(command, argv)` runs it, imported only when it is called.

    A poll of the collector must not pay for pandas, and a check of a config not for matplotlib.
    """

    module: str
    usage: str
    help: str


COMMANDS = {
    "csv": Command("commands.numbers", "RUN", "write RUN/metrics.csv: the log, in columns"),
    "summary": Command(
        "commands.numbers", "RUN [--json] [--check 'PATH>=X'] [--slo-itl MS] ...", "print what the run showed"
    ),
    "list": Command(
        "commands.listing", "[DIR] [--format json|csv]", "list the runs in experiment-data/, the newest first"
    ),
    "analyze": Command(
        "commands.analyze", "RUN... [--jobs N] [--html] [--slo-itl MS] ...", "execute the matching notebook on each run"
    ),
    "compare": Command(
        "commands.numbers",
        "RUN... [--csv FILE] [--html FILE] [--slo-itl MS] ...",
        "several runs: repeats, figures, modes",
    ),
    "replay": Command(
        "commands.numbers",
        "RUN... [--slo-itl MS] [--profile ...] [--json]",
        "decide again: as it was, or with other values",
    ),
    "plan": Command("plan.text", "CONFIG [--repetition K] [--text]", "print the schedule of an experiment"),
    "series": Command(
        "plan.series", "CONFIG... [--resume]", "print the runs of one or several experiments in their order"
    ),
    "permissions": Command(
        "plan.permissions", "[--roles] NAMESPACE CONTROLLER_NAMESPACE", "print what a run asks of the cluster"
    ),
    "readme": Command("commands.readme", "RUN", "write RUN/README.md: the run on one page"),
    "requests": Command("log.requests", "JOB_LOG OUTPUT.csv", "write the requests that a Job's log tells one by one"),
    "discover": Command(
        "plan.discover", "choose|write DIR", "a config from what a cluster holds (for run-experiment.sh --discover)"
    ),
    "check": Command("plan.config", "CONFIG [--fix]", "validate an experiment's config"),
    "explain": Command("log.explain", "LOG [--unknown]", "print what was understood of a log, line by line"),
    "watch": Command("commands.watch", "RUN", "print each new reconciliation of a run in progress"),
    "collect-merge": Command("watch.collect", "...", "merge a collector's spools into its log (for monitor-wva.sh)"),
}


def usage() -> str:
    lines = ["usage: wva-parse COMMAND ...", ""]
    lines += [f"  {name + ' ' + row.usage:58} {row.help}" for name, row in COMMANDS.items()]
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    """Run one subcommand and return its exit status."""
    if argv and argv[0] in ("-h", "--help"):
        print(usage())
        return 0
    if not argv or argv[0] not in COMMANDS:
        seen = f"unknown command '{argv[0]}'" if argv else "no command given"
        print(f"wva_parse: {seen}\n{usage()}", file=sys.stderr)
        return 2
    module = importlib.import_module(f"wva_parse.{COMMANDS[argv[0]].module}")
    run: Callable[[str, list[str]], int] = module.main
    try:
        return run(argv[0], argv[1:])
    except BrokenPipeError:
        # The reader (`| head`) has gone; nothing is left to say and nobody to hear it.
        sys.stderr.close()
        return 1
    except OSError as error:
        print(f"wva_parse {argv[0]}: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def script() -> int:
    """What `wva-parse` runs, see pyproject.toml."""
    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(script())
