"""The loop that sends, in a process that is killed between a letter and its record.

python -m tests.server.messaging.dying DATABASE_URL SMTP_PORT NOW_MS
"""

import os
import signal
import sys
import threading

from server.messaging.delivery import Delivery
from server.services.delivering import Letter, Post
from server.stores.database import Database
from tests.server.messaging.conftest import post_to


class KilledAfterSending:
    """A real post; the first letter that was taken is the process's last act."""

    def __init__(self, post: Post) -> None:
        self._post = post

    def send(self, letter: Letter) -> str | None:
        assert self._post.send(letter) is None
        os.kill(os.getpid(), signal.SIGKILL)
        return None


if __name__ == "__main__":
    now = int(sys.argv[3])
    post = KilledAfterSending(post_to(int(sys.argv[2])))
    Delivery(Database(sys.argv[1]), post, lambda: now, lambda: 0.0).run(threading.Event())
