"""
Runs one suite: `python -m loam_suites '{"kind": "vllm", "paths": [...], "args": [...]}'`, with its sources in LOAM_SUITES_SOURCE. Rows of
LOAM_SUITES_REPORT say how each test ended.
"""

import importlib
import json
import os
import pathlib
import sys
import tempfile

import pytest

from .stop import stop_on_signals

stop_on_signals()
wanted = json.loads(sys.argv[1])
kind = importlib.import_module(f"loam_suites.{wanted['kind']}")
with tempfile.TemporaryDirectory(prefix="loam-suite-") as place:
    stop_on_signals(pathlib.Path(place))
    work = pathlib.Path(place) / "work"
    work.mkdir()
    kind.install()
    kind.prepare(work)
    os.chdir(work)
    (work / "pytest.ini").write_text("[pytest]\nmarkers =\n  slow: takes long\n  serial: alone\n")
    code = pytest.main(
        [
            *("-p", "loam_suites.report", "-p", "no:cacheprovider", "-c", str(work / "pytest.ini"), "--rootdir", str(work)),
            *("-q", "--tb=short", "--continue-on-collection-errors", "-W", "ignore", "--timeout", str(wanted.get("timeout", 1800)), *wanted.get("args", [])),
            *wanted["paths"],
        ]
    )
    importlib.import_module("loam_suites.server").end_all()
sys.exit(0 if code in (0, 1) else int(code))
