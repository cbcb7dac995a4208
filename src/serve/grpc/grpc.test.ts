/** The gRPC form, by gRPC's own client: tensors raw and typed, streams, what lies, who may, and the end. */
import { once } from "node:events";
import { type Client, credentials, Metadata, makeClientConstructor, type ServiceError, status } from "@grpc/grpc-js";
import fc from "fast-check";
import protobuf from "protobufjs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Row, type TensorDatatype, writeTensor } from "../../protocols/index.ts";
import { openDevice } from "../../tensor/index.ts";
import type { AuthorizedRequest } from "../authorization.ts";
import { createEmbeddingEngine } from "../embedding/embedding-engine.ts";
import { createEngine } from "../engine.ts";
import { scriptedProgram, tinyModel } from "../fakes.ts";
import { createApp } from "../http/app.ts";
import { tinyEncoder } from "../http/fakes.ts";
import { testFleet } from "../lifecycle/fakes.ts";
import { limits } from "../limits.ts";
import { type GrpcListening, listenGrpc } from "./listen-grpc.ts";
import { inferenceProto } from "./proto.ts";

const device = openDevice("cpu", { threads: 1 });
const { root } = protobuf.parse(inferenceProto, new protobuf.Root(), { keepCase: true });
const Raw = makeClientConstructor({}, "raw");
const clients: Client[] = [];
const clientOf = (address: string): Client => {
  const client = new Raw(address, credentials.createInsecure(), { "grpc.max_receive_message_length": -1 });
  clients.push(client);
  return client;
};

async function opened() {
  const { engines, fleet } = await testFleet(device);
  const encoder = createEmbeddingEngine({ model: await tinyEncoder(device, { id: "vectors@1", name: "vectors", version: 1 }), device });
  engines.addEncoder(encoder);
  // says one letter for as long as nobody stops it
  const letter = new Float32Array(257);
  letter[97] = 50;
  const long = createEngine({
    model: await tinyModel(device, { id: "long@1", name: "long", version: 1, aliases: ["long"] }),
    device,
    open: async () => scriptedProgram({ slots: 2, room: 2 ** 20, logits: () => letter }),
  });
  engines.add(long);
  await Promise.all([fleet.load("m", 1), encoder.ready, long.ready]);
  const failures: unknown[] = [];
  const app = createApp({ engines, fleet, version: "1.2.3", onFailure: error => failures.push(error) });
  return { engines, fleet, app, failures };
}
let shared: Awaited<ReturnType<typeof opened>>;
let grpc: GrpcListening;
let client: Client;
beforeAll(async () => {
  shared = await opened();
  grpc = await listenGrpc(shared.app, { port: 0 });
  client = clientOf(grpc.address);
});
afterAll(async () => {
  for (const c of clients) c.close();
  await grpc.close();
  await shared.engines.close();
  expect(shared.failures).toEqual([]);
});

const path = (method: string) => `/inference.GRPCInferenceService/${method}`;
const encoded = (type: string, value: Row): Buffer => {
  const found = root.lookupType(`inference.${type}`);
  return Buffer.from(found.encode(found.fromObject(value)).finish());
};
const decoded = (type: string, bytes: Buffer): ReturnType<typeof JSON.parse> => {
  const found = root.lookupType(`inference.${type}`);
  return found.toObject(found.decode(bytes), { longs: Number, defaults: true, enums: String });
};
const same = (bytes: Buffer) => bytes;

/** The bytes of an answer, or the error. */
const rawCall = (to: Client, method: string, bytes: Buffer, more: { metadata?: Metadata; deadline?: number; path?: string } = {}) =>
  new Promise<{ readonly bytes: Buffer } | { readonly error: ServiceError }>(resolve => {
    const options = more.deadline === undefined ? {} : { deadline: more.deadline };
    to.makeUnaryRequest(more.path ?? path(method), same, same, bytes, more.metadata ?? new Metadata(), options, (error, answer) =>
      resolve(error ? { error } : { bytes: answer! }),
    );
  });
async function call(method: string, value: Row, more: Parameters<typeof rawCall>[3] & { to?: Client } = {}) {
  const answer = await rawCall(more.to ?? client, method, encoded(`${method}Request`, value), more);
  if ("error" in answer) return { code: answer.error.code, details: answer.error.details, metadata: answer.error.metadata };
  return { code: status.OK, value: decoded(`${method}Response`, answer.bytes) };
}

const bytes = (texts: string[]) => Buffer.from(writeTensor("BYTES", texts));
const textInput = (texts: string[], more: Row = {}): Row => ({ name: "text", datatype: "BYTES", shape: [texts.length], ...more });
const inferOf = (model: string, texts: string[], more: Row = {}): Row => ({
  model_name: model,
  inputs: [textInput(texts)],
  raw_input_contents: [bytes(texts)],
  ...more,
});
const limited = (tokens: number) => ({ max_tokens: { int64_param: tokens }, temperature: { double_param: 0 } });
const vectorOf = (raw: Buffer) => Array.from({ length: raw.length / 4 }, (_, i) => raw.readFloatLE(4 * i));

test("raw and typed contents are the same tensor, and the answer's are raw", async () => {
  const raw = await call("ModelInfer", inferOf("vectors", ["a cat", "żółw"], { id: "7" }));
  const typed = await call("ModelInfer", {
    model_name: "vectors",
    model_version: "1",
    id: "7",
    inputs: [textInput(["a cat", "żółw"], { contents: { bytes_contents: ["a cat", "żółw"].map(t => Buffer.from(t)) } })],
  });
  expect(typed).toEqual(raw);
  expect(raw.value).toMatchObject({
    model_name: "vectors",
    model_version: "1",
    id: "7",
    outputs: [{ name: "embedding", datatype: "FP32", shape: [2, 32] }],
  });
  const response = await shared.app.fetch(
    new Request("http://localhost/v2/models/vectors/infer", {
      method: "POST",
      body: JSON.stringify({ inputs: [textInput(["a cat", "żółw"], { data: ["a cat", "żółw"] })] }),
    }),
  );
  const { outputs } = (await response.json()) as { outputs: { data: number[] }[] };
  expect(vectorOf(raw.value.raw_output_contents[0])).toEqual(outputs[0]!.data.map(Math.fround));
});

test("parameters of every type reach the generation, beside the tensors and as typed tensors", async () => {
  const beside = await call(
    "ModelInfer",
    inferOf("m", ["a"], { parameters: { ...limited(3), seed: { uint64_param: 5 }, stop: { string_param: "9" } } }),
  );
  const tensor = (name: string, datatype: TensorDatatype, contents: Row) => ({ name, datatype, shape: [1], contents });
  const asTensors = await call("ModelInfer", {
    model_name: "m",
    inputs: [
      textInput(["a"], { contents: { bytes_contents: [Buffer.from("a")] } }),
      tensor("max_tokens", "INT32", { int_contents: [3] }),
      tensor("temperature", "FP32", { fp32_contents: [0] }),
      tensor("top_p", "FP64", { fp64_contents: [1] }),
      tensor("top_k", "INT64", { int64_contents: [5] }),
      tensor("seed", "UINT64", { uint64_contents: [5] }),
      tensor("min_tokens", "UINT8", { uint_contents: [1] }),
      tensor("repeat_last_n", "INT16", { int_contents: [4] }),
      tensor("ignore_eos", "BOOL", { bool_contents: [true] }),
    ],
  });
  for (const answer of [beside, asTensors]) expect(answer.value?.raw_output_contents).toEqual([bytes(["111"])]);
});

test("what a message says wrongly is INVALID_ARGUMENT and names the tensor", async () => {
  const typed = (datatype: string, contents: Row, more: Row = {}) => ({
    model_name: "m",
    inputs: [{ name: "text", datatype, shape: [1], contents, ...more }],
  });
  const cases: [Row, RegExp][] = [
    [{ ...inferOf("m", ["a"]), model_name: "" }, /name of a model/],
    [{ ...inferOf("m", ["a"]), raw_input_contents: [] }, /expected 1 elements.*"text"/],
    [
      { ...inferOf("m", ["a"]), raw_input_contents: [bytes(["a"]), bytes(["b"])] },
      /raw_input_contents: expected 1, one for each input, got 2/,
    ],
    [
      { ...inferOf("m", ["a"]), raw_input_contents: [Buffer.from([9, 0, 0, 0, 65])] },
      /at most 1 bytes, as many as are left for the tensor "text"/,
    ],
    [{ ...inferOf("m", ["a"]), inputs: [textInput(["a", "b"])] }, /expected 2 elements/],
    [{ ...inferOf("m", ["a"]), inputs: [textInput(["a"], { shape: [-1] })] }, /shape/],
    [
      { ...inferOf("m", ["a"]), inputs: [textInput(["a"], { contents: { bytes_contents: [Buffer.from("a")] } })] },
      /expected none beside raw_input_contents/,
    ],
    [typed("BYTES", { int_contents: [1] }), /tensor "text": expected bytes_contents for BYTES, got int_contents/],
    [typed("FP16", { fp32_contents: [1] }), /expected raw_input_contents for FP16/],
    [typed("INT8", { int_contents: [300] }), /expected values of INT8, got 300/],
    [typed("TEXT", {}), /datatype of the protocol/],
    [typed("INT32", { int_contents: [1] }), /expected BYTES, got "INT32"/],
    [inferOf("m", ["a"], { parameters: { max_tokens: { string_param: "many" } } }), /max_tokens/],
    [inferOf("m", ["a"], { model_version: "one" }), /version: expected a whole number/],
    [inferOf("m", ["a"], { outputs: [{ name: "nothing" }] }), /outputs: expected one of text/],
  ];
  for (const [message, sentence] of cases) {
    const { code, details } = await call("ModelInfer", message);
    expect([code, details], JSON.stringify(message)).toEqual([status.INVALID_ARGUMENT, expect.stringMatching(sentence)]);
  }
  expect((await call("ModelInfer", inferOf("nobody", ["a"]))).code).toBe(status.NOT_FOUND);
  expect((await call("ModelInfer", inferOf("m", ["a"], { model_version: "9" }))).code).toBe(status.NOT_FOUND);
});

test("any bytes are a message or INVALID_ARGUMENT; none is a failure of the server's", async () => {
  const good = encoded("ModelInferRequest", inferOf("vectors", ["a"], { id: "1", parameters: limited(1) }));
  const flips = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 });
  const mutated = flips.map(changes => {
    const changed = Buffer.from(good);
    for (const [at, value] of changes) changed[at] = value;
    return changed;
  });
  const anyBytes = fc.uint8Array({ maxLength: 80 }).map(b => Buffer.from(b));
  const methods = [
    "ModelInfer",
    "ModelMetadata",
    "ModelConfig",
    "RepositoryIndex",
    "ModelStatistics",
    "TraceSetting",
    "SystemSharedMemoryStatus",
  ];
  const fine = [status.OK, status.INVALID_ARGUMENT, status.NOT_FOUND, status.UNIMPLEMENTED];
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        mutated.map(b => ["ModelInfer", b] as const),
        fc.tuple(fc.constantFrom(...methods), anyBytes),
      ),
      async ([method, message]) => {
        const answer = await rawCall(client, method, message);
        expect(fine, `${method} ${message.toString("hex")} ${"error" in answer ? answer.error.details : ""}`).toContain(
          "error" in answer ? answer.error.code : status.OK,
        );
      },
    ),
    { numRuns: 400 },
  );
});

test("a message over the limit is RESOURCE_EXHAUSTED, and the server goes on", async () => {
  const large = Buffer.alloc(limits.bodyBytes + 1);
  const answer = await rawCall(client, "ModelInfer", large);
  expect("error" in answer && answer.error.code).toBe(status.RESOURCE_EXHAUSTED);
  // what would become millions of values is refused before it is decoded
  const typed = (field: number, size: number) => {
    const length = (n: number): number[] => (n > 127 ? [(n & 127) | 128, ...length(n >>> 7)] : [n]);
    const contents = Buffer.concat([Buffer.from([(field << 3) | 2, ...length(size)]), Buffer.alloc(size, 1)]);
    const input = Buffer.concat([Buffer.from([0x2a, ...length(contents.length)]), contents]);
    return Buffer.concat([Buffer.from([0x2a, ...length(input.length)]), input]);
  };
  const empty = Buffer.from(Array.from({ length: 100_000 }, () => [0x3a, 0]).flat());
  for (const message of [typed(3, 4_000_000), typed(1, 20_000), empty]) {
    const refused = await rawCall(client, "ModelInfer", message);
    expect("error" in refused && [refused.error.code, refused.error.details]).toEqual([
      status.INVALID_ARGUMENT,
      expect.stringMatching(/raw_input_contents/),
    ]);
  }
  expect((await call("ServerLive", {})).value).toEqual({ live: true });
});

interface Heard {
  readonly id: string;
  readonly text: string;
  readonly isFinal: boolean;
  readonly error: string;
}
function stream(to: Client, metadata = new Metadata()) {
  const bidi = to.makeBidiStreamRequest(path("ModelStreamInfer"), same, same, metadata);
  const heard: Heard[] = [];
  const ended = new Promise<number>(resolve => bidi.on("status", s => resolve(s.code)));
  bidi.on("error", () => {});
  bidi.on("data", (answer: Buffer) => {
    const { infer_response: r, error_message } = decoded("ModelStreamInferResponse", answer);
    const raw: Buffer | undefined = r?.raw_output_contents?.[0];
    heard.push({
      id: r?.id ?? "",
      text: raw === undefined ? "" : raw.subarray(4).toString(),
      isFinal: r?.parameters?.triton_final_response?.bool_param ?? false,
      error: error_message,
    });
  });
  return { bidi, heard, ended, send: (value: Row) => bidi.write(encoded("ModelInferRequest", value)) };
}

test("a stream answers its requests side by side, piece by piece, and ends when its client does", async () => {
  const { bidi, heard, ended, send } = stream(client);
  for (let i = 0; i < 50; i++) send(inferOf("m", ["a"], { id: String(i), parameters: limited(3) }));
  send(inferOf("nobody", ["a"], { id: "wrong" }));
  send(inferOf("m", ["a"], { id: "whole", parameters: { ...limited(3), stream: { bool_param: false } } }));
  bidi.end();
  expect(await ended).toBe(status.OK);
  for (let i = 0; i < 50; i++) {
    const own = heard.filter(h => h.id === String(i));
    expect(own.map(h => h.text).join("")).toBe("111");
    expect(own.map(h => h.isFinal)).toEqual(own.map((_, at) => at === own.length - 1));
  }
  expect(heard.filter(h => h.id === "wrong")).toEqual([
    { id: "wrong", text: "", isFinal: false, error: expect.stringContaining("nobody") },
  ]);
  expect(heard.filter(h => h.id === "whole")).toEqual([{ id: "whole", text: "111", isFinal: true, error: "" }]);
});

test("a message of a stream that is none is told, and a client that wants so gets the status instead", async () => {
  const { bidi, heard, ended, send } = stream(client);
  bidi.write(Buffer.from([255, 255, 255]));
  await once(bidi, "data");
  expect(heard[0]!.error).toMatch(/expected ModelInferRequest/);
  send(inferOf("m", ["a"], { parameters: limited(1) }));
  bidi.end();
  expect(await ended).toBe(status.OK);
  const metadata = new Metadata();
  metadata.set("triton_grpc_error", "true");
  const strict = stream(client, metadata);
  strict.send(inferOf("nobody", ["a"]));
  expect(await strict.ended).toBe(status.NOT_FOUND);
});

const longEngine = () => shared.engines.find("long");
/** The end of its next sequence. */
const nextEnd = () =>
  new Promise<string>(resolve => {
    const stop = longEngine().observe({
      finished: outcome => {
        stop();
        resolve(outcome);
      },
    });
  });
const endless = inferOf("long", ["a"], { parameters: limited(1_000_000) });

test("a stream that is cancelled, a call that is, and a deadline end their sequences", async () => {
  const running = () => longEngine().stats().running;
  const first = nextEnd();
  const { bidi, ended, send } = stream(client);
  send(endless);
  await once(bidi, "data");
  bidi.cancel();
  expect([await ended, await first]).toEqual([status.CANCELLED, "cancelled"]);

  const second = nextEnd();
  const unary = client.makeUnaryRequest(path("ModelInfer"), same, same, encoded("ModelInferRequest", endless), () => {});
  await new Promise<void>(resolve => {
    const stop = longEngine().observe({
      firstToken: () => {
        stop();
        resolve();
      },
    });
  });
  unary.cancel();
  expect(await second).toBe("cancelled");

  const third = nextEnd();
  expect((await call("ModelInfer", endless, { deadline: Date.now() + 300 })).code).toBe(status.DEADLINE_EXCEEDED);
  expect([await third, running()]).toEqual(["cancelled", 0]);
});

test("whoever decides on requests over HTTP decides on calls, by their metadata", async () => {
  const seen: AuthorizedRequest[] = [];
  const guarded = await listenGrpc(
    {
      fetch: (request, peer) =>
        shared.app.fetch(request, peer, async asked => {
          seen.push(asked);
          const isKnown = request.headers.get("authorization") === "Bearer key";
          return isKnown
            ? undefined
            : Response.json({ error: { message: "this needs a key" } }, { status: 401, headers: { "retry-after": "3" } });
        }),
    },
    { port: 0 },
  );
  const to = clientOf(guarded.address);
  const refused = await call("ModelInfer", inferOf("m", ["a secret"], { parameters: limited(7) }), { to });
  expect([refused.code, refused.details, refused.metadata?.get("retry-after")]).toEqual([
    status.UNAUTHENTICATED,
    "this needs a key",
    ["3"],
  ]);
  expect(seen).toMatchObject([{ model: "m", asksModel: true, lengths: [7], body: { inputs: [{ data: ["a secret"] }] } }]);
  const metadata = new Metadata();
  metadata.set("authorization", "Bearer key");
  expect((await call("ModelInfer", inferOf("m", ["a"], { parameters: limited(1) }), { to, metadata })).code).toBe(status.OK);
  for (const method of ["ModelMetadata", "ModelConfig", "RepositoryIndex", "ModelStatistics"])
    expect([method, (await call(method, { name: "m" }, { to })).code]).toEqual([method, status.UNAUTHENTICATED]);
  const watched = stream(to);
  watched.send(inferOf("m", ["a"]));
  await once(watched.bidi, "data");
  expect(watched.heard[0]!.error).toBe("this needs a key");
  watched.bidi.cancel();
  await watched.ended;
  await guarded.close();
});

test("administrators alone load and unload, and a name that the server does not have is refused", async () => {
  for (const method of ["RepositoryModelLoad", "RepositoryModelUnload"])
    expect((await call(method, { model_name: "m" })).code).toBe(status.UNAUTHENTICATED);
  const elsewhere = new Raw(grpc.address, credentials.createInsecure(), { "grpc.default_authority": "elsewhere.example" });
  expect((await call("ServerMetadata", {}, { to: elsewhere })).code).toBe(status.PERMISSION_DENIED);
  elsewhere.close();
});

const health = (service: string, to = client): Promise<number> => {
  const request = Buffer.from(service === "" ? [] : [10, service.length, ...Buffer.from(service)]);
  return rawCall(to, "", request, { path: "/grpc.health.v1.Health/Check" }).then(a => ("error" in a ? -a.error.code : (a.bytes[1] ?? 0)));
};

test("gRPC's health checks serve while the server is ready", async () => {
  expect([await health(""), await health("inference.GRPCInferenceService"), await health("nobody")]).toEqual([1, 1, -status.NOT_FOUND]);
});

test("a server that shuts down says so, finishes what is under way, and ends its streams", async () => {
  const own = await opened();
  const listening = await listenGrpc(own.app, { port: 0 });
  const to = clientOf(listening.address);
  const watch = to.makeServerStreamRequest("/grpc.health.v1.Health/Watch", same, same, Buffer.alloc(0));
  const statuses: number[] = [];
  watch.on("data", (answer: Buffer) => statuses.push(answer[1] ?? 0));
  watch.on("error", () => {});
  await once(watch, "data");
  const idle = stream(to);
  idle.send(inferOf("m", ["a"], { parameters: limited(1) }));
  await once(idle.bidi, "data");
  const busy = stream(to);
  busy.send(inferOf("m", ["a"], { parameters: limited(60) }));
  await once(busy.bidi, "data");
  const drained = own.engines.drain();
  expect((await call("ModelInfer", inferOf("m", ["a"]), { to })).code).toBe(status.UNAVAILABLE);
  expect([await health("", to), (await call("ServerReady", {}, { to })).value]).toEqual([2, { ready: false }]);
  await once(watch, "data");
  await drained;
  while (!busy.heard.at(-1)!.isFinal) await once(busy.bidi, "data");
  await listening.close();
  expect([await idle.ended, await busy.ended]).toEqual([status.UNAVAILABLE, status.UNAVAILABLE]);
  expect(busy.heard.map(h => h.text).join("")).toBe("1".repeat(60));
  expect(statuses).toEqual([1, 2]);
  await own.engines.close();
});

test("a port that is taken is an error that says what to do", async () => {
  await expect(listenGrpc(shared.app, { port: grpc.port })).rejects.toMatchObject({
    code: "serve/portInUse",
    message: expect.stringContaining("--grpc 0"),
  });
});
