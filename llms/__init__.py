"""An OpenAI-compatible gateway: one URL, one key and one record per call, for every provider."""

import sys

__version__ = "0.1.0"

if sys.version_info < (3, 11):  # noqa: UP036 - pip would have said so; whoever runs a checkout gets a line, no traceback
    sys.exit("llms: Python %d.%d is too old; 3.11 or newer is needed" % sys.version_info[:2])  # noqa: UP031
