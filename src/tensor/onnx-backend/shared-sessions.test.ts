import { expect, test } from "vitest";
import { writeModel } from "../onnx/index.ts";
import { type EngineSession, openRuntime } from "../onnxruntime/index.ts";
import { SharedSessions } from "./shared-sessions.ts";

const runtime = openRuntime({ threads: 1 });
const value = (name: string) => ({ name, dtype: "f32" as const, shape: [2] });
const model = (op: string) =>
  writeModel({ nodes: [{ op, inputs: ["x"], outputs: ["y"] }], inputs: [value("x")], outputs: [value("y")], initializers: [] });
const isAlive = (session: EngineSession): boolean => {
  const [x, y] = [runtime.allocate("f32", [2]), runtime.allocate("f32", [2])];
  try {
    session.prepare({ x }, { y }).sync();
    return true;
  } catch {
    return false;
  }
};

test("one program is built once, lives until its last user gives it back, and is built anew after that", async () => {
  const sessions = new SharedSessions();
  let built = 0;
  const lease = (op: string, variant = "") =>
    sessions.lease(model(op), variant, () => {
      built++;
      return runtime.createSessionAsync(model(op));
    });
  const [a, b] = await Promise.all([lease("Exp"), lease("Exp")]);
  expect([built, a.session === b.session]).toEqual([1, true]);
  const [other, variant] = [await lease("Neg"), await lease("Exp", "recomputes")];
  expect(built).toBe(3);
  a.release();
  a.release();
  await Promise.resolve();
  expect(isAlive(b.session)).toBe(true);
  b.release();
  await new Promise(resolve => setImmediate(resolve));
  expect([isAlive(b.session), isAlive(other.session), isAlive(variant.session)]).toEqual([false, true, true]);
  await lease("Exp");
  expect(built).toBe(4);
});

test("a program that cannot be built is tried again by the next", async () => {
  const sessions = new SharedSessions();
  const fail = () => sessions.lease(model("Exp"), "", () => Promise.reject(new Error("no memory")));
  await expect(Promise.all([fail(), fail()])).rejects.toThrow("no memory");
  const lease = await sessions.lease(model("Exp"), "", () => runtime.createSessionAsync(model("Exp")));
  expect(isAlive(lease.session)).toBe(true);
});
