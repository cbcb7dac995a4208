/** PJRT's C API: what is refused before native code runs, and what the CPU plugin gives back. */
import { existsSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, test, vi } from "vitest";
import { lacksPjrt, pjrtReason } from "../../../test/support/pjrt.ts";
import { loadKoffi } from "../../machine/index.ts";
import { openDevice } from "../index.ts";
import { findLibrary } from "../onnxruntime/index.ts";
import { encodeCompileOptions } from "./compile-options.ts";
import { findPlugin, openClient, type PjrtBuffer, pluginTable } from "./index.ts";
import { loadPlugin, PjrtTable, pluginApi } from "./native.ts";
import { readNamedValues, writeNamedValues } from "./options.ts";

const problem = (code: string) => expect.objectContaining({ problem: expect.objectContaining({ code }) });
afterEach(() => vi.unstubAllEnvs());

describe("refusals", () => {
  test.each(Object.keys(pluginTable) as (keyof typeof pluginTable)[])(
    "pjrt:%s without its variable names the variable and the package to download",
    name => {
      const row = pluginTable[name];
      vi.stubEnv(row.variable, "");
      expect(() => findPlugin(name)).toThrow(problem("pjrt/plugin"));
      expect(() => findPlugin(name)).toThrow(new RegExp(`pip download --no-deps ${row.package}.*${row.variable}`));
      vi.stubEnv(row.variable, "/nowhere/plugin.so");
      expect(() => findPlugin(name)).toThrow(/"\/nowhere\/plugin\.so", which does not exist/);
    },
  );

  test.skipIf(existsSync("/dev/accel0") || existsSync("/dev/vfio/0"))(
    "pjrt:tpu on a machine without a TPU is refused at once (skipped: this platform has one)",
    () => {
      vi.stubEnv("LOAM_PJRT_TPU", findLibrary("cpu")); // never loaded
      expect(() => openDevice("pjrt:tpu")).toThrow(problem("pjrt/device"));
      expect(() => openDevice("pjrt:tpu")).toThrow(/no TPU.*loam train compile needs none/);
    },
  );

  test("a path that does not exist, a file that is no library, a library that is no plugin", async () => {
    expect(() => findPlugin("/nowhere/plugin.so")).toThrow(/device pjrt:\/nowhere\/plugin\.so.*expected the path of a PJRT plugin/);
    const folder = await mkdtemp(join(tmpdir(), "loam-pjrt-"));
    try {
      const file = join(folder, "plugin.so");
      writeFileSync(file, "text");
      expect(() => loadPlugin(file)).toThrow(/cannot be loaded/);
      expect(() => loadPlugin(findLibrary("cpu"))).toThrow(/expected a PJRT plugin, which has the function GetPjrtApi/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test.each([
    ["another major version", 1, 60, 8 * 120],
    ["a table that is too short", 0, 10, 8 * 20],
  ])("a plugin with %s of the API is refused by its version", (_, major, minor, bytes) => {
    const koffi = loadKoffi();
    const table = Buffer.from(new ArrayBuffer(2048).slice(0));
    table.writeBigUInt64LE(BigInt(40 + bytes), 0);
    table.writeInt32LE(major, 32);
    table.writeInt32LE(minor, 36);
    for (let at = 40; at < 40 + bytes; at += 8) table.writeBigUInt64LE(1n, at);
    expect(() => new PjrtTable(koffi, koffi.address(table), "other.so")).toThrow(problem("pjrt/version"));
    expect(() => new PjrtTable(koffi, koffi.address(table), "other.so")).toThrow(new RegExp(`other\\.so.*got ${major}\\.${minor}`));
  });
});

/** Runs the collector now. */
const collect = (): void => {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
};

test("memory that arguments point to is reachable until the plugin's function has returned, and no longer", async () => {
  const koffi = loadKoffi();
  // a plugin whose only function looks for the memory while it runs
  let look = () => {};
  const type = koffi.proto("void *loam_test_call(void *args)");
  const callback = koffi.register(() => {
    look();
    return null;
  }, koffi.pointer(type));
  const table = Buffer.from(new ArrayBuffer(2048));
  table.writeBigUInt64LE(2048n, 0);
  table.writeInt32LE(0, 32);
  table.writeInt32LE(106, 36);
  for (let at = 40; at < 2048; at += 8) table.writeBigUInt64LE(koffi.address(callback), at);
  const api = pluginApi(koffi, new PjrtTable(koffi, koffi.address(table), "looking"));
  try {
    // what is not held is gone while the function runs: the memory is looked for in earnest
    for (const [how, isHeld] of [
      ["call", true],
      ["callAsync", true],
      ["callAsync", false],
    ] as const) {
      const own: Float32Array[] = [new Float32Array(1000)];
      const ref = new WeakRef(own[0]!);
      let reachable: boolean | undefined;
      look = () => {
        collect();
        reachable = ref.deref() !== undefined;
      };
      // a weak reference holds until the end of the job that made it
      await new Promise(setImmediate);
      const begin = () => {
        const data = own.pop()!;
        const given = { data: api.addressOf(data) };
        const keep = isHeld ? [data] : [];
        return how === "call"
          ? api.call("Client_BufferFromHostBuffer", given, keep)
          : api.callAsync(keep, "Client_BufferFromHostBuffer", given);
      };
      await begin();
      expect(reachable, how).toBe(isHeld);
      await new Promise(setImmediate);
      collect();
      await new Promise(setImmediate);
      expect(ref.deref(), how).toBe(undefined);
    }
  } finally {
    koffi.unregister(callback);
  }
});

test("compile options are the bytes of XLA's message", () => {
  const head = (bytes: Uint8Array, n: number) => [...bytes.subarray(0, n)];
  // executable_build_options { num_replicas: 1, num_partitions: 1 }
  expect(head(encodeCompileOptions(), 6)).toEqual([0x1a, 4, 0x20, 1, 0x28, 1]);
  // ... device_assignment { replica_count: 1, computation_count: 1, computation_devices { replica_device_ids: 0 } }
  const assignment = [0x08, 1, 0x10, 1, 0x1a, 3, 0x0a, 1, 0];
  expect(head(encodeCompileOptions({ devices: [0] }), 17)).toEqual([0x1a, 15, 0x20, 1, 0x28, 1, 0x4a, assignment.length, ...assignment]);
});

const text = (body: string, signature = "%a: tensor<3xf32>", result = "tensor<3xf32>") =>
  `module @m {\n func.func public @main(${signature}) -> ${result} {\n${body}\n }\n}`;
const doubled = text("  %v = stablehlo.add %a, %a : tensor<3xf32>\n  return %v : tensor<3xf32>");

describe.skipIf(lacksPjrt !== undefined)(`the CPU plugin${pjrtReason}`, () => {
  const open = () => openClient(findPlugin("cpu"));
  const numbers = async (buffer: PjrtBuffer) => {
    const into = new Float32Array(3);
    await buffer.read(into, 1);
    return [...into];
  };
  test("names itself, its devices and its version", () => {
    const client = open();
    expect(client.platform).toBe("cpu");
    expect(client.devices.length).toBeGreaterThan(0);
    expect(client.api.version).toMatch(/^0\.\d+$/);
  });

  test("a program computes, says what it takes, and computes the same from its bytes", async () => {
    const client = open();
    const compiled = await client.compile(doubled, 1);
    const stats = compiled.stats();
    expect([stats.argumentBytes, stats.outputBytes]).toEqual([12, 12]);
    const loaded = client.load(compiled.serialize(), 1);
    for (const program of [compiled, loaded]) {
      const [[result]] = (await program.run([[client.upload(Float32Array.of(1, 2, 3), "f32", [3]).buffer]])) as [[PjrtBuffer]];
      expect(await numbers(result)).toEqual([2, 4, 6]);
    }
  });

  test("whatever address a call is given, the memory that lies there is held until it ends", async () => {
    const client = open();
    const { api } = client;
    const known = new Map<bigint, object>();
    const unheld: string[] = [];
    let checked = 0;
    const { addressOf, part, call, callAsync } = api;
    vi.spyOn(api, "addressOf").mockImplementation(memory => {
      const address = addressOf(memory);
      known.set(address, memory);
      return address;
    });
    vi.spyOn(api, "part").mockImplementation((name, values) => {
      const block = part(name, values);
      known.set(block.address, block.memory);
      return block;
    });
    /** Addresses in memory that a call holds are given to the call too. */
    const wordsIn = (memory: object): bigint[] => {
      if (!ArrayBuffer.isView(memory) || memory.byteLength % 8 !== 0) return [];
      const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
      return Array.from({ length: memory.byteLength / 8 }, (_, i) => view.getBigUint64(8 * i, true));
    };
    const check = (name: string, args: object, keep: readonly object[] = []) => {
      for (const address of [...Object.values(args), ...keep.flatMap(wordsIn)]) {
        const memory = typeof address === "bigint" ? known.get(address) : undefined;
        if (!memory) continue;
        checked++;
        if (!keep.includes(memory)) unheld.push(name);
      }
    };
    vi.spyOn(api, "call").mockImplementation((name, args, keep) => {
      check(name, args, keep);
      return call(name, args, keep);
    });
    vi.spyOn(api, "callAsync").mockImplementation((keep, name, args) => {
      check(name, args, keep);
      return callAsync(keep, name, args);
    });
    try {
      const compiled = await client.compile(doubled, 1);
      const loaded = client.load(compiled.serialize(), 1);
      const { buffer, done } = client.upload(Float32Array.of(1, 2, 3), "f32", [3]);
      await done;
      const [[result]] = (await loaded.run([[buffer]], [0])) as [[PjrtBuffer]];
      expect(await numbers(result)).toEqual([2, 4, 6]);
    } finally {
      vi.restoreAllMocks();
    }
    expect(unheld).toEqual([]);
    expect(checked).toBeGreaterThan(8);
  });

  test("text that is no program is refused with the plugin's words", async () => {
    await expect(open().compile(text("  return %b : tensor<3xf32>"), 1)).rejects.toThrow(problem("pjrt/program"));
    await expect(open().compile(text("  return %b : tensor<3xf32>"), 1)).rejects.toThrow(/PJRT Client_Compile/);
  });

  test("elements of another number or type than said are refused before native code sees them", () => {
    expect(() => open().upload(Float32Array.of(1), "f32", [3])).toThrow(/3 elements in a Float32Array.*got 1/);
    expect(() => open().upload(Int32Array.of(1), "f32", [1])).toThrow(problem("pjrt/program"));
  });

  test("a donated argument's memory is the result's, and its buffer is deleted; places that are kept are not", async () => {
    const client = open();
    const donating = doubled.replace("tensor<3xf32>)", "tensor<3xf32> {tf.aliasing_output = 0 : i32})");
    const program = await client.compile(donating, 1);
    const { buffer } = client.upload(Float32Array.of(1, 2, 3), "f32", [3]);
    const before = buffer.memoryAddress;
    const [[kept]] = (await program.run([[buffer]], [0])) as [[PjrtBuffer]];
    expect([buffer.isDonated, await numbers(kept)]).toEqual([false, [2, 4, 6]]);
    const [[result]] = (await program.run([[buffer]])) as [[PjrtBuffer]];
    expect([buffer.isDonated, result.memoryAddress]).toEqual([true, before]);
    expect(await numbers(result)).toEqual([2, 4, 6]);
    await expect(program.run([[buffer]])).rejects.toThrow(/deleted or donated/);
  });

  test("two devices of one process sum over each other", async () => {
    const client = openClient(findPlugin("cpu"), { cpu_device_count: 2 });
    expect(client.devices.length).toBe(2);
    const allReduce = text(
      `  %v = "stablehlo.all_reduce"(%a) <{replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>, channel_handle = #stablehlo.channel_handle<handle = 1, type = 0>}> ({
  ^bb0(%x: tensor<f32>, %y: tensor<f32>):
    %s = stablehlo.add %x, %y : tensor<f32>
    stablehlo.return %s : tensor<f32>
  }) : (tensor<3xf32>) -> tensor<3xf32>
  return %v : tensor<3xf32>`,
    );
    const program = await client.compile(allReduce, 1, { replicas: 2 });
    const given = [
      [1, 2, 3],
      [10, 20, 30],
    ].map((values, device) => [client.upload(Float32Array.from(values), "f32", [3], device).buffer]);
    for (const [result] of await program.run(given)) expect(await numbers(result!)).toEqual([11, 22, 33]);
  });

  test("options survive the way through native memory, and odd ones are refused by name", () => {
    const { api } = open();
    const values = { text: "é", whole: -7, part: 0.5, yes: true, list: [1, 2, 3] };
    const { list, count } = writeNamedValues(api, values);
    expect(readNamedValues(api, list.address, count)).toEqual(values);
    expect(() => writeNamedValues(api, { rate: Number.NaN })).toThrow(/PJRT option rate.*a finite number/);
  });

  test("an argument that is disposed while its run waits for a thread is read before its memory is another array's", async () => {
    const client = open();
    const program = await client.compile(doubled, 1);
    const running = Array.from({ length: 30 }, (_, i) => {
      const { buffer } = client.upload(Float32Array.of(i, i, i), "f32", [3]);
      const results = program.run([[buffer]]);
      buffer.dispose();
      client.upload(Float32Array.of(-1, -1, -1), "f32", [3]);
      return results;
    });
    for (const [i, results] of (await Promise.all(running)).entries())
      expect(await numbers(results[0]![0]!)).toEqual([2 * i, 2 * i, 2 * i]);
  });

  test("what was disposed is refused, and disposing twice is allowed", async () => {
    const client = open();
    const { buffer } = client.upload(Float32Array.of(1, 2, 3), "f32", [3]);
    const program = await client.compile(doubled, 1);
    const running = program.run([[buffer]]);
    program.dispose();
    const [[result]] = (await running) as [[PjrtBuffer]];
    expect(await numbers(result)).toEqual([2, 4, 6]);
    buffer.dispose();
    buffer.dispose();
    expect(() => buffer.pointer).toThrow(problem("pjrt/disposed"));
    await expect(program.run([[buffer]])).rejects.toThrow(problem("pjrt/disposed"));
  });
});
