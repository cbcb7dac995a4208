"""Ollama's own Python client against a server.

Usage: ollama_client.py URL MODEL SPEAKER ENCODER TOKEN
MODEL fills gaps and keeps to forms, SPEAKER says what it is made to say (a call of `weather`), TOKEN is an administrator's.
Prints one line of JSON: what the client made of each call.
"""
import asyncio, json, sys

import httpx
from ollama import AsyncClient, Client, ResponseError
from pydantic import BaseModel, ConfigDict

url, model, speaker, encoder, token = sys.argv[1:6]
client = Client(host=url)
admin = Client(host=url, headers={"Authorization": f"Bearer {token}"})
messages = [{"role": "user", "content": "Hi"}]
cold = {"temperature": 0, "num_predict": 12}


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    ok: bool


def weather(city: str) -> str:
    """Tell the weather.

    Args:
      city: Where.
    """
    return city


def failure(call):
    try:
        call()
    except ResponseError as e:
        return [e.status_code, e.error]


first = client.generate(model=model, prompt="Hi", options=cold)
pieces = list(client.generate(model=model, prompt="Hi", options=cold, stream=True))
second = client.generate(model=model, prompt="And?", context=first.context, options=cold)
filled = client.generate(model=model, prompt="def f(", suffix="return x", options=cold)
likely = client.generate(model=model, prompt="Hi", options=cold, logprobs=True, top_logprobs=2)
likely_pieces = list(client.chat(model=model, messages=messages, options=cold, logprobs=True, top_logprobs=2, stream=True))
chat = client.chat(model=model, messages=messages, options=cold)
chat_pieces = list(client.chat(model=model, messages=messages, options=cold, stream=True))
formed = client.chat(model=model, messages=messages, format=Answer.model_json_schema(), options={"temperature": 0})
called = client.chat(model=speaker, messages=messages, tools=[weather])
called_pieces = [c for p in client.chat(model=speaker, messages=messages, tools=[weather], stream=True) for c in p.message.tool_calls or []]


async def together():
    other = AsyncClient(host=url)
    whole = await other.chat(model=model, messages=messages, options=cold)
    text = "".join([p.response async for p in await other.generate(model=model, prompt="Hi", options=cold, stream=True)])
    return [whole.message.content, text]


shown, shown_encoder = client.show(model), client.show(encoder)
listed, running = client.list().models, client.ps().models
raw = httpx.Client(base_url=url)
refusals = {
    "unknown": failure(lambda: client.generate(model="nobody", prompt="Hi")),
    "unknown, streamed": failure(lambda: list(client.chat(model="nobody", messages=messages, stream=True))),
    "images": failure(lambda: client.generate(model=model, prompt="Hi", images=[b"x"])),
    "wrong type": failure(lambda: client.generate(model=model, prompt="Hi", options={"temperature": 9})),
    "embed by a decoder": failure(lambda: client.embed(model=model, input="x")),
    "pull": failure(lambda: client.pull("llama3.2")),
    "push": failure(lambda: client.push("llama3.2")),
    "create": failure(lambda: client.create("mine", from_=model)),
    "copy": failure(lambda: client.copy(model, "mine")),
    "delete": failure(lambda: client.delete(model)),
    "delete, administrator": failure(lambda: admin.delete(model)),
    "unload": failure(lambda: client.generate(model=model, keep_alive=0)),
}
malformed = raw.post("/api/chat", content=b"{")
nowhere = raw.get("/api/nowhere")
unloaded = admin.generate(model=model, keep_alive=0)
resting = [m.model for m in client.ps().models]
still = [m.model for m in client.list().models]
woken = client.generate(model=model, prompt="Hi", options=cold, keep_alive=0)
again = client.generate(model=model, prompt="Hi", options=cold)

print(
    json.dumps(
        {
            "generate": [first.response, first.done_reason, first.eval_count],
            "streamed": ["".join(p.response for p in pieces), pieces[-1].done_reason, pieces[-1].context == first.context],
            "goes on": second.context[: len(first.context)] == first.context and second.prompt_eval_count > len(first.context),
            "filled": [filled.done, filled.context],
            "logprobs": [[t.token for t in likely.logprobs], [len(t.top_logprobs) for t in likely.logprobs]],
            "streamed logprobs": [t.token for p in likely_pieces for t in p.logprobs or []],
            "chat": [chat.message.role, chat.message.content],
            "streamed chat": "".join(p.message.content for p in chat_pieces),
            "formed": Answer.model_validate_json(formed.message.content).model_dump(),
            "called": [called.message.tool_calls[0].function.name, called.message.tool_calls[0].function.arguments],
            "streamed calls": [[c.function.name, c.function.arguments] for c in called_pieces],
            "async": asyncio.run(together()),
            "embed": [len(v) for v in client.embed(model=encoder, input=["a", "b"]).embeddings],
            "embeddings": len(client.embeddings(model=encoder, prompt="a").embedding),
            "nothing to embed": list(client.embed(model=encoder, input=[]).embeddings),
            "list": [[m.model, m.size > 0, m.details.quantization_level] for m in listed],
            "ps": [[m.model, m.size > 0, m.expires_at.year, m.context_length] for m in running],
            "show": [shown.capabilities, shown.details.quantization_level, shown.modelinfo["general.architecture"]],
            "show encoder": shown_encoder.capabilities,
            "loaded": [client.generate(model=model).done_reason, client.pull(model).status],
            "refusals": refusals,
            "malformed": [malformed.status_code, type(malformed.json()["error"]).__name__],
            "nowhere": [nowhere.status_code, type(nowhere.json()["error"]).__name__],
            "unloaded": [unloaded.done_reason, resting, still],
            "woken": [woken.load_duration > 0, woken.total_duration >= woken.load_duration, again.load_duration, woken.response],
            "heads": [raw.head(p).status_code for p in ("/", "/api/version", "/api/tags")],
        }
    )
)
