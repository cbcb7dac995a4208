"""
A signal ends a run with every process of its group. An exception would not do: pytest counts SystemExit as a failure of the test that runs, and goes on.
"""

import os
import pathlib
import shutil
import signal
import time

# servers end their streams in good order before they are killed
grace_seconds = 20


def others() -> list[int]:
    """Other processes of this group that still run, by /proc; none where there is no /proc: who started the group kills what is left of it."""
    own, group = os.getpid(), os.getpgrp()
    found = []
    for place in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            # behind the name, which may hold spaces: state, parent, group
            state, _, of = (place / "stat").read_text().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(of) == group and int(place.name) != own and state != "Z":
            found.append(int(place.name))
    return found


def stop_on_signals(*places: pathlib.Path) -> None:
    """SIGTERM, SIGINT and SIGHUP end all processes of the group, remove `places`, and end this one with 128 and the signal's number."""
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    # a group of its own: whoever starts this by hand is not ended with it
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)

    def stop(number: int, _frame: object) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)
        until = time.monotonic() + grace_seconds
        while others() and time.monotonic() < until:
            time.sleep(0.05)
        for process in others():
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for place in places:
            shutil.rmtree(place, ignore_errors=True)
        os._exit(128 + number)

    for each in signals:
        signal.signal(each, stop)
