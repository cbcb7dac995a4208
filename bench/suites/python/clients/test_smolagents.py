"""smolagents: its model of OpenAI-compatible servers, and agents whose prompts are its own."""

import pytest
from loam_suites.clients import chat
from smolagents import CodeAgent, OpenAIModel, Tool, ToolCallingAgent
from smolagents.models import ChatMessage, MessageRole


class Weather(Tool):
    name = "weather"
    description = "Says the weather of a city."
    inputs = {"city": {"type": "string", "description": "the city"}}
    output_type = "string"

    def forward(self, city: str) -> str:
        return f"rain in {city}"


@pytest.fixture
def model(url):
    return OpenAIModel(model_id=chat, api_base=f"{url}/v1", api_key="none", max_tokens=60, temperature=0)


def said(text):
    return [ChatMessage(role=MessageRole.USER, content=[{"type": "text", "text": text}])]


def test_generate(model):
    answer = model.generate(said("Say one word."))
    assert answer.content and answer.token_usage.input_tokens > 0


def test_generate_stream(model):
    assert "".join(d.content or "" for d in model.generate_stream(said("Say one word.")))


def test_stop_sequences(model):
    answer = model.generate(said("Count: 1, 2, 3"), stop_sequences=[","])
    assert "," not in answer.content


def test_tools_are_called(model):
    answer = model.generate(said("The weather in Rome?"), tools_to_call_from=[Weather()])
    assert answer.tool_calls[0].function.name == "weather"


def test_response_format(model):
    form = {
        "type": "json_schema",
        "json_schema": {
            "name": "thought",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {"thought": {"type": "string", "maxLength": 20}, "done": {"type": "boolean"}},
                "required": ["thought", "done"],
                "additionalProperties": False,
            },
        },
    }
    import json

    assert set(json.loads(model.generate(said("Think."), response_format=form).content)) == {"thought", "done"}


def test_code_agent_prompt_fits(model):
    agent = CodeAgent(tools=[Weather()], model=model, max_steps=1, verbosity_level=0)
    result = agent.run("What is the weather in Rome?", return_full_result=True)
    assert result.token_usage.input_tokens > 2000 and not any("maximum context" in str(s) for s in result.steps)


def test_tool_calling_agent_prompt_fits(model):
    agent = ToolCallingAgent(tools=[Weather()], model=model, max_steps=1, verbosity_level=0)
    result = agent.run("What is the weather in Rome?", return_full_result=True)
    assert result.token_usage.input_tokens > 500
