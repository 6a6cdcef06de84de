"""A server one of whose threads ends by an error, once its pages are served.

python -m tests.server.failing SETTINGS_FILE METHOD_OF_THE_THREAD
"""

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from server import settings
from server.app import Server
from server.commands import init


class Failing(Server):
    """The real server; the chosen thread fails instead of doing its work."""

    def fail(self) -> None:
        while not self._web.started:
            time.sleep(0.05)
        print("fails", flush=True)
        raise RuntimeError("on purpose")


if __name__ == "__main__":
    chosen = settings.load(Path(sys.argv[1]), os.environ)
    init.prepare(chosen, datetime.now(UTC))
    setattr(Failing, sys.argv[2], Failing.fail)
    sys.exit(Failing(chosen).run())
