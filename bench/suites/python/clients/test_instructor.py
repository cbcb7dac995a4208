"""instructor: Pydantic models of every shape that people write, in each mode that a server of OpenAI's API has."""

import enum
from typing import Annotated, Literal, Optional, Union

import instructor
import openai
import pytest
from loam_suites.clients import chat
from pydantic import BaseModel, Field


class Size(str, enum.Enum):
    small = "small"
    large = "large"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=1, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    size: Size


class Owner(BaseModel):
    """Who has a pet."""

    name: str = Field(max_length=12)
    pet: Annotated[Union[Cat, Dog], Field(discriminator="kind")]


class Tags(BaseModel):
    tags: set[Literal["a", "b", "c"]] = Field(min_length=1, max_length=2)


class Numbers(BaseModel):
    count: int = Field(multiple_of=5, ge=0, le=20)
    share: Optional[float] = Field(default=None, ge=0, le=1)


class Pair(BaseModel):
    both: tuple[bool, Size]


class Table(BaseModel):
    rows: dict[Literal["x", "y"], bool] = Field(min_length=1)


class Tree(BaseModel):
    label: Literal["leaf", "node"]
    children: list["Tree"] = Field(default_factory=list, max_length=1)


class Address(BaseModel):
    street: str = Field(max_length=10)
    floor: Optional[int] = Field(default=None, ge=0, le=9)


class Person(BaseModel):
    name: str = Field(max_length=10, description="The person's name", examples=["Ann"])
    homes: list[Address] = Field(min_length=1, max_length=1)


shapes = [Cat, Owner, Tags, Numbers, Pair, Table, Tree, Person]
modes = [instructor.Mode.TOOLS, instructor.Mode.TOOLS_STRICT, instructor.Mode.JSON_SCHEMA]


def ask(shape):
    return {
        "model": chat,
        "messages": [{"role": "user", "content": "Fill it in."}],
        "response_model": shape,
        "max_retries": 0,
        "max_tokens": 200,
        "temperature": 0,
    }


@pytest.mark.parametrize("mode", modes, ids=lambda m: m.name)
@pytest.mark.parametrize("shape", shapes, ids=lambda s: s.__name__)
def test_create(url, shape, mode):
    client = instructor.from_openai(openai.OpenAI(base_url=f"{url}/v1", api_key="none"), mode=mode)
    assert isinstance(client.chat.completions.create(**ask(shape)), shape)


def test_partial(url):
    client = instructor.from_openai(openai.OpenAI(base_url=f"{url}/v1", api_key="none"), mode=instructor.Mode.JSON_SCHEMA)
    given = {k: v for k, v in ask(Person).items() if k != "response_model"}
    parts = list(client.chat.completions.create_partial(**given, response_model=Person))
    assert parts and parts[-1].name is not None


def test_iterable(url):
    client = instructor.from_openai(openai.OpenAI(base_url=f"{url}/v1", api_key="none"), mode=instructor.Mode.TOOLS)
    given = {k: v for k, v in ask(Cat).items() if k not in ("response_model", "max_tokens")}
    for found in client.chat.completions.create_iterable(**given, response_model=Cat, max_tokens=60):
        assert isinstance(found, Cat)


@pytest.mark.asyncio
async def test_asynchronous(url):
    client = instructor.from_openai(openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none"), mode=instructor.Mode.TOOLS)
    assert isinstance(await client.chat.completions.create(**ask(Numbers)), Numbers)
