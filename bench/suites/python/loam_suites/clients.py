"""Clients of PyPI against one server of SmolLM2 and MiniLM: the tests are ours, and call what a client offers."""

import os
import pathlib
import shutil
import sys

import pytest

from .server import decoder, encoder, serve

here = pathlib.Path(__file__).resolve().parent.parent / "clients"
chat = "smollm2"
vectors = "all-minilm-l6-v2"


def install() -> None:
    # nothing of a client may reach another host
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "COHERE_API_KEY"):
        os.environ[name] = "none"
    os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"


def prepare(work: pathlib.Path) -> None:
    shutil.copytree(here, work, dirs_exist_ok=True)
    (work / "conftest.py").write_text("from loam_suites.clients import url  # noqa: F401\n")
    sys.path.insert(0, str(work))


def served(*more: str):
    args = (str(decoder), str(encoder), "--served-model-name", chat, "--quantize", "int8", "--context", "4096", "--cache-tokens", "16384", "--grpc", "0")
    return serve(*args, *more, name=chat)


@pytest.fixture(scope="session")
def url() -> str:
    return served().url
