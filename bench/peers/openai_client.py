"""OpenAI's own Python client against a server.

Usage: openai_client.py URL MODEL ENCODER   (URL ends in /v1; MODEL knows tools, and says what it says: a test compares the answers)
Prints one line of JSON: what the client made of each call.
"""
import json, sys

from openai import BadRequestError, NotFoundError, OpenAI
from pydantic import BaseModel

url, model, encoder = sys.argv[1:4]
client = OpenAI(base_url=url, api_key="none", max_retries=0)
messages = [{"role": "user", "content": "Hi"}]


class Answer(BaseModel):
    ok: bool


schema = {"type": "object", "properties": {"city": {"enum": ["Rome", "Oslo"]}}, "required": ["city"], "additionalProperties": False}
tools = [{"type": "function", "function": {"name": "weather", "parameters": schema, "strict": True}}]

chat = client.chat.completions.create(model=model, messages=messages, temperature=0, max_tokens=30)
pieces = client.chat.completions.create(model=model, messages=messages, temperature=0, max_tokens=30, stream=True, stream_options={"include_usage": True})
streamed, usage = "", None
for piece in pieces:
    streamed += "".join(c.delta.content or "" for c in piece.choices)
    usage = piece.usage or usage
called = client.chat.completions.create(model=model, messages=messages, tools=tools, tool_choice="required", temperature=0)
parsed = client.chat.completions.parse(model=model, messages=messages, response_format=Answer, temperature=0)
first = client.responses.create(model=model, input="Hi", temperature=0, max_output_tokens=30)
second = client.responses.create(model=model, input="And?", previous_response_id=first.id, temperature=0, max_output_tokens=30)
kept = client.responses.retrieve(first.id)
items = client.responses.input_items.list(second.id).data
with client.responses.stream(model=model, input="Hi", text_format=Answer, temperature=0) as events:
    kinds = [e.type for e in events]
    formed = events.get_final_response().output_parsed
client.responses.delete(first.id)


def failure(call):
    try:
        call()
    except (NotFoundError, BadRequestError) as e:
        return [type(e).__name__, e.param]


print(
    json.dumps(
        {
            "chat": chat.choices[0].message.content,
            "streamed": streamed,
            "tokens": [chat.usage.completion_tokens, usage.completion_tokens],
            "call": json.loads(called.choices[0].message.tool_calls[0].function.arguments),
            "parsed": parsed.choices[0].message.parsed.model_dump(),
            "responses": [first.output_text, second.output_text, kept.output_text],
            "items": [i.type for i in items],
            "events": [kinds[0], kinds[-1]],
            "formed": formed.model_dump(),
            "embedding": client.embeddings.create(model=encoder, input=["a cat"]).data[0].embedding,
            "models": [m.id for m in client.models.list()],
            "failures": [
                failure(lambda: client.responses.retrieve(first.id)),
                failure(lambda: client.chat.completions.create(model="nobody", messages=messages)),
                failure(lambda: client.chat.completions.create(model=model, messages=messages, temperature=7)),
            ],
        }
    )
)
