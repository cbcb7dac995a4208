"""
llama.cpp's server tests: `ServerProcess.start` starts `loam serve` in place of `llama-server`, with the flags that both have. The models of its
presets are SmolLM2, and MiniLM for those of embeddings.
"""

import os
import pathlib
import shutil
import sys

from . import stubs
from .server import decoder, encoder, serve

source = pathlib.Path(os.environ["LOAM_SUITES_SOURCE"])
folder = "vendor/llama.cpp/tools/server/tests"


def loam_arguments(server) -> tuple[list[str], str]:
    name = server.model_alias or "model"
    name = name.split(",")[0]
    if server.server_embeddings or server.server_reranking or "embed" in name or "bert" in name:
        return [str(encoder), "--served-model-name", name, "--any-name"], name
    slots = server.n_slots or 1
    # llama.cpp's context is that of all slots together, and a model of 260,000 parameters has short words
    context = max(64, (server.n_ctx or 4096) // slots)
    args = [str(decoder), "--served-model-name", name, "--any-name", "--quantize", "int8"]
    return [*args, "--slots", str(slots), "--context", str(min(context, 8192))], name


def start(self, timeout_seconds: int = 0) -> None:
    import utils

    args, name = loam_arguments(self)
    served = serve(*args, name=name)
    self.server_port = served.port
    self.process = Held(served)
    utils.server_instances.add(self)


class Held:
    """In place of the process: the server stays for tests that want the same."""

    def __init__(self, served):
        self.served, self.pid = served, served.processes[0].process.pid
        self.returncode = None

    def terminate(self):
        pass

    kill = terminate

    def wait(self, timeout=None):
        return 0

    def poll(self):
        return self.served.processes[0].process.poll()


def install() -> None:
    stubs.install({"wget"}, {}, {})


def prepare(work: pathlib.Path) -> None:
    shutil.copytree(source / folder, work, dirs_exist_ok=True)
    sys.path.insert(0, str(work))
    import utils

    utils.ServerProcess.start = start
    utils.ServerPreset.load_all = staticmethod(lambda: None)
