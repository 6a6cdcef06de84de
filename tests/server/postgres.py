"""A real PostgreSQL for tests: started once, a new database a call, ended with the tests."""

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
from functools import cache
from glob import glob
from itertools import count
from pathlib import Path

import psycopg

from tests.needs import missing

_numbers = count(1)


def database_url() -> str:
    """Return the address of a new, empty database."""
    folder = _server()
    name = f"vicino_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(host=folder, user="vicino", dbname="postgres", autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    return f"postgresql+psycopg://vicino@/{name}?host={folder}"


@cache
def _server() -> str:
    found = sorted(glob("/usr/lib/postgresql/*/bin/postgres"))
    if not found:
        missing("PostgreSQL")
    programs = Path(found[-1]).parent
    folder = tempfile.mkdtemp(prefix="vicino-pg-")
    # PostgreSQL refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    shutil.chown(folder, user)
    data = f"{folder}/data"
    _run(user, f"{programs}/initdb", "-D", data, "-U", "vicino", "-A", "trust", "-N")
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    _run(
        user, f"{programs}/pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start"
    )

    def stop() -> None:
        _run(user, f"{programs}/pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    return folder


def _run(user: str, *command: str) -> None:
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        user=user if os.geteuid() == 0 else None,
        cwd="/",
    )
