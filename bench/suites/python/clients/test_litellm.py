"""LiteLLM's SDK: its public calls, through its providers of OpenAI-compatible servers, vLLM, llama.cpp, Ollama and Anthropic."""

import json

import litellm
import pytest
from loam_suites.clients import chat, vectors
from pydantic import BaseModel

messages = [{"role": "user", "content": "Say one word."}]
litellm.num_retries = 0
tool = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string", "enum": ["Rome", "Oslo"]}}, "required": ["city"]},
    },
}


@pytest.fixture(params=["openai", "hosted_vllm", "llamafile", "ollama", "ollama_chat"])
def provider(request, url):
    base = url if request.param.startswith("ollama") else f"{url}/v1"
    return {"model": f"{request.param}/{chat}", "api_base": base, "api_key": "none"}


@pytest.fixture
def openai(url):
    return {"model": f"openai/{chat}", "api_base": f"{url}/v1", "api_key": "none"}


def test_completion(provider):
    answer = litellm.completion(**provider, messages=messages, max_tokens=8, temperature=0)
    assert answer.choices[0].message.content and answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens <= 8


def test_completion_stream(provider):
    text = "".join(
        part.choices[0].delta.content or ""
        for part in litellm.completion(**provider, messages=messages, max_tokens=8, temperature=0, stream=True)
    )
    assert text


def test_stream_usage(openai):
    options = {"include_usage": True}
    parts = list(litellm.completion(**openai, messages=messages, max_tokens=8, stream=True, stream_options=options))
    assert any(getattr(p, "usage", None) and p.usage.completion_tokens > 0 for p in parts)
    assert litellm.stream_chunk_builder(parts, messages=messages).choices[0].message.content


@pytest.mark.asyncio
async def test_acompletion(openai):
    assert (await litellm.acompletion(**openai, messages=messages, max_tokens=8)).choices[0].message.content
    stream = await litellm.acompletion(**openai, messages=messages, max_tokens=8, stream=True)
    assert [part async for part in stream]


def test_batch_completion(openai):
    answers = litellm.batch_completion(**openai, messages=[messages, messages], max_tokens=4)
    assert [bool(a.choices[0].message.content) for a in answers] == [True, True]


def test_forced_tool(openai):
    choice = {"type": "function", "function": {"name": "weather"}}
    answer = litellm.completion(**openai, messages=messages, tools=[tool], tool_choice=choice, max_tokens=60, temperature=0)
    call = answer.choices[0].message.tool_calls[0].function
    assert call.name == "weather" and json.loads(call.arguments)["city"] in ("Rome", "Oslo")


def test_forced_tool_stream(openai):
    stream = litellm.completion(**openai, messages=messages, tools=[tool], tool_choice="required", max_tokens=60, temperature=0, stream=True)
    built = litellm.stream_chunk_builder(list(stream), messages=messages)
    assert json.loads(built.choices[0].message.tool_calls[0].function.arguments)["city"] in ("Rome", "Oslo")


class Mood(BaseModel):
    happy: bool


def test_response_format(openai):
    answer = litellm.completion(**openai, messages=messages, response_format=Mood, max_tokens=60, temperature=0)
    assert isinstance(Mood.model_validate_json(answer.choices[0].message.content).happy, bool)


def test_logprobs_and_n(openai):
    answer = litellm.completion(**openai, messages=messages, max_tokens=4, n=2, logprobs=True, top_logprobs=2)
    assert len(answer.choices) == 2 and len(answer.choices[0].logprobs.content[0].top_logprobs) == 2


def test_text_completion(url):
    answer = litellm.text_completion(model=f"text-completion-openai/{chat}", prompt="1, 2, 3,", api_base=f"{url}/v1", api_key="none", max_tokens=8)
    assert answer.choices[0].text


@pytest.mark.parametrize("kind", ["openai", "hosted_vllm", "ollama"])
def test_embedding(url, kind):
    base = url if kind == "ollama" else f"{url}/v1"
    answer = litellm.embedding(model=f"{kind}/{vectors}", input=["a cat", "a dog"], api_base=base, api_key="none")
    assert [len(d["embedding"]) for d in answer.data] == [384, 384]


@pytest.mark.parametrize("kind", ["hosted_vllm", "jina_ai", "cohere", "infinity"])
def test_rerank(url, kind):
    base = {"hosted_vllm": url, "jina_ai": f"{url}/v1/rerank", "cohere": f"{url}/v1/rerank", "infinity": url}[kind]
    answer = litellm.rerank(
        model=f"{kind}/{vectors}", query="rain", documents=["A cat sleeps.", "It pours with rain."], top_n=1, api_base=base, api_key="none"
    )
    assert answer.results[0]["index"] == 1


def test_responses(openai):
    answer = litellm.responses(**openai, input="Say one word.", max_output_tokens=16)
    assert answer.id and answer.output[0].content[0].text


def test_responses_stream(openai):
    events = [e.type for e in litellm.responses(**openai, input="Say one word.", max_output_tokens=16, stream=True)]
    assert "response.output_text.delta" in events and events[-1] in ("response.completed", "response.incomplete")


def test_responses_are_carried_on(openai):
    first = litellm.responses(**openai, input="My name is Ann.", max_output_tokens=16)
    second = litellm.responses(**openai, input="What is my name?", previous_response_id=first.id, max_output_tokens=16)
    assert second.usage.input_tokens > first.usage.input_tokens


@pytest.mark.asyncio
async def test_anthropic_messages(url):
    answer = await litellm.anthropic.messages.acreate(
        model=f"anthropic/{chat}", messages=messages, max_tokens=16, api_base=url, api_key="none"
    )
    assert answer["content"][0]["text"] and answer["usage"]["input_tokens"] > 0


def test_anthropic_provider(url):
    answer = litellm.completion(model=f"anthropic/{chat}", messages=messages, max_tokens=16, api_base=url, api_key="none")
    assert answer.choices[0].message.content


def test_full_context_is_its_own_error(openai):
    with pytest.raises(litellm.ContextWindowExceededError):
        litellm.completion(**openai, messages=[{"role": "user", "content": "word " * 9000}], max_tokens=8)


def test_full_context_falls_back(openai, url):
    other = [{"model": f"openai/{chat}", "api_base": f"{url}/v1", "api_key": "none", "messages": messages}]
    answer = litellm.completion(
        **openai, messages=[{"role": "user", "content": "word " * 9000}], max_tokens=8, fallbacks=other
    )
    assert answer.choices[0].message.content


def test_unknown_model_is_not_found(url):
    with pytest.raises(litellm.NotFoundError):
        litellm.completion(model="openai/nobody", messages=messages, api_base=f"{url}/v1", api_key="none")


def test_bad_request(openai):
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(**openai, messages=messages, temperature=-3)


def test_router(url):
    router = litellm.Router(
        model_list=[{"model_name": "chat", "litellm_params": {"model": f"openai/{chat}", "api_base": f"{url}/v1", "api_key": "none"}}]
    )
    assert router.completion(model="chat", messages=messages, max_tokens=4).choices[0].message.content
