"""
vLLM's tests: `tests.utils` and `tests.conftest` in its tree are replaced by modules that import this one. `RemoteOpenAIServer` starts or reuses
`loam serve` under the name of the model that a test asks for; what it serves is SmolLM2, or MiniLM for the tests of pooling.
"""

import functools
import inspect
import json
import os
import pathlib
import shutil
import sys
import tempfile

import pytest

from . import adapters, numbers, stubs
from .reference import Reference
from .server import decoder, encoder, serve
from .tokenizer import decoder_tokenizer, encoder_tokenizer

source = pathlib.Path(os.environ["LOAM_SUITES_SOURCE"])
most_context = 8192
most_sequences = 4


def is_pooling() -> bool:
    """Whether the test that asks lies among those of pooling."""
    return any("/pooling/" in frame.filename for frame in inspect.stack())


def counts_from_start() -> bool:
    """Whether the test that asks reads counters of a server that nobody has asked before."""
    return any(frame.filename.endswith("/test_metrics.py") for frame in inspect.stack())


class RemoteOpenAIServer:
    DUMMY_API_KEY = "token-abc123"

    def __init__(self, model: str, vllm_serve_args: list[str], *, env_dict=None, seed=0, auto_port=True, max_wait_seconds=None, **_):
        args, name = loam_arguments(model, vllm_serve_args, is_pooling())
        if key := (env_dict or {}).get("VLLM_API_KEY"):
            args += ["--api-key", key]
        self.server = serve(*args, name=name, is_fresh=counts_from_start())
        self.host, self.port = "127.0.0.1", self.server.port
        self.uds, self.show_hidden_metrics = None, False
        self.proc = self.server.processes[0].process

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    @property
    def url_root(self) -> str:
        return self.server.url

    def url_for(self, *parts: str) -> str:
        return self.url_root + "/" + "/".join(part.lstrip("/") for part in parts)

    def get_client(self, **kwargs):
        import openai

        kwargs.setdefault("timeout", 600)
        return openai.OpenAI(base_url=self.url_for("v1"), api_key=self.server.key, max_retries=0, **kwargs)

    def get_async_client(self, **kwargs):
        import openai

        kwargs.setdefault("timeout", 600)
        return openai.AsyncOpenAI(base_url=self.url_for("v1"), api_key=self.server.key, max_retries=0, **kwargs)

    def get_client_anthropic(self, **kwargs):
        import anthropic

        kwargs.setdefault("timeout", 600)
        return anthropic.Anthropic(base_url=self.url_for(), api_key=self.server.key, max_retries=0, **kwargs)

    def get_async_client_anthropic(self, **kwargs):
        import anthropic

        kwargs.setdefault("timeout", 600)
        return anthropic.AsyncAnthropic(base_url=self.url_for(), api_key=self.server.key, max_retries=0, **kwargs)


def loam_arguments(model: str, given: list[str], pooling: bool) -> tuple[list[str], str]:
    """vLLM's flags as those of `loam serve`. What has none (a type of numbers, a parser's name) changes nothing that a test could see."""
    asked, context, name, loras, same, template, overrides = 2048, 2048, model, [], [], None, "{}"
    words = [part for word in given for part in (word.split("=", 1) if word.startswith("--") and "=" in word else [word])]
    for at, word in enumerate(words):
        after = words[at + 1 :]
        if word == "--max-model-len":
            asked = int(after[0])
            # two rooms are enough, and a start takes seconds
            context = 2048 if asked <= 2048 else most_context
        elif word == "--chat-template":
            template = after[0]
        elif word == "--served-model-name":
            name = after[0]
        elif word in ("--return-tokens-as-token-ids", "--enable-force-include-usage", "--enable-per-request-metrics"):
            same.append(word)
        elif word == "--root-path":
            same += [word, after[0]]
        elif word == "--max-logprobs":
            same += [word, after[0]]
        elif word == "--hf_overrides":
            overrides = after[0]
        elif word == "--lora-modules":
            for one in after:
                if one.startswith("--"):
                    break
                loras.append(one.split("=")[0] if not one.startswith("{") else json.loads(one)["name"])
    # a flag whose values were split at "=" gives names and folders in turn
    loras = [n for n in loras if not n.startswith("/")]
    if pooling:
        args = [encoder_with(overrides), "--served-model-name", name, "--quantize", "exact", "--context", str(asked)]
        return [*args, *(["--chat-template", template_file(template)] if template else [])], name
    args = [str(decoder), "--served-model-name", name, "--quantize", "int8", "--context", str(context)]
    args += ["--slots", str(most_sequences), "--cache-tokens", str(max(2 * context, 8192))]
    args += same
    for lora in loras:
        args += ["--adapter", f"{lora}={adapters.folder()}"]
    return args, name


@functools.cache
def encoder_with(overrides: str) -> str:
    """The encoder's folder; a copy of it where keys of its config.json are set."""
    keys = json.loads(overrides)
    if not keys:
        return str(encoder)
    place = pathlib.Path(tempfile.mkdtemp(prefix="loam-suite-encoder-")) / encoder.name
    shutil.copytree(encoder, place)
    config = place / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **keys}))
    return str(place)


@functools.cache
def template_file(template: str) -> str:
    """A template as a file; the same one for the same text, so that servers are reused."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="loam-suite-template-")) / "chat.jinja"
    place.write_text(template)
    return str(place)


class Hub:
    """Of the hub's interface, what tests download adapters with."""

    def snapshot_download(self, *_args, **_kwargs) -> str:
        return adapters.folder()


class Platform:
    """No accelerator of any kind."""

    def __getattr__(self, name: str):
        if name.startswith("is_"):
            return lambda *_: False
        raise AttributeError(name)


class Environment:
    """vLLM's variables, of which a test asks for one: the server under test is no Rust program of vLLM's."""

    VLLM_USE_RUST_FRONTEND = False

    def __getattr__(self, name: str):
        return stubs.child("vllm.envs", name)


class ModelConfig:
    """Of vLLM's, what a test asks for: how many tokens the served model has."""

    def __init__(self, *_args, **_kwargs):
        pass

    def get_vocab_size(self) -> int:
        return len(decoder_tokenizer())


def get_tokenizer(*args, **kwargs):
    return encoder_tokenizer() if is_pooling() else decoder_tokenizer()


class AutoTokenizer:
    from_pretrained = staticmethod(get_tokenizer)


def get_open_port() -> int:
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def loam_version() -> str:
    package = pathlib.Path(__file__).resolve().parents[4] / "package.json"
    return json.loads(package.read_text())["version"]


given = {
    "torch": {},
    "vllm.tokenizers": {"get_tokenizer": get_tokenizer},
    "vllm.transformers_utils.repo_utils": {"hf_api": Hub},
    "vllm.platforms": {"current_platform": Platform()},
    "vllm.config": {"ModelConfig": ModelConfig},
    # of the program whose server is tested
    "vllm.version": {"__version__": loam_version(), "_prev_minor_version": lambda: "0.32"},
    "vllm": {"__version__": "0.33.0", "envs": Environment()},
    "vllm.utils.network_utils": {"get_open_port": get_open_port},
    "vllm.utils": {"random_uuid": lambda: "0"},
    "vllm.logger": {"init_logger": __import__("logging").getLogger},
}
# the forms of answers, which tests read answers with, and how vectors are packed
read = [
    "vllm.utils.serial_utils",
    "vllm.entrypoints.serve.engine.protocol",
    "vllm.entrypoints.pooling.utils",
    "vllm.entrypoints.pooling.base.protocol",
    "vllm.entrypoints.pooling.embed.protocol",
    "vllm.entrypoints.pooling.pooling.protocol",
    "vllm.entrypoints.pooling.scoring.protocol",
    "vllm.entrypoints.pooling.classify.protocol",
    "vllm.entrypoints.pooling.token_embed.protocol",
]


def install() -> None:
    import transformers

    # what it finds installed it looks for once, before stubs stand there
    decoder_tokenizer()
    encoder_tokenizer()
    numbers.install()
    sources = {name: source / f"{name.replace('.', '/')}.py" for name in read}
    roots = {"vllm", "torch", "fastapi", "mteb", "cv2", "librosa", "soundfile", "openai_harmony", "PIL", "mcp", "mistral_common", "msgspec", "cloudpickle", "starlette"}
    stubs.install(roots, given, {n: p for n, p in sources.items() if p.exists()})
    transformers.AutoTokenizer = AutoTokenizer


def utils_name(name: str):
    """Of `tests.utils`, what is not here: marks that skip a test, and stubs."""
    if name.startswith(("pytest", "collect_ignore", "__")):
        raise AttributeError(name)
    if name in ("multi_gpu_only", "requires_fp8", "large_gpu_mark", "multi_gpu_test", "create_new_process_for_each_test", "single_gpu_only"):
        mark = pytest.mark.skip(reason=f"needs {name}")
        return mark if name in ("multi_gpu_only", "requires_fp8", "single_gpu_only") else lambda *_a, **_k: mark
    if name in ("ROCM_EXTRA_ARGS",):
        return []
    if name in ("ROCM_ENGINE_KWARGS",):
        return {}
    if name == "VLLM_PATH":
        return source
    return stubs.child("tests.utils", name)


@pytest.fixture(scope="session")
def hf_runner():
    return Reference


@pytest.fixture(scope="session")
def local_asset_server():
    """Of pictures and sounds, which tests of text only name."""


def prepare(work: pathlib.Path) -> None:
    """The tests' tree with start-up modules of our own."""
    tests = work / "tests"
    shutil.copytree(source / "tests", tests)
    (tests / "__init__.py").touch()
    for folder in {p.parent for p in tests.rglob("*.py")}:
        # packages, as their relative imports want it
        for place in (folder, *folder.parents):
            if place == work:
                break
            (place / "__init__.py").touch()
    (tests / "utils.py").write_text("from loam_suites.vllm import RemoteOpenAIServer, utils_name as __getattr__\n")
    (tests / "conftest.py").write_text(
        "from loam_suites.reference import Reference as HfRunner\n"
        "from loam_suites.vllm import hf_runner, local_asset_server, utils_name as __getattr__\n"
    )
    # vLLM's variables of its own CI, of which none is set, and its list of models, which no test of a server looks at
    (tests / "ci_envs.py").write_text("def __getattr__(name):\n    return None\n")
    (tests / "models" / "registry.py").write_text("HF_EXAMPLE_MODELS = {}\n")
    sys.path.insert(0, str(work))
