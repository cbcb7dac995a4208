"""
Stands in for packages that the tests import and that are not installed: vLLM itself, PyTorch. What a test only names (a type, a class in an
annotation) is there and means nothing; a test that calls it needs vLLM's own code and is skipped, with what it called as the reason.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import pathlib
import sys
import types

import pytest
from pydantic_core import core_schema


class Stub:
    """Any name of a package that is not here."""

    def __init__(self, name: str):
        self.__dict__["_name"] = name

    def __getattr__(self, name: str):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return child(self._name, name)

    def __call__(self, *args, **kwargs):
        # as a decorator of a function it changes nothing
        pytest.skip(f"needs {self._name}", allow_module_level=True)

    def __get_pydantic_core_schema__(self, _source, _handler):
        return core_schema.any_schema()

    def __mro_entries__(self, _bases):
        # several stubs may be bases of one class, which wants each base once
        return (type(self._name.split(".")[-1], (Inherited,), {}),)

    def __getitem__(self, _):
        return self

    # of an annotation; nothing to go through
    __iter__ = None

    def __or__(self, _):
        return self

    __ror__ = __or__

    def __repr__(self):
        return self._name

    def __hash__(self):
        return hash(self._name)

    def __eq__(self, other):
        return isinstance(other, Stub) and other._name == self._name


class Inherited:
    """What a class of a test inherits from a stub: making one needs the real class."""

    def __init__(self, *args, **kwargs):
        pytest.skip(f"needs a base class of {type(self).__name__}", allow_module_level=True)


def child(parent: str, name: str):
    full = f"{parent}.{name}"
    # an exception that a test expects must be a class
    if name.endswith(("Error", "Exception")):
        return type(name, (Exception,), {})
    return Stub(full)


class StubModule(types.ModuleType):
    __path__: list[str] = []

    def __getattr__(self, name: str):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        value = child(self.__name__, name)
        setattr(self, name, value)
        return value


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Modules below `roots` are stubs, but for those in `given` and those that are read from the sources."""

    def __init__(self, roots: set[str], given: dict[str, dict], sources: dict[str, pathlib.Path]):
        self.roots, self.given, self.sources = roots, given, sources

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in self.roots:
            return None
        if name in self.sources:
            return importlib.util.spec_from_file_location(name, self.sources[name], submodule_search_locations=[])
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        module = StubModule(spec.name)
        module.__dict__.update(self.given.get(spec.name, {}))
        return module

    def exec_module(self, module):
        pass


def given_roots(given: dict[str, dict]) -> set[str]:
    return {name.split(".")[0] for name in given}


def install(roots: set[str], given: dict[str, dict], sources: dict[str, pathlib.Path]) -> None:
    missing = {root for root in roots if root in given_roots(given) or importlib.util.find_spec(root) is None}
    sys.meta_path.insert(0, Finder(missing, given, sources))
