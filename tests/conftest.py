"""For all tests: generated examples are never timed, as the machine may be busy, and there are few of them.

`make test-all` has many: `--hypothesis-profile=many`.
"""

from hypothesis import settings

settings.register_profile("few", deadline=None, max_examples=25)
settings.register_profile("many", deadline=None, max_examples=250)
settings.load_profile("few")
