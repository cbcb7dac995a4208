/** `infer`, `generate` and Triton's extensions over HTTP: what its clients send, and what lies. */
import { deflateSync, gunzipSync, gzipSync, inflateSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { type Row, writeTensor } from "../../../protocols/index.ts";
import { openDevice } from "../../../tensor/index.ts";
import type { AuthorizedRequest } from "../../authorization.ts";
import { createEmbeddingEngine } from "../../embedding/embedding-engine.ts";
import { testFleet } from "../../lifecycle/fakes.ts";
import { createApp } from "../app.ts";
import { tinyEncoder } from "../fakes.ts";

const device = openDevice("cpu", { threads: 1 });
const { engines, fleet } = await testFleet(device);
const encoder = createEmbeddingEngine({ model: await tinyEncoder(device, { id: "vectors@1", name: "vectors", version: 1 }), device });
engines.addEncoder(encoder);
await Promise.all([fleet.load("m", 1), encoder.ready]);
const failures: unknown[] = [];
const app = createApp({ engines, fleet, admin: true, onFailure: error => failures.push(error) });
afterAll(async () => {
  await fleet.close();
  await encoder.close();
  expect(failures).toEqual([]);
});

type Reply = ReturnType<typeof JSON.parse>;
const send = (path: string, body: string | Uint8Array | undefined, headers: Record<string, string> = {}, method = "POST") =>
  Promise.resolve(
    app.fetch(
      new Request(`http://localhost${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: new Uint8Array(Buffer.from(body)) }),
      }),
    ),
  );
const post = async (path: string, body: object, headers?: Record<string, string>): Promise<[number, Reply, Headers]> => {
  const response = await send(path, JSON.stringify(body), headers);
  return [response.status, JSON.parse(await response.text()), response.headers];
};
const get = async (path: string): Promise<[number, Reply]> => {
  const response = await send(path, undefined, {}, "GET");
  return [response.status, JSON.parse(await response.text())];
};
/** JSON with the bytes of tensors behind it. */
const binary = (path: string, json: object, parts: readonly Uint8Array[], headers: Record<string, string> = {}) => {
  const head = Buffer.from(JSON.stringify(json));
  return send(path, Buffer.concat([head, ...parts]), { "inference-header-content-length": String(head.length), ...headers });
};
const text = (data: string[], more: Row = {}): Row => ({ name: "text", datatype: "BYTES", shape: [data.length], data, ...more });
const texts = ["a cat", "żółw"];
const bytesOf = (data: string[]) => writeTensor("BYTES", data);
const vectorsOf = async (data: string[]): Promise<number[]> =>
  (await post("/v2/models/vectors/infer", { inputs: [text(data)] }))[1].outputs[0].data.map(Math.fround);

test("a body needs no Content-Type, and one of a page of elsewhere is refused", async () => {
  for (const headers of [{}, { "content-type": "application/octet-stream" }, { "content-type": "application/json" }])
    expect((await post("/v2/models/vectors/infer", { inputs: [text(texts)] }, headers))[0]).toBe(200);
  for (const path of ["/v2/models/vectors/infer", "/v2/models/m/generate", "/v2/repository/index"])
    expect((await post(path, {}, { origin: "http://elsewhere.example" }))[0]).toBe(403);
});

test("binary tensors give the numbers that JSON gives, both ways and mixed", async () => {
  const part = bytesOf(texts);
  const sized = { name: "text", datatype: "BYTES", shape: [2, 1], parameters: { binary_data_size: part.length } };
  const want = await vectorsOf(texts);
  for (const [ask, isBinary] of [
    [{ inputs: [sized] }, false],
    [{ inputs: [sized], parameters: { binary_data_output: true } }, true],
    [{ inputs: [sized], outputs: [{ name: "embedding", parameters: { binary_data: true } }] }, true],
    [
      { inputs: [sized], parameters: { binary_data_output: true }, outputs: [{ name: "embedding", parameters: { binary_data: false } }] },
      false,
    ],
  ] as const) {
    const response = await binary("/v2/models/vectors/infer", { id: "7", ...ask }, [part]);
    const length = response.headers.get("inference-header-content-length");
    const bytes = Buffer.from(await response.arrayBuffer());
    const json = JSON.parse(bytes.subarray(0, length === null ? bytes.length : Number(length)).toString());
    expect([response.status, json.id, length !== null]).toEqual([200, "7", isBinary]);
    expect(response.headers.get("content-type")).toBe(isBinary ? "application/octet-stream" : "application/json");
    const [output] = json.outputs;
    expect(output.shape).toEqual([2, 32]);
    if (isBinary) {
      expect([output.parameters.binary_data_size, output.data]).toEqual([256, undefined]);
      const raw = bytes.subarray(Number(length));
      expect(Array.from({ length: 64 }, (_, i) => raw.readFloatLE(4 * i))).toEqual(want);
    } else expect(output.data.map(Math.fround)).toEqual(want);
  }
});

test("lengths that lie are 400 and name the tensor", async () => {
  const part = bytesOf(["a cat"]);
  const ask = (size: unknown, more: Row = {}) => ({
    inputs: [{ ...text([]), data: undefined, shape: [1], parameters: { binary_data_size: size }, ...more }],
  });
  const path = "/v2/models/vectors/infer";
  const cases: [object, Record<string, string>, RegExp][] = [
    [ask(part.length + 1), {}, /at most 9 bytes for the tensor "text"/],
    [ask(part.length - 1), {}, /"text"/],
    [ask(part.length, { shape: [2] }), {}, /inputs\[0\]\.data: expected 2 elements, as the shape says for the tensor "text"/],
    [ask(part.length, { shape: [2 ** 40, 2 ** 40] }), {}, /shape/],
    [ask(part.length, { datatype: "INT32" }), {}, /4 bytes \(1 elements of INT32\) for the tensor "text"/],
    [ask(-1), {}, /binary_data_size: expected a whole number/],
    [ask(part.length), { "inference-header-content-length": "9999" }, /inference-header-content-length/],
    [ask(part.length), { "inference-header-content-length": "ten" }, /inference-header-content-length/],
    [ask(part.length), { "inference-header-content-length": "3" }, /JSON/],
    [{ inputs: [text(["a"])] }, {}, /0 bytes of tensors/],
  ];
  for (const [body, headers, sentence] of cases) {
    const response = await binary(path, body, [part], headers);
    const answer = (await response.json()) as Reply;
    expect([response.status, Object.keys(answer)], JSON.stringify(body)).toEqual([400, ["error"]]);
    expect(answer.error).toMatch(sentence);
  }
});

test("bodies and answers are plain, gzip or deflate", async () => {
  const body = JSON.stringify({ inputs: [text(texts)] });
  const plain = await (await send("/v2/models/vectors/infer", body)).text();
  for (const [coding, encoded, decode] of [
    ["gzip", gzipSync(body), gunzipSync],
    ["deflate", deflateSync(body), inflateSync],
  ] as const) {
    const response = await send("/v2/models/vectors/infer", encoded, { "content-encoding": coding, "accept-encoding": coding });
    expect([response.status, response.headers.get("content-encoding")]).toEqual([200, coding]);
    expect(decode(Buffer.from(await response.arrayBuffer())).toString()).toBe(plain);
  }
  const codingOf = async (accepted: string) =>
    (await send("/v2/models/vectors/infer", body, { "accept-encoding": accepted })).headers.get("content-encoding");
  expect([await codingOf("br, deflate;q=0.9, gzip;q=0.5"), await codingOf("gzip;q=0, identity"), await codingOf("*")]).toEqual([
    "deflate",
    null,
    null,
  ]);
  expect((await send("/v2/models/vectors/infer", "no gzip", { "content-encoding": "gzip" })).status).toBe(400);
  expect((await send("/v2/models/vectors/infer", body, { "content-encoding": "br" })).status).toBe(415);
});

test("parameters come beside the tensors, as tensors, and as Triton's vLLM backend has them", async () => {
  const one = (name: string, datatype: string, value: unknown): Row => ({ name, datatype, shape: [1], data: [value] });
  const sampling = JSON.stringify({ max_tokens: "3", temperature: "0", stop: "4" });
  const asks: [object, string][] = [
    [{ inputs: [text(["a"])], parameters: { max_tokens: 3, temperature: 0 } }, "text"],
    [{ inputs: [text(["a"]), one("max_tokens", "INT32", 3), one("temperature", "FP32", 0)] }, "text"],
    [
      { inputs: [{ ...text(["a"]), name: "text_input" }, one("stream", "BOOL", false), one("sampling_parameters", "BYTES", sampling)] },
      "text_output",
    ],
    [{ inputs: [text(["a"]), one("max_tokens", "INT32", 3)], outputs: [{ name: "text_output" }] }, "text_output"],
  ];
  for (const [ask, name] of asks) {
    const [status, answer] = await post("/v2/models/m/infer", ask);
    expect([status, answer.outputs]).toEqual([200, [{ name, datatype: "BYTES", shape: [1], data: ["111"] }]]);
  }
  const cases: [object, RegExp][] = [
    [
      { inputs: [text(["a"]), { name: "max_tokens", datatype: "INT32", shape: [2], data: [1, 2] }] },
      /one value for the tensor "max_tokens"/,
    ],
    [{ inputs: [text(["a"]), one("max_tokens", "INT32", 3)], parameters: { max_tokens: 3 } }, /"max_tokens" in one place/],
    [{ inputs: [text(["a"]), one("sampling_parameters", "BYTES", "{")] }, /a JSON object/],
    [{ inputs: [text(["a"])], parameters: { max_tokens: "many" } }, /max_tokens/],
    [{ inputs: [text(["a"])], parameters: { max_token: 3 } }, /parameters\.max_token: .*Did you mean "max_tokens"/],
    [{ inputs: [text(["a"])], parameters: { return_log_probs: true } }, /return_log_probs: .*details/],
    [{ inputs: [text(["a"])], parameters: { timeout: -1 } }, /parameters\.timeout/],
    [{ inputs: [text(["a"])], parameters: { stream: "yes" } }, /parameters\.stream/],
    [{ inputs: [{ ...text([]), data: undefined, parameters: { shared_memory_region: "r" } }] }, /shared memory is not supported/],
  ];
  for (const [ask, sentence] of cases) {
    const [status, answer] = await post("/v2/models/m/infer", ask);
    expect(status, JSON.stringify(ask)).toBe(400);
    expect(answer.error).toMatch(sentence);
  }
});

test("parameters without an effect are named in a header", async () => {
  const parameters = { priority: 3, sequence_id: 7, sequence_start: true, sequence_end: false, "żółw\r\nx": 1, max_tokens: 2 };
  const [status, , headers] = await post("/v2/models/m/infer", { inputs: [text(["a"])], parameters });
  expect([status, headers.get("x-loam-ignored")]).toEqual([
    200,
    ["priority", "sequence_id", "sequence_start", "sequence_end", "???w??x"].map(name => `parameters.${name}`).join(", "),
  ]);
  const vectors = await post("/v2/models/vectors/infer", { inputs: [text(["a"])], parameters: { max_tokens: 2 } });
  expect([vectors[0], vectors[2].get("x-loam-ignored")]).toEqual([200, "parameters.max_tokens"]);
});

test("a request that sets itself a time is given up when that is over", async () => {
  const parameters = { max_tokens: 100_000, timeout: 1 };
  const [status, answer] = await post("/v2/models/m/infer", { inputs: [text(["a"])], parameters });
  expect([status, answer.error]).toEqual([504, expect.stringContaining("parameters.timeout")]);
  expect((await post("/v2/models/m/infer", { inputs: [text(["a"])], parameters: { max_tokens: 2, timeout: 3_600_000_000 } }))[0]).toBe(200);
});

const eventsOf = async (response: Response): Promise<Reply[]> =>
  (await response.text())
    .trim()
    .split("\n\n")
    .map(e => JSON.parse(e.replace(/^data: /, "")));

test("a client that accepts events gets a response for each piece, and the last one says so", async () => {
  const ask = { id: "9", inputs: [text(["a", "b"])], parameters: { max_tokens: 3, temperature: 0 } };
  const response = await send("/v2/models/m/infer", JSON.stringify(ask), { accept: "text/event-stream" });
  expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
  const events = await eventsOf(response);
  for (const index of [0, 1])
    expect(
      events
        .filter(e => e.parameters.index === index)
        .flatMap(e => e.outputs[0].data)
        .join(""),
    ).toBe("111");
  expect(events.map(e => e.parameters.triton_final_response)).toEqual(events.map((_, i) => i === events.length - 1));
  expect(events[0]).toMatchObject({ id: "9", model_name: "m", model_version: "1", outputs: [{ name: "text", shape: [1] }] });
  const whole = { ...ask, parameters: { ...ask.parameters, stream: false } };
  expect((await send("/v2/models/m/infer", JSON.stringify(whole), { accept: "text/event-stream" })).headers.get("content-type")).toBe(
    "application/json",
  );
});

test("generate takes what Triton's clients write: no type, members beside the text, stream", async () => {
  const parameters = { max_tokens: 3, temperature: 0 };
  for (const body of [
    { text_input: "a", parameters },
    { text_input: "a", parameters: { ...parameters, stream: false } },
    { text_input: "a", stream: false, bad_words: "", stop_words: "", ...parameters },
    { text_input: "a", sampling_parameters: JSON.stringify({ max_tokens: "3", temperature: "0" }) },
    { text_input: "a", stop_words: ["2"], ...parameters },
  ]) {
    const [status, answer] = await post("/v2/models/m/generate", body);
    expect([status, answer], JSON.stringify(body)).toEqual([200, { model_name: "m", model_version: "1", text_output: "111" }]);
  }
  const stream = await send("/v2/models/m/generate_stream", JSON.stringify({ text_input: "a", stream: true, ...parameters }));
  expect((await eventsOf(stream)).map(e => e.text_output).join("")).toBe("111");
  for (const [body, sentence] of [
    [{ text_input: "a", stream: true }, /stream: .*generate_stream/],
    [{ text_input: "a", temprature: 1 }, /temprature.*Did you mean "temperature"/],
    [{ text_input: "a", parameters: { details: "yes" } }, /details/],
    [{ text_input: "a", max_tokens: 3, parameters: { max_tokens: 3 } }, /in one place/],
  ] as const) {
    const [status, answer] = await post("/v2/models/m/generate", body);
    expect([status, answer.error]).toEqual([422, expect.stringMatching(sentence)]);
  }
});

test("classification gives the greatest values as lines", async () => {
  const vector = await vectorsOf(["a cat"]);
  const outputs = [{ name: "embedding", parameters: { classification: 2 } }];
  const [, answer] = await post("/v2/models/vectors/infer", { inputs: [text(["a cat"])], outputs });
  const order = vector.map((v, i) => [v, i] as const).sort((a, b) => b[0] - a[0]);
  expect(answer.outputs).toMatchObject([{ name: "embedding", datatype: "BYTES", shape: [1, 2] }]);
  expect(answer.outputs[0].data.map((line: string) => Number(line.split(":")[1]))).toEqual(order.slice(0, 2).map(([, i]) => i));
  const wrong = (model: string, name: string, classification: unknown) =>
    post(`/v2/models/${model}/infer`, { inputs: [text(["a"])], outputs: [{ name, parameters: { classification } }] });
  for (const [model, name, k] of [
    ["vectors", "embedding", "two"],
    ["vectors", "embedding", -1],
    ["m", "text", 2],
  ] as const)
    expect((await wrong(model, name, k))[0]).toBe(400);
});

test("what decides on requests is told the texts and the parameters, however they came", async () => {
  const seen: AuthorizedRequest[] = [];
  const path = "http://localhost/v2/models/m/infer";
  const part = bytesOf(["a secret"]);
  const most = writeTensor("INT32", [3]);
  const json = Buffer.from(
    JSON.stringify({
      inputs: [
        { name: "text", datatype: "BYTES", shape: [1], parameters: { binary_data_size: part.length } },
        { name: "max_tokens", datatype: "INT32", shape: [1], parameters: { binary_data_size: most.length } },
      ],
    }),
  );
  const headers = { "inference-header-content-length": String(json.length) };
  const request = new Request(path, { method: "POST", headers, body: new Uint8Array(Buffer.concat([json, part, most])) });
  const response = await app.fetch(request, {}, async asked => {
    seen.push(asked);
    return undefined;
  });
  expect(response.status).toBe(200);
  expect(seen).toMatchObject([
    { model: "m", asksModel: true, lengths: [3], body: { inputs: [{ data: ["a secret"] }], parameters: { max_tokens: 3 } } },
  ]);
});

test("the repository is listed; loading and unloading are an administrator's", async () => {
  const closed = createApp({ engines, fleet });
  for (const action of ["load", "unload"]) {
    const asked = new Request(`http://localhost/v2/repository/models/m/${action}`, { method: "POST", body: "{}" });
    expect((await closed.fetch(asked)).status).toBe(401);
  }
  const index = async (body: object) =>
    (await post("/v2/repository/index", body))[1].map((m: Reply) => `${m.name}@${m.version} ${m.state}`);
  expect(await index({})).toEqual(["m@1 READY", "vectors@1 READY"]);
  // curl's plain POST has a body of nothing
  for (const nothing of [undefined, ""]) expect((await send("/v2/repository/index", nothing)).status).toBe(200);
  expect((await post("/v2/repository/models/m/load", {})).slice(0, 2)).toEqual([200, {}]);
  expect((await send("/v2/repository/models/m@2/load", undefined)).status).toBe(200);
  expect(await index({ ready: true })).toEqual(["m@1 READY", "m@3 READY", "m@2 READY", "vectors@1 READY"]);
  expect((await post("/v2/repository/models/m@3/unload", {}))[0]).toBe(200);
  expect((await post("/v2/repository/models/m@2/unload", { parameters: { unload_dependents: false } }))[0]).toBe(200);
  expect(await index({})).toEqual(["m@1 READY", "vectors@1 READY"]);
  for (const [path, body, status, sentence] of [
    ["m@9/load", {}, 404, /version of m/],
    ["nobody/unload", {}, 404, /nobody/],
    ["m/load", { parameters: { config: "{}" } }, 400, /parameters\.config/],
    ["m/load", { parameters: { "file:1/model.onnx": "" } }, 400, /parameters\.file/],
  ] as const) {
    const [code, answer] = await post(`/v2/repository/models/${path}`, body);
    expect([code, answer.error]).toEqual([status, expect.stringMatching(sentence)]);
  }
});

test("configuration and statistics are those of the model", async () => {
  expect((await get("/v2/models/vectors/versions/1/config"))[1]).toMatchObject({
    name: "vectors",
    backend: "loam",
    input: [{ name: "text", data_type: "TYPE_STRING", dims: [-1] }],
    output: [{ name: "embedding", data_type: "TYPE_FP32", dims: [-1, 32] }],
    model_transaction_policy: { decoupled: false },
  });
  const counts = async () => (await get("/v2/models/vectors/stats"))[1].model_stats[0];
  const before = await counts();
  await vectorsOf(texts);
  const after = await counts();
  expect(after.inference_count - before.inference_count).toBe(2);
  expect(after.inference_stats.compute_infer.count).toBeGreaterThan(before.inference_stats.compute_infer.count);
  expect((await get("/v2/models/m/stats"))[1].model_stats[0].inference_stats.success.count).toBeGreaterThan(0);
  expect((await get("/v2/models/stats"))[1].model_stats.map((s: Reply) => s.name)).toEqual(["m", "vectors"]);
  expect((await get("/v2/models/nobody/config"))[0]).toBe(404);
});

test("extensions that are not here say so", async () => {
  expect(await get("/v2/systemsharedmemory/status")).toEqual([200, []]);
  expect((await get("/v2/logging"))[1]).toMatchObject({ log_verbose_level: 0 });
  for (const path of [
    "systemsharedmemory/region/r/register",
    "cudasharedmemory/region/r/register",
    "logging",
    "trace/setting",
    "models/m/trace/setting",
  ])
    expect((await post(`/v2/${path}`, {})).slice(0, 2)).toEqual([400, { error: expect.stringMatching(/is not supported/) }]);
});

test("no body is a failure of the server's", async () => {
  const part = bytesOf(["a"]);
  const json = Buffer.from(
    JSON.stringify({ inputs: [{ ...text([]), data: undefined, shape: [1], parameters: { binary_data_size: part.length } }] }),
  );
  const good = Buffer.concat([json, part]);
  const flips = fc.array(fc.tuple(fc.integer({ min: 0, max: good.length - 1 }), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("infer", "generate", "generate_stream"),
      flips,
      fc.option(fc.integer({ min: -2, max: 200 })),
      async (route, changes, header) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        const headers: Record<string, string> = { "inference-header-content-length": String(header ?? json.length) };
        const response = await send(`/v2/models/vectors/${route}`, bytes, headers);
        const said = await response.text();
        expect(response.status, bytes.toString("hex")).toBeLessThan(500);
        if (!response.ok) expect(Object.keys(JSON.parse(said))).toEqual(["error"]);
      },
    ),
    { numRuns: 300 },
  );
});
