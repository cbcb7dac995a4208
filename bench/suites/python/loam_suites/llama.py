"""
llama.cpp's server tests: `ServerProcess.start` starts `loam serve` in place of `llama-server`, with the flags that both have. The models of its
presets are a tiny Llama with the properties of theirs (`tiny.py`), and MiniLM for those of vectors; its Messages suite asks SmolLM2.
"""

import inspect
import os
import pathlib
import shutil
import sys

from requests.structures import CaseInsensitiveDict

from . import adapters, stubs, tiny
from .server import decoder, encoder, end_all, serve, through_gateway

source = pathlib.Path(os.environ["LOAM_SUITES_SOURCE"])
repository = source / "vendor/llama.cpp"
folder = "tools/server/tests"
# tests that count what a server has done since its start, or what it keeps of earlier prompts
alone = {"test_metrics", "test_sleep", "test_lora", "test_slot_save", "test_speculative"}
numbers = {"count": 0}

thinking = "{%- if enable_thinking is not defined -%}{%- set enable_thinking = VALUE -%}{%- endif -%}"
# templates that llama.cpp's server knows by name
named = {
    "chatml": tiny.chatml,
    "llama3": (
        "{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n{{ message['content'] }}<|eot_id|>{% endfor %}"
        "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
    ),
    "command-r": (
        "{% for message in messages %}<|START_OF_TURN_TOKEN|>"
        "{% if message['role'] == 'system' %}<|SYSTEM_TOKEN|>{% elif message['role'] == 'user' %}<|USER_TOKEN|>{% else %}<|CHATBOT_TOKEN|>{% endif %}"
        "{{ message['content'] }}<|END_OF_TURN_TOKEN|>{% endfor %}"
        "{% if add_generation_prompt %}<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>{% endif %}"
    ),
}


def template_place(server) -> pathlib.Path:
    # as its tests lie there, three folders below the root
    return repository / server.chat_template_file.removeprefix("../../../")


def template_of(server) -> str:
    # the flag --reasoning is what a variable of templates is where no request says it
    thinks = "" if server.reasoning is None else thinking.replace("VALUE", "false" if server.reasoning == "off" else "true")
    if server.chat_template_file:
        return thinks + template_place(server).read_text()
    return thinks + (named.get(server.chat_template, server.chat_template) if server.chat_template else tiny.chatml)


def loam_arguments(server, module: str) -> tuple[list[str], str]:
    name = (server.model_alias or "model").split(",")[0]
    # its server lets pages of any origin call it unless it is told otherwise
    named_as = ["--served-model-name", name, "--any-name", *([] if server.lora_files else ["--cors-origin", "*"])]
    if server.server_host != "127.0.0.1":
        named_as += ["--host", server.server_host]
    off = {"console": server.no_ui, "metrics": not server.server_metrics, "sequences": not server.server_slots}
    named_as += [word for endpoint, is_off in off.items() if is_off for word in ("--disable-endpoint", endpoint)]
    if server.server_embeddings or server.server_reranking:
        pooling = ["--pooling", "none"] if server.pooling == "none" else []
        return [str(encoder), *named_as, *pooling, "--quantize", "exact"], name
    slots = server.n_slots or 1
    # its context is that of all slots together, unless they share one cache
    context = (server.n_ctx or 4096) if server.kv_unified else (server.n_ctx or 4096) // slots
    shared = ["--cache-tokens", str(context)] if server.kv_unified else []
    if module == "test_compat_anthropic":
        args = [str(decoder), *named_as, "--quantize", "int8", "--slots", str(slots), "--context", str(min(max(64, context), 8192)), *shared]
        return [*args, *(["--chat-template", str(template_place(server))] if server.chat_template_file else [])], name
    model = tiny.decoder(template_of(server), server.temperature)
    args = [str(model), *named_as, "--quantize", "int8", "--slots", str(slots), "--context", str(min(max(64, context), 2048)), *shared]
    args += ["--seed", str(server.seed)]
    if server.model_draft:
        args += ["--draft", str(tiny.decoder())]
        if server.spec_draft_n_max:
            args += ["--draft-tokens", str(server.spec_draft_n_max)]
    for number, file in enumerate(server.lora_files or []):
        args += ["--adapter", f"lora-{number}={file}"]
    if server.lora_files:
        args += ["--admin"]
    if server.api_key:
        args += ["--api-key", server.api_key]
    if server.sleep_idle_seconds is not None:
        args += ["--keep-alive", f"{server.sleep_idle_seconds}s"]
    return args, name


def test_module() -> str:
    """Of the test that starts a server."""
    return next((p.stem for f in inspect.stack() if (p := pathlib.Path(f.filename)).stem.startswith("test_")), "")


def start(self, timeout_seconds: int = 0) -> None:
    import utils

    module = test_module()
    args, name = loam_arguments(self, module)
    numbers["count"] += 1
    # a test that asks the address of its first server again, after it was stopped
    port = self.server_port if self.no_ui else 0
    if port:
        end_all()
    served = serve(*args, name=name, key=str(numbers["count"]) if module in alone else "", port=port)
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


def with_key(server, headers):
    """A gateway wants a key of every request; llama.cpp's server of none."""
    return {"Authorization": f"Bearer {server.process.served.key}", **(headers or {})} if through_gateway else headers


def download_file(_url: str, output_file_path: str | None = None) -> str:
    """Adapters and draft models of the hub: one of the tiny model."""
    return adapters.folder(tiny.decoder())


def install() -> None:
    stubs.install({"wget"}, {}, {})


def prepare(work: pathlib.Path) -> None:
    shutil.copytree(repository / folder, work, dirs_exist_ok=True)
    sys.path.insert(0, str(work))
    import utils

    utils.ServerProcess.start = start
    make_request, make_stream_request = utils.ServerProcess.make_request, utils.ServerProcess.make_stream_request

    def request(self, method, path, data=None, headers=None, **kwargs):
        result = make_request(self, method, path, data, with_key(self, headers), **kwargs)
        # names of headers are the same in whatever case
        result.headers = CaseInsensitiveDict(result.headers)
        return result

    def stream_request(self, method, path, data=None, headers=None, **kwargs):
        return make_stream_request(self, method, path, data, with_key(self, headers), **kwargs)

    utils.ServerProcess.make_request, utils.ServerProcess.make_stream_request = request, stream_request
    utils.ServerPreset.load_all = staticmethod(lambda: None)
    utils.download_file = download_file
