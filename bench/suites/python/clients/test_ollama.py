"""Ollama's own client: every call that reaches a server."""

import ollama
import pytest
from loam_suites.clients import chat as model
from loam_suites.clients import vectors
from pydantic import BaseModel

messages = [{"role": "user", "content": "Say one word."}]
short = {"num_predict": 8, "temperature": 0}


@pytest.fixture(scope="module")
def client(url):
    return ollama.Client(host=url)


@pytest.fixture
def asynchronous(url):
    return ollama.AsyncClient(host=url)


def test_list(client):
    names = [m.model for m in client.list().models]
    assert any(n.startswith(model) for n in names) and any(n.startswith(vectors) for n in names)
    assert len(names) == len(set(names))


def test_show(client):
    shown = client.show(model)
    assert shown.details is not None and "completion" in shown.capabilities
    assert shown.modelinfo and shown.template


def test_ps(client):
    client.generate(model, "a", options=short)
    assert any(m.model.startswith(model) for m in client.ps().models)


def test_generate(client):
    answer = client.generate(model, "The sky is", options=short)
    assert answer.done and answer.response and answer.eval_count <= 8 and answer.prompt_eval_count > 0


def test_generate_context_is_carried_on(client):
    first = client.generate(model, "My name is Ann.", options=short)
    assert first.context and all(isinstance(t, int) for t in first.context)
    second = client.generate(model, "What is my name?", context=first.context, options=short)
    assert second.prompt_eval_count > first.prompt_eval_count


def test_generate_stream(client):
    parts = list(client.generate(model, "The sky is", stream=True, options=short))
    assert parts[-1].done and parts[-1].done_reason in ("stop", "length")
    whole = client.generate(model, "The sky is", options=short)
    assert "".join(p.response for p in parts) == whole.response


def test_generate_raw(client):
    answer = client.generate(model, "1, 2, 3,", raw=True, options=short)
    assert answer.response and not answer.context


def test_generate_system_and_template(client):
    assert client.generate(model, "Hi", system="Be brief.", options=short).response


def test_generate_suffix_is_done_or_refused(client):
    try:
        assert client.generate(model, "def f(x):", suffix="return y", options=short).done
    except ollama.ResponseError as error:
        assert error.status_code == 400 and "insert" in error.error


def test_generate_logprobs(client):
    answer = client.generate(model, "The sky is", logprobs=True, top_logprobs=2, options=short)
    assert len(answer.logprobs) == answer.eval_count
    assert all(len(l.top_logprobs) == 2 and l.logprob <= 0 for l in answer.logprobs)


def test_generate_seed_is_kept(client):
    options = {"num_predict": 8, "temperature": 1.0, "seed": 7}
    assert client.generate(model, "Once", options=options).response == client.generate(model, "Once", options=options).response


def test_generate_stop(client):
    answer = client.generate(model, "1, 2, 3,", raw=True, options={**short, "num_predict": 32, "stop": [","]})
    assert "," not in answer.response and answer.done_reason == "stop"


def test_generate_json(client):
    import json

    answer = client.generate(model, "An empty JSON object:", format="json", options={"num_predict": 64, "temperature": 0})
    if answer.done_reason == "stop":
        json.loads(answer.response)


class City(BaseModel):
    name: str
    isCapital: bool


def test_generate_schema(client):
    answer = client.generate(model, "Rome", format=City.model_json_schema(), options={"num_predict": 128, "temperature": 0})
    assert answer.done_reason == "length" or City.model_validate_json(answer.response)


def test_chat(client):
    answer = client.chat(model, messages, options=short)
    assert answer.message.role == "assistant" and answer.message.content and answer.done


def test_chat_stream(client):
    parts = list(client.chat(model, messages, stream=True, options=short))
    assert parts[-1].done
    assert "".join(p.message.content or "" for p in parts) == client.chat(model, messages, options=short).message.content


def test_chat_schema(client):
    answer = client.chat(model, [{"role": "user", "content": "Rome"}], format=City.model_json_schema(), options={"num_predict": 128})
    assert answer.done_reason == "length" or City.model_validate_json(answer.message.content)


def test_chat_tools_are_taken(client):
    def add(a: int, b: int) -> int:
        """Adds.

        Args:
          a: first
          b: second
        """
        return a + b

    answer = client.chat(model, [{"role": "user", "content": "2 + 3?"}], tools=[add], options={"num_predict": 32, "temperature": 0})
    assert answer.message.content or answer.message.tool_calls


def test_chat_tool_results_are_taken(client):
    call = {"function": {"name": "add", "arguments": {"a": 2, "b": 3}}}
    turns = [
        {"role": "user", "content": "2 + 3?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_name": "add", "content": "5"},
    ]
    assert client.chat(model, turns, options=short).message.content


def test_chat_logprobs(client):
    answer = client.chat(model, messages, logprobs=True, top_logprobs=1, options=short)
    assert len(answer.logprobs) == answer.eval_count


def test_chat_think_is_done_or_refused(client):
    assert client.chat(model, messages, think=False, options=short).message.content
    with pytest.raises(ollama.ResponseError, match="think"):
        client.chat(model, messages, think=True, options=short)


def test_keep_alive_harms_nobody(client):
    assert client.generate(model, "a", keep_alive=0, options=short).done
    assert client.generate(model, "a", keep_alive="5m", options=short).done
    assert any(m.model.startswith(model) for m in client.list().models)


def test_embed(client):
    answer = client.embed(vectors, "a cat")
    assert len(answer.embeddings) == 1 and len(answer.embeddings[0]) == 384
    assert abs(sum(x * x for x in answer.embeddings[0]) - 1) < 1e-3
    assert answer.prompt_eval_count > 0


def test_embed_many(client):
    assert len(client.embed(vectors, ["a cat", "a dog"]).embeddings) == 2


def test_embed_dimensions(client):
    assert len(client.embed(vectors, "a cat", dimensions=64).embeddings[0]) == 64


def test_embed_truncates(client):
    assert client.embed(vectors, "word " * 3000).embeddings
    with pytest.raises(ollama.ResponseError):
        client.embed(vectors, "word " * 3000, truncate=False)


def test_embeddings(client):
    assert len(client.embeddings(vectors, "a cat").embedding) == 384


def test_unknown_model_is_a_sentence(client):
    with pytest.raises(ollama.ResponseError) as found:
        client.chat("nobody", messages)
    assert found.value.status_code == 404 and isinstance(found.value.error, str) and "nobody" in found.value.error


def test_pictures_are_refused(client):
    with pytest.raises(ollama.ResponseError):
        client.chat(model, [{"role": "user", "content": "What is it?", "images": ["iVBORw0KGgo="]}])


@pytest.mark.parametrize("call", ["pull", "push", "delete", "copy", "create"])
def test_what_changes_models_is_refused_with_a_sentence(client, call):
    args = {"copy": ("a", "b"), "create": ("a",)}.get(call, ("a",))
    more = {"from_": model} if call == "create" else {}
    with pytest.raises(ollama.ResponseError) as found:
        getattr(client, call)(*args, **more)
    assert 400 <= found.value.status_code < 500 and found.value.error and "<" not in found.value.error


@pytest.mark.asyncio
async def test_asynchronous_chat(asynchronous):
    whole = await asynchronous.chat(model, messages, options=short)
    parts = [p async for p in await asynchronous.chat(model, messages, stream=True, options=short)]
    assert "".join(p.message.content or "" for p in parts) == whole.message.content


@pytest.mark.asyncio
async def test_asynchronous_generate_and_embed(asynchronous):
    assert (await asynchronous.generate(model, "The sky is", options=short)).response
    assert (await asynchronous.embed(vectors, "a cat")).embeddings
    assert (await asynchronous.list()).models and (await asynchronous.ps()) is not None and (await asynchronous.show(model)).details
