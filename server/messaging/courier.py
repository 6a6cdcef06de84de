"""Sends one letter in a process of its own, which can be ended whatever a receiver does to it.

python -m server.messaging.courier: one JSON object on standard input, and on standard output one
JSON text saying why it was not sent, or null. Secrets come by standard input only. The process
ends itself too late rather than never, should nobody be left to end it.
"""

import json
import logging
import signal
import smtplib
import ssl
import sys
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any, Final

# One try, from connecting to the last answer; a single silence within it is shorter.
TRY_SECONDS: Final = 10
_SILENCE_SECONDS: Final = 8


def email(job: dict[str, Any]) -> None:
    """Send by SMTP. Raises ``OSError`` (as every error of smtplib is) when it was not taken."""
    smtp = job["smtp"]
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = job["subject"], smtp["sender"], job["to"]
    message["Date"] = formatdate()
    # The same letter sent again has the same id: mail programs show it once.
    message["Message-ID"] = f"<{job['key']}@{smtp['sender'].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(job["text"])
    client = _connected(smtp)
    try:
        client.send_message(message)
    finally:
        client.close()  # without a goodbye: what it answered to that would change nothing


def _connected(smtp: dict[str, Any]) -> smtplib.SMTP:
    trusted = ssl.create_default_context()
    host, port = smtp["host"], smtp["port"]
    if smtp["tls"] == "tls":
        client: smtplib.SMTP = smtplib.SMTP_SSL(
            host, port, timeout=_SILENCE_SECONDS, context=trusted
        )
    else:
        client = smtplib.SMTP(host, port, timeout=_SILENCE_SECONDS)
    if smtp["tls"] == "starttls":
        client.starttls(context=trusted)
    if smtp["user"] is not None:
        client.login(smtp["user"], smtp["password"])
    return client


def service(job: dict[str, Any]) -> None:
    """Send by Apprise. Raises ``OSError`` with its last complaint when it was not taken."""
    # Loading it takes longer than sending an e-mail.
    from apprise import Apprise, AppriseAsset, LogCapture

    asset = AppriseAsset(
        app_id="Vicino", app_desc="Vicino", app_url="", image_url_mask="", image_url_logo=""
    )
    with LogCapture(level=logging.WARNING, fmt="%(message)s") as complaints:
        plugin = Apprise.instantiate(job["to"], asset=asset)
        if plugin is None:
            raise OSError("not an address that Apprise can use")
        if not plugin.notify(body=job["text"], title=job["subject"]):
            lines = complaints.getvalue().split("\n")
            raise OSError(next((line for line in reversed(lines) if line.strip()), "not taken"))


def main() -> None:
    """Send what standard input says, and say on standard output what came of it."""
    signal.alarm(TRY_SECONDS + 1)
    job = json.load(sys.stdin)
    try:
        (email if job["kind"] == "email" else service)(job)
    except OSError as error:
        json.dump(str(error) or type(error).__name__, sys.stdout)
    else:
        json.dump(None, sys.stdout)


if __name__ == "__main__":
    main()
