"""`loam serve` and `loam gateway` as processes that tests start, share and reuse."""

import atexit
import json
import os
import pathlib
import queue
import subprocess
import tempfile
import threading
import urllib.request

loam = [os.environ["LOAM_NODE"], os.environ["LOAM_PROGRAM"]]
models = pathlib.Path(os.environ["LOAM_MODELS"])
decoder = next(iter(sorted((models / "smollm2-135m-instruct").glob("*.gguf"))))
encoder = models / "all-minilm-l6-v2"
through_gateway = os.environ.get("LOAM_SUITES_GATEWAY") == "1"
# on a busy machine a start of six seconds takes minutes
ready_seconds = 900

class Process:
    """A server that says its address in its first events."""

    def __init__(self, args: list[str], cwd: str, environment: dict[str, str] | None = None):
        self.log = tempfile.NamedTemporaryFile("w+", prefix="loam-suite-", suffix=".log", delete=False)
        self.process = subprocess.Popen(
            [*loam, *args],
            stdout=subprocess.PIPE,
            stderr=self.log,
            cwd=cwd,
            text=True,
            env={**os.environ, "NO_COLOR": "1", "LOAM_HOME": cwd, **(environment or {})},
        )
        self.lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def event(self, name: str) -> dict:
        while True:
            line = self.lines.get(timeout=ready_seconds)
            if line is None:
                self.log.flush()
                said = pathlib.Path(self.log.name).read_text()[-2000:]
                raise RuntimeError(f"loam ended before it said {name}: {said}")
            told = json.loads(line)
            if told.get("event") == name:
                return told

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


class Served:
    """One or two processes: a server, and a gateway before it where that is asked for."""

    def __init__(self, args: tuple[str, ...], name: str, port: int = 0):
        self.folder = tempfile.mkdtemp(prefix="loam-suite-")
        self.processes = [Process(["serve", *args, "--port", str(port), "--json"], self.folder)]
        self.key = "token-abc123"
        try:
            told = self.processes[0].event("serving")
            self.url, self.grpc = told["url"], told.get("grpc")
            if through_gateway:
                self._gateway(name)
        except BaseException:
            self.close()
            raise

    def _gateway(self, name: str) -> None:
        place = pathlib.Path(self.folder)
        (place / "gateway.yaml").write_text(
            json.dumps(
                {
                    "upstreams": {"local": {"url": f"{self.url}/v1", "reasoning": "vllm"}},
                    # llama.cpp's tests name the model as they like
                    "models": {n: {"targets": [{"upstream": "local", "model": name}]} for n in {name, "test"}},
                    "access": {
                        "principals": {"users": {"ann": {"roles": ["admin"]}}},
                        "policies": [{"id": "everybody", "effect": "allow"}],
                    },
                }
            )
        )
        made = subprocess.run(
            [*loam, "gateway", "keys", "create", "suite", "--subject", "ann", "--json"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=True,
        )
        self.key = json.loads(made.stdout)["secret"]
        gateway = Process(["gateway", "--port", "0", "--json"], self.folder)
        self.processes.append(gateway)
        self.url = gateway.event("serving")["url"]

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @property
    def is_running(self) -> bool:
        return all(p.process.poll() is None for p in self.processes)

    def close(self) -> None:
        for process in reversed(self.processes):
            process.close()


_kept: dict[tuple[str, ...], Served] = {}
_most = 2


def serve(*args: str, name: str, key: str = "", port: int = 0, is_fresh: bool = False) -> Served:
    """
    A server of these arguments (and key) that already runs, or a new one (at `port`; 0: any); the one that was used least recently ends. A fresh one has
    answered nothing.
    """
    kept = (*args, key)
    server = _kept.pop(kept, None)
    if server is not None and (is_fresh or not server.is_running):
        server.close()
        server = None
    if server is None:
        while len(_kept) >= _most:
            _kept.pop(next(iter(_kept))).close()
        server = Served(args, name, port)
    _kept[kept] = server
    return server


def end_all() -> None:
    while _kept:
        _kept.popitem()[1].close()


atexit.register(end_all)


def is_alive(url: str) -> bool:
    with urllib.request.urlopen(f"{url}/healthz", timeout=10) as answer:
        return answer.status == 200
