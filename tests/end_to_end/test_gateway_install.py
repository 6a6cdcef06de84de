"""The gateway as a home gets it: from its lock file with hashes, and nothing of the server's."""

import json
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes
ROOT = Path(__file__).resolve().parents[2]
SERVERS = (
    *("alembic", "argon2", "babel", "bumble", "cryptography", "fastapi", "influxdb_client"),
    *("jinja2", "numpy", "psycopg", "sqlalchemy", "sse_starlette", "tqdm", "uvicorn"),
)
# Imports all of the gateway but the Bumble radio, which is an extra of its own.
IMPORT_ALL = """
import importlib, importlib.util, pkgutil, sys
import contract, gateway
for package in (contract, gateway):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not found.name.startswith("gateway.ble.hci") and not found.name.endswith("__main__"):
            importlib.import_module(found.name)
print(*(name for name in sys.argv[1:] if importlib.util.find_spec(name)))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """The programs' folder of a fresh environment with the gateway alone."""
    folder = tmp_path_factory.mktemp("home")
    wheels = folder / "wheels"
    pack = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT))
    pip(Path(sys.executable), *pack)
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    locked = str(ROOT / "requirements" / "gateway.txt")
    pip(python, "install", "--require-hashes", "--only-binary", ":all:", "-r", locked)
    (wheel,) = wheels.glob("vicino-*.whl")
    pip(python, "install", "--no-deps", str(wheel))
    pip(python, "check")
    return python.parent


def pip(python: Path, *words: str) -> None:
    quiet = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    done = subprocess.run(
        [*quiet, *words], capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr


def said(home: Path, *command: str) -> str:
    # Somewhere else than here: this checkout must not be imported instead.
    return subprocess.run(
        [str(home / command[0]), *command[1:]],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=home,
    ).stdout


def test_all_of_it_imports_and_no_library_of_the_server_is_there(home):
    assert said(home, "python", "-c", IMPORT_ALL, *SERVERS).split() == []


def test_it_says_what_it_can_do(home):
    assert "run" in said(home, "vicino-gateway", "--help")


def test_it_decodes_published_examples(home):
    vectors = tomllib.loads((ROOT / "tests" / "vectors" / "decode.toml").read_text())["vector"]
    for vector in [one for one in vectors if "json" in one][:3]:
        printed = said(home, "vicino-gateway", "decode", vector["uuid"], vector["hex"])
        assert json.loads(printed) == json.loads(vector["json"]), vector["source"]
