"""A pytest plugin that writes one row a test: its id, how it ended, why, and its seconds. Tests that LOAM_SUITES_EXCLUDED names are not run."""

import json
import os
import re


class Report:
    def __init__(self, excluded: dict[str, str]):
        self.rows: dict[str, dict] = {}
        self.excluded = excluded

    def pytest_collection_modifyitems(self, config, items):
        kept, left_out = [], []
        for item in items:
            reason = self._reason(item.nodeid)
            if reason is None:
                kept.append(item)
            else:
                left_out.append(item)
                self._row(item.nodeid, "excluded", reason, 0.0)
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = kept

    def _reason(self, node: str) -> str | None:
        """Of the test itself, of its function or of its file."""
        return next((self.excluded[k] for k in (node, node.split("[")[0], node.split("::")[0]) if k in self.excluded), None)

    def pytest_collectreport(self, report):
        if report.failed:
            self._row(report.nodeid, "failed", "collection: " + last_line(report), 0.0)
        elif report.skipped and report.nodeid.endswith(".py"):
            self._row(report.nodeid, "excluded", skip_reason(report), 0.0)

    def pytest_runtest_logreport(self, report):
        before = self.rows.get(report.nodeid)
        seconds = (before or {}).get("seconds", 0.0) + report.duration
        if report.skipped:
            # an expected failure of the suite's own list is theirs, and counts as excluded
            outcome, reason = "excluded", skip_reason(report)
        elif report.failed:
            outcome = "failed"
            reason = last_line(report) if report.when == "call" else f"{report.when}: {last_line(report)}"
        else:
            outcome, reason = "passed", ""
        if before is not None and before["outcome"] != "passed":
            before["seconds"] = seconds
            return
        self._row(report.nodeid, outcome, reason, seconds)

    def _row(self, node, outcome, reason, seconds):
        self.rows[node] = {"id": node, "outcome": outcome, "reason": clean(reason), "seconds": round(seconds, 3)}

    def pytest_sessionfinish(self):
        with open(os.environ["LOAM_SUITES_REPORT"], "w") as out:
            json.dump(list(self.rows.values()), out, indent=1)


def skip_reason(report) -> str:
    longrepr = report.longrepr
    return str(longrepr[2] if isinstance(longrepr, tuple) else longrepr).removeprefix("Skipped: ")


def last_line(report) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    return text


def clean(text: str) -> str:
    """Ports and paths change from run to run."""
    return re.sub(r"127\.0\.0\.1:\d+", "HOST", " ".join(text.split()))[:600]


def pytest_configure(config):
    excluded = json.loads(os.environ.get("LOAM_SUITES_EXCLUDED", "{}"))
    config.pluginmanager.register(Report(excluded), "loam-report")
