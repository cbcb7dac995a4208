/** Triton's own Python client, over HTTP, asyncio and gRPC, against a real server: what it makes of every call (`bench/peers/triton_client.py`). */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { root } from "../../../test/support/child.ts";
import { clientPython, lacksClients } from "../../../test/support/client-python.ts";
import { Login } from "../../session/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { createEmbeddingEngine } from "../embedding/embedding-engine.ts";
import { createEngine } from "../engine.ts";
import { tinyModel } from "../fakes.ts";
import { createApp } from "../http/app.ts";
import { tinyEncoder } from "../http/fakes.ts";
import { testFleet } from "../lifecycle/fakes.ts";
import { listen } from "../listen.ts";
import { listenGrpc } from "./listen-grpc.ts";

const why = lacksClients("tritonclient.grpc.aio, tritonclient.http.aio");

/** The Python example of the page, with the addresses of a server. */
function pageExample(http: number, grpc: string): string {
  const page = readFileSync(new URL("../../../docs/open-inference.md", import.meta.url), "utf8");
  const [, code = ""] = /```python\n([\s\S]*?)```/.exec(page) ?? [];
  return code.replace("127.0.0.1:8080", `127.0.0.1:${http}`).replace("127.0.0.1:8001", grpc);
}

test.skipIf(why !== "")(`the example of docs/open-inference.md runs${why && ` (skipped: ${why})`}`, async () => {
  const device = openDevice("cpu", { threads: 1 });
  const engine = createEngine({ model: await tinyModel(device, { id: "mail-small@1", name: "mail-small", version: 1 }), device, slots: 2 });
  const encoder = createEmbeddingEngine({ model: await tinyEncoder(device, { id: "minilm@1", name: "minilm", version: 1 }), device });
  await Promise.all([engine.ready, encoder.ready]);
  const app = createApp({ engines: [engine], encoders: [encoder] });
  const server = await listen(app, { port: 0 });
  const grpc = await listenGrpc(app, { port: 0 });
  try {
    const { stdout } = await promisify(execFile)(clientPython, ["-c", pageExample(server.port, grpc.address)]);
    expect(stdout).toMatch(/^\(2, 32\)\n\[b['"].+['"]\]\n/);
    expect(stdout).not.toMatch(/error/i);
  } finally {
    await grpc.close();
    await server.close();
  }
});

test.skipIf(why !== "")(
  `Triton's client: health, metadata, binary tensors, codings, streams, the repository, errors${why && ` (skipped: ${why})`}`,
  async () => {
    const device = openDevice("cpu", { threads: 1 });
    const { engines, fleet } = await testFleet(device);
    const encoder = createEmbeddingEngine({ model: await tinyEncoder(device, { id: "vectors@1", name: "vectors", version: 1 }), device });
    engines.addEncoder(encoder);
    const login = new Login({ info: { gateway: false, record: false } });
    const failures: unknown[] = [];
    const app = createApp({ engines, fleet, login, version: "1.2.3", onFailure: error => failures.push(error) });
    const server = await listen(app, { port: 0 });
    const grpc = await listenGrpc(app, { port: 0 });
    try {
      await Promise.all([fleet.load("m", 1), encoder.ready]);
      const { stdout } = await promisify(execFile)(clientPython, [
        join(root, "bench/peers/triton_client.py"),
        `127.0.0.1:${server.port}`,
        grpc.address,
        "m",
        "vectors",
        login.token,
      ]);
      const heard = JSON.parse(stdout) as Record<string, ReturnType<typeof JSON.parse>>;
      const post = async (path: string, body: object): Promise<ReturnType<typeof JSON.parse>> =>
        (await fetch(`${server.url}${path}`, { method: "POST", body: JSON.stringify(body) })).json();
      const data = ["a cat", "żółw", "x".repeat(70)];
      const inputs = (texts: string[]) => [{ name: "text", datatype: "BYTES", shape: [texts.length], data: texts }];

      expect(heard.health).toEqual([true, true]);
      expect(heard["not ready"]).toEqual([false, false]);
      expect(heard.server[0]).toMatchObject({ name: "loam", version: "1.2.3" });
      expect(heard.server[1]).toEqual(heard.server[0]);
      const tensors = [{ name: "embedding", datatype: "FP32" }];
      for (const metadata of heard.metadata) expect(metadata).toMatchObject({ name: "vectors", versions: ["1"], outputs: tensors });
      expect(heard.config[0]).toMatchObject({ name: "m", backend: "loam", model_transaction_policy: { decoupled: true } });
      expect(heard.config[1]).toMatchObject({ name: "m", backend: "loam", model_transaction_policy: { decoupled: true } });
      expect(heard.config[1].input.length).toBe(heard.config[0].input.length);
      expect(heard.index[0]).toEqual([
        { name: "m", version: "1", state: "READY", reason: "" },
        { name: "vectors", version: "1", state: "READY", reason: "" },
      ]);
      expect(heard.index[1]).toMatchObject(heard.index[0].map(({ name, state }: { name: string; state: string }) => ({ name, state })));

      // binary data are the numbers of float32, JSON has them as doubles: the same when they are read as float32
      const single = (rows: number[][]) => rows.map(row => row.map(Math.fround));
      const { outputs } = await post("/v2/models/vectors/infer", { inputs: inputs(data) });
      const vectors = data.map((_, i) => outputs[0].data.slice(32 * i, 32 * (i + 1)).map(Math.fround));
      expect(Object.keys(heard.vectors)).toEqual([
        ...["binary", "json", "mixed", "shaped", "gzip", "deflate"],
        ...["grpc", "grpc gzip", "grpc deflate"],
      ]);
      for (const [how, rows] of Object.entries(heard.vectors)) expect(single(rows as number[][]), how).toEqual(vectors);
      expect([single(heard["async http"]), single(heard["async grpc"])]).toEqual([vectors, vectors]);

      const parameters = { max_tokens: 6, temperature: 0 };
      const own = await post("/v2/models/m/versions/1/infer", { inputs: inputs(["Once", "Then"]), parameters });
      for (const [how, texts] of Object.entries(heard.answers)) expect(texts, how).toEqual(own.outputs[0].data);
      const [once] = own.outputs[0].data;
      expect([single(heard.aio[0]), single(heard.aio[1]), heard.aio[2]]).toEqual([vectors, vectors, { 0: once, 1: once }]);
      expect(heard.stream).toMatchObject({ wrong: expect.stringContaining("nobody"), text: once, finals: [false, true] });
      expect(heard.stream.pieces).toBeGreaterThan(1);
      expect(single([heard.stream.vector])).toEqual([vectors[0]]);

      expect(heard.refused).toEqual([
        ["401", expect.stringContaining("token")],
        ["StatusCode.UNAUTHENTICATED", expect.stringContaining("token")],
      ]);
      expect(heard.configured).toEqual(["StatusCode.INVALID_ARGUMENT", expect.stringContaining("parameters.config")]);
      expect(heard.statistics[0]).toEqual(["vectors", expect.any(Number)]);
      expect(heard.statistics[1][1]).toBeGreaterThan(30);
      expect(heard.regions).toEqual([[], {}]);
      expect(heard.absent.map(([status]: string[]) => status)).toEqual([
        "400",
        "StatusCode.UNIMPLEMENTED",
        "400",
        "StatusCode.UNIMPLEMENTED",
      ]);
      expect(heard.absent[0][1]).toMatch(/shared memory is not supported/);
      expect(heard.settings).toEqual([["OFF"], { bool_param: true }]);

      const status = heard.failures.map(([code]: string[]) => code);
      expect(status).toEqual([
        ...["404", "StatusCode.NOT_FOUND"],
        ...["400", "StatusCode.INVALID_ARGUMENT"],
        ...["400", "StatusCode.RESOURCE_EXHAUSTED"],
        "StatusCode.DEADLINE_EXCEEDED",
      ]);
      expect(heard.failures[2][1]).toMatch(/inputs\[0\]\.datatype: expected BYTES, got "INT32"/);
      expect(failures).toEqual([]);
    } finally {
      await grpc.close();
      await server.close();
    }
  },
);
