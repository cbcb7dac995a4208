"""Fetches the pinned source distributions of sources.json from the Python package index and makes the environment of requirements.txt.

    python3 prepare.py FOLDER

FOLDER then has sources/NAME-VERSION and venv. Only the parts that sources.json names are unpacked. Standard library only.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.parse
import urllib.request

here = pathlib.Path(__file__).resolve().parent
index = os.environ.get("LOAM_PYPI", "https://pypi.org").rstrip("/")


def plain(name: str) -> str:
    """Names of packages and files are the same whatever separates their parts."""
    return re.sub("[-_.]+", "-", name).lower()


def read(url: str, accept: str = "*/*") -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept}), timeout=180) as answer:
        return answer.read()


def fetch(name: str, version: str, digest: str) -> bytes:
    """The source distribution, after its SHA-256 was compared. The index is asked as pip asks it (PEP 691), so mirrors answer, too."""
    page = f"{index}/simple/{plain(name)}/"
    files = json.loads(read(page, "application/vnd.pypi.simple.v1+json"))["files"]
    found = [f["url"] for f in files if plain(f["filename"]) == plain(f"{name}-{version}.tar.gz")]
    if not found:
        raise SystemExit(f"{name} {version}: expected a source distribution on {page}, found none of this version.")
    # a mirror may name its files relative to its page
    content = read(urllib.parse.urljoin(page, found[0]))
    got = hashlib.sha256(content).hexdigest()
    if got != digest:
        raise SystemExit(f"{name} {version}: expected SHA-256 {digest}, got {got}. sources.json pins another file than the index has.")
    return content


def unpack(archive: pathlib.Path, into: pathlib.Path, parts: list[str]) -> None:
    """The named folders and files below the archive's only folder."""
    with tarfile.open(archive) as tar:
        for member in tar:
            path = member.name.split("/", 1)[1] if "/" in member.name else ""
            if not member.isfile() or ".." in path.split("/"):
                continue
            if not any(path == part or path.startswith(f"{part}/") for part in parts):
                continue
            target = into / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with tar.extractfile(member) as source, open(target, "wb") as out:
                shutil.copyfileobj(source, out)


def main(folder: str) -> None:
    into = pathlib.Path(folder)
    for name, pin in json.loads((here.parent / "sources.json").read_text()).items():
        place = into / "sources" / f"{name}-{pin['version']}"
        if place.exists():
            continue
        print(f"fetching {name} {pin['version']}", file=sys.stderr, flush=True)
        part = into / f"{name}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        archive = part / "sdist.tar.gz"
        archive.write_bytes(fetch(name, pin["version"], pin["sha256"]))
        unpack(archive, part / "unpacked", pin["parts"])
        place.parent.mkdir(parents=True, exist_ok=True)
        (part / "unpacked").rename(place)
        shutil.rmtree(part)
    venv = into / "venv"
    wanted = (here.parent / "requirements.txt").read_text()
    known = venv / "requirements.txt"
    if known.exists() and known.read_text() == wanted:
        return
    print("making a Python environment for the suites", file=sys.stderr, flush=True)
    if not (venv / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", str(here.parent / "requirements.txt")], check=True, stdout=sys.stderr)
    known.write_text(wanted)


if __name__ == "__main__":
    main(sys.argv[1])
