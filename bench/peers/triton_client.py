"""NVIDIA's Triton client against a server: HTTP, asyncio and gRPC, as its own examples use it.

Usage: triton_client.py HTTP_ADDRESS GRPC_ADDRESS DECODER ENCODER TOKEN   (addresses as host:port; TOKEN is an administrator's)
Prints one line of JSON: what the client made of each call; a test compares it with what other clients are told.
"""
import asyncio, json, queue, sys

import numpy as np
import tritonclient.grpc as grpcclient
import tritonclient.grpc.aio as grpcaio
import tritonclient.http as httpclient
import tritonclient.http.aio as httpaio
from tritonclient.utils import InferenceServerException

http_address, grpc_address, decoder, encoder, token = sys.argv[1:6]
texts = ["a cat", "żółw", "x" * 70]
http = httpclient.InferenceServerClient(http_address, concurrency=4)
grpc = grpcclient.InferenceServerClient(grpc_address)


def text_input(module, values, shape=None, **how):
    data = np.array([v.encode() for v in values], dtype=object).reshape(shape or [len(values)])
    tensor = module.InferInput("text", list(data.shape), "BYTES")
    tensor.set_data_from_numpy(data, **how)
    return tensor


def number(module, name, datatype, value, dtype):
    tensor = module.InferInput(name, [1], datatype)
    tensor.set_data_from_numpy(np.array([value], dtype=dtype))
    return tensor


def failure(call):
    try:
        call()
    except InferenceServerException as e:
        return [e.status(), e.message()]


def listed(array):
    return [v.decode() if isinstance(v, bytes) else v for v in array.flatten().tolist()]


options = {"max_tokens": 6, "temperature": 0}
said = {}

# health and metadata
said["health"] = [c.is_server_live() and c.is_server_ready() and c.is_model_ready(decoder) for c in (http, grpc)]
said["not ready"] = [http.is_model_ready("nobody"), grpc.is_model_ready("nobody")]
said["server"] = [http.get_server_metadata(), grpc.get_server_metadata(as_json=True)]
said["metadata"] = [http.get_model_metadata(encoder), grpc.get_model_metadata(encoder, as_json=True)]
said["config"] = [http.get_model_config(decoder), grpc.get_model_config(decoder, as_json=True)["config"]]
said["index"] = [http.get_model_repository_index(), grpc.get_model_repository_index(as_json=True).get("models")]

# strings in, numbers out: JSON and bytes, all outputs and some, bodies and answers in every coding
vectors = {}
for name, how, output in [
    ("binary", {"binary_data": True}, None),
    ("json", {"binary_data": False}, httpclient.InferRequestedOutput("embedding", binary_data=False)),
    ("mixed", {"binary_data": True}, httpclient.InferRequestedOutput("embedding", binary_data=False)),
    ("shaped", {"binary_data": True, "shape": [3, 1]}, httpclient.InferRequestedOutput("embedding")),
]:
    shape = how.pop("shape", None)
    result = http.infer(encoder, [text_input(httpclient, texts, shape, **how)], outputs=[output] if output else None, request_id=name)
    assert result.get_response()["id"] == name
    vectors[name] = result.as_numpy("embedding").tolist()
for coding in ["gzip", "deflate"]:
    result = http.infer(
        encoder, [text_input(httpclient, texts)], request_compression_algorithm=coding, response_compression_algorithm=coding
    )
    vectors[coding] = result.as_numpy("embedding").tolist()
result = grpc.infer(encoder, [text_input(grpcclient, texts)], request_id="g", outputs=[grpcclient.InferRequestedOutput("embedding")])
assert result.get_response().id == "g"
vectors["grpc"] = result.as_numpy("embedding").tolist()
for coding in ["gzip", "deflate"]:
    vectors[f"grpc {coding}"] = grpc.infer(encoder, [text_input(grpcclient, texts)], compression_algorithm=coding).as_numpy("embedding").tolist()
said["vectors"] = vectors

# strings in, strings out: parameters beside the tensors, and as tensors
answers = {"http": listed(http.infer(decoder, [text_input(httpclient, ["Once", "Then"])], parameters=options).as_numpy("text"))}
tensors = lambda module: [
    text_input(module, ["Once", "Then"]),
    number(module, "max_tokens", "INT32", 6, np.int32),
    number(module, "temperature", "FP32", 0, np.float32),
]
answers["http tensors"] = listed(http.infer(decoder, tensors(httpclient)).as_numpy("text"))
answers["grpc"] = listed(grpc.infer(decoder, [text_input(grpcclient, ["Once", "Then"])], parameters=options).as_numpy("text"))
answers["grpc tensors"] = listed(grpc.infer(decoder, tensors(grpcclient)).as_numpy("text"))
said["answers"] = answers


# several at once
waiting = [http.async_infer(encoder, [text_input(httpclient, [t])]) for t in texts]
said["async http"] = [w.get_result().as_numpy("embedding")[0].tolist() for w in waiting]
done = queue.Queue()
for i, t in enumerate(texts):
    grpc.async_infer(encoder, [text_input(grpcclient, [t])], callback=lambda result, error, i=i: done.put((i, result, error)))
came = sorted((done.get(timeout=60) for _ in texts), key=lambda d: d[0])
said["async grpc"] = [result.as_numpy("embedding")[0].tolist() for _, result, error in came]


async def in_turn():
    async with httpaio.InferenceServerClient(http_address) as h, grpcaio.InferenceServerClient(grpc_address) as g:
        a, b = await asyncio.gather(
            h.infer(encoder, [text_input(httpclient, texts)]), g.infer(encoder, [text_input(grpcclient, texts)])
        )

        async def requests():
            for i in range(2):
                yield {"model_name": decoder, "inputs": [text_input(grpcclient, ["Once"])], "request_id": str(i), "parameters": options}

        pieces = {}
        async for result, error in g.stream_infer(requests()):
            response = result.get_response()
            pieces.setdefault(response.id, []).append(listed(result.as_numpy("text"))[0])
        return [a.as_numpy("embedding").tolist(), b.as_numpy("embedding").tolist(), {i: "".join(p) for i, p in pieces.items()}]


said["aio"] = asyncio.run(in_turn())

# a stream: pieces as they come, the last one says so; a wrong request is told, and the stream goes on
arrived = queue.Queue()
grpc.start_stream(callback=lambda result, error: arrived.put((result, error)))
grpc.async_stream_infer("nobody", [text_input(grpcclient, ["Once"])], request_id="wrong")
first = arrived.get(timeout=60)
grpc.async_stream_infer(decoder, [text_input(grpcclient, ["Once"])], request_id="s", parameters=options)
pieces, finals = [], []
while not finals or not finals[-1]:
    result, error = arrived.get(timeout=60)
    assert error is None, error
    assert result.get_response().id == "s"
    pieces.append(listed(result.as_numpy("text"))[0])
    finals.append(result.get_response().parameters["triton_final_response"].bool_param)
grpc.async_stream_infer(encoder, [text_input(grpcclient, ["a cat"])], request_id="e")
last, error = arrived.get(timeout=60)
grpc.stop_stream()
said["stream"] = {
    "wrong": first[1].message(),
    "text": "".join(pieces),
    "pieces": len(pieces),
    "finals": [any(finals[:-1]), finals[-1]],
    "vector": last.as_numpy("embedding")[0].tolist(),
}

# the repository: administrators alone
said["refused"] = [failure(lambda: http.load_model(decoder)), failure(lambda: grpc.unload_model(decoder))]
bearer = {"authorization": f"Bearer {token}"}
if token:
    http.load_model(decoder, headers=bearer)
    grpc.load_model(decoder, headers=bearer)
    said["configured"] = failure(lambda: grpc.load_model(decoder, headers=bearer, config="{}"))

# what has been done, and what there is not
stats = [http.get_inference_statistics(encoder)["model_stats"][0], grpc.get_inference_statistics(encoder, as_json=True)["model_stats"][0]]
said["statistics"] = [[s["name"], int(s["inference_count"])] for s in stats]
said["regions"] = [http.get_system_shared_memory_status(), grpc.get_cuda_shared_memory_status(as_json=True)]
http.unregister_system_shared_memory()
grpc.unregister_cuda_shared_memory()
said["absent"] = [
    failure(lambda: http.register_system_shared_memory("r", "/r", 8)),
    failure(lambda: grpc.register_system_shared_memory("r", "/r", 8)),
    failure(lambda: http.update_log_settings({"log_verbose_level": 1})),
    failure(lambda: grpc.update_trace_settings(settings={"trace_level": ["TIMESTAMPS"]})),
]
said["settings"] = [http.get_trace_settings()["trace_level"], grpc.get_log_settings(as_json=True)["settings"]["log_error"]]

# what is wrong
wrong = httpclient.InferInput("text", [1], "INT32")
wrong.set_data_from_numpy(np.array([1], dtype=np.int32))
wrong_grpc = grpcclient.InferInput("text", [1], "INT32")
wrong_grpc.set_data_from_numpy(np.array([1], dtype=np.int32))
unknown = httpclient.InferRequestedOutput("nothing")
said["failures"] = [
    failure(lambda: http.infer("nobody", [text_input(httpclient, texts)])),
    failure(lambda: grpc.infer("nobody", [text_input(grpcclient, texts)])),
    failure(lambda: http.infer(encoder, [wrong])),
    failure(lambda: grpc.infer(encoder, [wrong_grpc])),
    failure(lambda: http.infer(encoder, [text_input(httpclient, texts)], outputs=[unknown])),
    failure(lambda: grpc.infer(encoder, [text_input(grpcclient, ["x" * 5_000_000])])),
    failure(lambda: grpc.infer(decoder, [text_input(grpcclient, ["Once"])], client_timeout=0.000001)),
]
print(json.dumps(said))
