"""tritonclient from PyPI, over HTTP and gRPC: health, metadata, configuration, statistics, the repository, and tensors of texts and numbers."""

import numpy as np
import pytest
from loam_suites.clients import chat, served, vectors

kinds = ["http", "grpc"]
texts = np.array([["a cat"], ["a dog"]], dtype=object)


@pytest.fixture(scope="module", params=kinds)
def triton(request, url):
    if request.param == "http":
        import tritonclient.http as module

        client = module.InferenceServerClient(url.removeprefix("http://"))
    else:
        import tritonclient.grpc as module

        client = module.InferenceServerClient(served().grpc)
    yield request.param, module, client
    client.close()


def inputs_of(module, values, name="text"):
    given = module.InferInput(name, list(values.shape), "BYTES")
    given.set_data_from_numpy(values)
    return [given]


def test_health(triton):
    _, _, client = triton
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(vectors)
    assert not client.is_model_ready("nobody")


def test_server_metadata(triton):
    kind, _, client = triton
    metadata = client.get_server_metadata()
    name = metadata["name"] if kind == "http" else metadata.name
    assert name == "loam"


def test_model_metadata_and_config(triton):
    kind, _, client = triton
    metadata = client.get_model_metadata(vectors)
    assert (metadata["inputs"] if kind == "http" else metadata.inputs) and (metadata["outputs"] if kind == "http" else metadata.outputs)
    assert client.get_model_config(vectors)


def names(kind, metadata):
    rows = lambda key: metadata[key] if kind == "http" else getattr(metadata, key)  # noqa: E731
    name = lambda row: row["name"] if kind == "http" else row.name  # noqa: E731
    return name(rows("inputs")[0]), name(rows("outputs")[0])


@pytest.mark.parametrize("binary", [True, False])
def test_infer(triton, binary):
    kind, module, client = triton
    name, output = names(kind, client.get_model_metadata(vectors))
    given = module.InferInput(name, [2], "BYTES")
    values = np.array(["a cat", "a dog"], dtype=object)
    if kind == "http":
        given.set_data_from_numpy(values, binary_data=binary)
        wanted = [module.InferRequestedOutput(output, binary_data=binary)]
    else:
        given.set_data_from_numpy(values)
        wanted = [module.InferRequestedOutput(output)]
    found = client.infer(vectors, [given], outputs=wanted).as_numpy(output)
    assert found.shape == (2, 384) and np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)


def test_infer_compressed(triton):
    kind, module, client = triton
    name, output = names(kind, client.get_model_metadata(vectors))
    given = module.InferInput(name, [1], "BYTES")
    given.set_data_from_numpy(np.array(["a cat"], dtype=object))
    more = (
        {"request_compression_algorithm": "gzip", "response_compression_algorithm": "gzip"}
        if kind == "http"
        else {"compression_algorithm": "gzip"}
    )
    assert client.infer(vectors, [given], **more).as_numpy(output).shape == (1, 384)


def test_infer_asynchronous(triton):
    kind, module, client = triton
    name, output = names(kind, client.get_model_metadata(vectors))
    given = module.InferInput(name, [1], "BYTES")
    given.set_data_from_numpy(np.array(["a cat"], dtype=object))
    if kind == "http":
        found = client.async_infer(vectors, [given]).get_result()
    else:
        import queue

        got = queue.Queue()
        client.async_infer(vectors, [given], callback=lambda result, error: got.put((result, error)))
        found, error = got.get(timeout=60)
        assert error is None
    assert found.as_numpy(output).shape == (1, 384)


def test_request_id_comes_back(triton):
    kind, module, client = triton
    name, _ = names(kind, client.get_model_metadata(vectors))
    given = module.InferInput(name, [1], "BYTES")
    given.set_data_from_numpy(np.array(["a cat"], dtype=object))
    response = client.infer(vectors, [given], request_id="seven").get_response()
    assert (response["id"] if kind == "http" else response.id) == "seven"


def test_statistics(triton):
    kind, _, client = triton
    found = client.get_inference_statistics(vectors)
    assert (found["model_stats"] if kind == "http" else found.model_stats)[0]


def test_repository(triton):
    kind, _, client = triton
    index = client.get_model_repository_index()
    rows = index if kind == "http" else index.models
    known = {r["name"] if kind == "http" else r.name for r in rows}
    assert {chat, vectors} <= known


def test_load_needs_the_administrator(triton):
    _, module, client = triton
    from tritonclient.utils import InferenceServerException

    with pytest.raises(InferenceServerException):
        client.unload_model(vectors)


def test_unknown_model(triton):
    _, module, client = triton
    from tritonclient.utils import InferenceServerException

    given = module.InferInput("text", [1], "BYTES")
    given.set_data_from_numpy(np.array(["a"], dtype=object))
    with pytest.raises(InferenceServerException):
        client.infer("nobody", [given])
