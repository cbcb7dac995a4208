"""vLLM's Grafana dashboards: each of their queries finds a series in a Prometheus that scrapes `loam serve`, also while the model is asleep."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest
import requests
from loam_suites.clients import chat, served

folder = pathlib.Path(os.environ["LOAM_SUITES_VLLM"]) / "examples" / "observability"
# seconds that a dashboard's own variables stand for
window = "40s"
scrape_seconds = 1
found_seconds = 45


def expressions():
    """Every `expr` of every dashboard, in the order of the files."""
    for path in sorted(folder.rglob("*.json")):

        def walk(value):
            if isinstance(value, dict):
                for key, inner in value.items():
                    if key == "expr" and isinstance(inner, str):
                        yield inner
                    else:
                        yield from walk(inner)
            elif isinstance(value, list):
                for inner in value:
                    yield from walk(inner)

        for at, expression in enumerate(walk(json.loads(path.read_text()))):
            yield pytest.param(expression, id=f"{path.stem}-{at}")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Scraped:
    def __init__(self, place: pathlib.Path, *more: str):
        self.loam = served(*more).url
        self.port = free_port()
        config = {
            "global": {"scrape_interval": f"{scrape_seconds}s", "scrape_timeout": "900ms"},
            "scrape_configs": [{"job_name": "loam", "static_configs": [{"targets": [self.loam.removeprefix("http://")]}]}],
        }
        (place / "prometheus.yml").write_text(json.dumps(config))
        self.process = subprocess.Popen(
            [
                *(shutil.which("prometheus") or "prometheus", f"--config.file={place}/prometheus.yml"),
                *(f"--storage.tsdb.path={place}/data", f"--web.listen-address=127.0.0.1:{self.port}"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def work(self) -> None:
        """Requests between scrapes, so that counters rise inside of the window."""
        for _ in range(3):
            body = {"model": chat, "prompt": "The sky is", "max_tokens": 8}
            requests.post(f"{self.loam}/v1/completions", json=body, timeout=120).raise_for_status()
            time.sleep(scrape_seconds)

    def ask(self, query: str) -> list:
        answer = requests.get(f"http://127.0.0.1:{self.port}/api/v1/query", params={"query": query}, timeout=30)
        answer.raise_for_status()
        return answer.json()["data"]["result"]

    def model_name(self) -> str:
        """What the dashboards' variable offers first."""
        until = time.monotonic() + found_seconds
        while time.monotonic() < until:
            try:
                found = self.ask("vllm:generation_tokens_total")
                if found:
                    return found[0]["metric"]["model_name"]
            except requests.RequestException:
                pass
            time.sleep(0.5)
        raise AssertionError("Prometheus has found no vllm:generation_tokens_total")

    def filled(self, expression: str) -> str:
        name = self.model_name()
        for variable in ("$__rate_interval", "$__interval", "$__range"):
            expression = expression.replace(variable, window)
        return expression.replace("$model_name", name).replace("$Deployment_id", name)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)


@pytest.fixture(scope="module")
def awake(tmp_path_factory):
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    scraped = Scraped(tmp_path_factory.mktemp("awake"))
    scraped.work()
    yield scraped
    scraped.close()


@pytest.fixture(scope="module")
def asleep(tmp_path_factory):
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    scraped = Scraped(tmp_path_factory.mktemp("asleep"), "--keep-alive", "2s")
    scraped.work()
    until = time.monotonic() + found_seconds
    while time.monotonic() < until and not scraped.ask(f'loam_model_version_info{{name="{chat}",state="asleep"}}'):
        time.sleep(0.5)
    yield scraped
    scraped.close()


def check(scraped, expression):
    query = scraped.filled(expression)
    until = time.monotonic() + found_seconds
    while not (found := scraped.ask(query)) and time.monotonic() < until:
        time.sleep(scrape_seconds)
    assert found, query


@pytest.mark.parametrize("expression", expressions())
def test_awake(awake, expression):
    check(awake, expression)


@pytest.mark.parametrize("expression", expressions())
def test_asleep(asleep, expression):
    assert asleep.ask(f'loam_model_version_info{{name="{chat}",state="asleep"}}')
    check(asleep, expression)
