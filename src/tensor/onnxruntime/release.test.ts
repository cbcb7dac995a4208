import { expect, test } from "vitest";
import { writeModel } from "../onnx/index.ts";
import { ProtobufWriter } from "../onnx/protobuf.ts";
import { loadLibrary, openRuntime } from "./index.ts";

/** What makes a native object, and what must free it. */
const pairs = {
  CreateTensorWithDataAsOrtValue: "ReleaseValue",
  CreateRunOptions: "ReleaseRunOptions",
  CreateSessionOptions: "ReleaseSessionOptions",
  CreateSessionFromArray: "ReleaseSession",
  SessionGetInputTypeInfo: "ReleaseTypeInfo",
  SessionGetOutputTypeInfo: "ReleaseTypeInfo",
  SessionGetInputName: "AllocatorFree",
  SessionGetOutputName: "AllocatorFree",
  CreateAllocator: "ReleaseAllocator",
  AllocatorGetStats: "ReleaseKeyValuePairs",
} as const;

const runtime = openRuntime({ threads: 1 });
const library = loadLibrary();
const balance = new Map<string, number>();
const count = (name: string, by: number) => balance.set(name, (balance.get(name) ?? 0) + by);
const made = (name: string) => {
  if (name in pairs) count(pairs[name as keyof typeof pairs], 1);
};
const freed = (name: string) => {
  if ((Object.values(pairs) as string[]).includes(name)) count(name, -1);
};
const { create, createAsync, raw, call } = library;
library.create = (name, ...args) => {
  const pointer = create(name, ...args);
  made(name);
  return pointer;
};
library.createAsync = async (keep, name, ...args) => {
  const pointer = await createAsync(keep, name, ...args);
  made(name);
  return pointer;
};
library.raw = (name, ...args) => {
  freed(name);
  return raw(name, ...args);
};
library.call = (name, ...args) => {
  freed(name);
  call(name, ...args);
};

/** A model whose input is f64, which Loam has no name for: its session is made and cannot be used. */
function foreignModel(): Uint8Array {
  const w = new ProtobufWriter();
  const port = (field: number, name: string, type: number) =>
    w.message(field, () => {
      w.string(1, name);
      w.message(2, () => w.message(1, () => w.int(1, type)));
    });
  w.int(1, 10);
  w.message(7, () => {
    w.message(1, () => {
      w.string(1, "d");
      w.string(2, "e");
      w.string(4, "Identity");
    });
    w.string(2, "graph");
    port(11, "d", 11);
    port(12, "e", 11);
  });
  w.message(8, () => w.int(2, 21));
  return w.finish();
}

test("every native object that is made is freed once, whatever fails on the way", async () => {
  const value = (name: string) => ({ name, dtype: "f32" as const, shape: [4, "n"] });
  const model = writeModel({
    nodes: [{ op: "Neg", inputs: ["x"], outputs: ["y"] }],
    inputs: [value("x")],
    outputs: [value("y")],
    initializers: [],
  });
  const session = runtime.createSession(model, { arena: "own" });
  const second = await runtime.createSessionAsync(model);
  const [x, y] = [runtime.allocate("f32", [4, 2]), runtime.allocate("f32", [4, 2])];
  const view = x.view([8]);
  const run = session.prepare({ x }, { y });
  run.sync();
  await run.async();
  session.memory();
  expect(() => session.prepare({ x: view }, { y })).toThrow();
  expect(() => session.prepare({ x }, { y }, { inPlace: ["z"] })).toThrow();
  expect(() => session.prepare({ x }, { y: x })).toThrow();
  expect(() => runtime.createSession(new Uint8Array([1, 2, 3]))).toThrow();
  await expect(runtime.createSessionAsync(new Uint8Array([1, 2, 3]))).rejects.toThrow();
  expect(() => runtime.createSession(model, { config: { "": "an entry without a name" } })).toThrow();
  expect(() => runtime.createSession(foreignModel())).toThrowError(/d: .*ONNX type 11/);
  expect(() => runtime.wrap(new Uint8Array(3), "f32", [1])).toThrow();
  const pending = run.async();
  for (const part of [run, view, x, y, session, second]) part.dispose();
  await pending;
  for (const part of [run, view, x, y, session, second]) part.dispose();
  expect(Object.fromEntries([...balance].filter(([, left]) => left !== 0))).toEqual({});
  expect([...balance.keys()].toSorted()).toEqual([...new Set(Object.values(pairs))].toSorted());
});
