import { afterAll, expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { programOf } from "./program.ts";
import { openSandbox, type ProgramVerdict } from "./sandbox.ts";

const sandbox = openSandbox(2);
afterAll(() => sandbox[Symbol.dispose]());

const limits = { timeMs: 400, memoryBytes: 16 * 2 ** 20, wallMs: 4000 };
const run = (source: string): Promise<ProgramVerdict> => sandbox.run(source, limits);
/** For a limit that is reached by computing: on a busy machine that takes longer than what ends an endless loop. */
const longer = { ...limits, timeMs: 10_000, wallMs: 20_000 };

const tests = `
const assert = require("node:assert");
function check(candidate) {
  assert.strictEqual(candidate(2, 3), 5);
  assert.deepEqual([candidate(0, 0)], [0]);
}`;
const add = (body: string) => programOf("function add(a, b) {\n", `${body}\n}`, { tests, entryPoint: "add" });

test("a right answer passes; a wrong one, a missing one and one that is no program say why", async () => {
  expect(await run(add("return a + b;"))).toEqual({ passed: true });
  expect(await run(add("return a - b;"))).toEqual({
    passed: false,
    failure: "error",
    message: "AssertionError: expected equal values, got -1 and 5",
  });
  expect(await run(programOf("", "function plus() {}", { tests, entryPoint: "add" }))).toMatchObject({
    passed: false,
    message: "Error: expected a function add, got undefined",
  });
  expect(await run(add("return a +"))).toMatchObject({ passed: false, failure: "error", message: expect.stringContaining("SyntaxError") });
});

test("tests that take time are waited for, and a promise that is never kept is a failure", async () => {
  const later = (body: string) =>
    programOf("", `async function f() { ${body} }`, {
      tests: "async function check(f) { await null; if ((await f()) !== 7) throw new Error('not 7'); }",
      entryPoint: "f",
    });
  expect(await run(later("await null; return 7;"))).toEqual({ passed: true });
  expect(await run(later("return 8;"))).toMatchObject({ passed: false, message: "Error: not 7" });
  expect(await run(later("await new Promise(() => {});"))).toMatchObject({ passed: false, message: "a promise that is never kept" });
});

const hostile: Readonly<Record<string, readonly [source: string, failure: ProgramVerdict["failure"] | RegExp]>> = {
  "an endless loop": ["while (true) {}", "timeout"],
  "an endless loop that catches everything": ["for (;;) { try { for (;;) {} } catch (e) {} finally { continue; } }", "timeout"],
  "an endless loop in a promise": ["Promise.resolve().then(() => { while (1) {} })", "timeout"],
  "promises without end": ["const f = () => Promise.resolve().then(f); f()", "timeout"],
  "an array without end": ["const a = []; for (;;) a.push([1, 2, 3])", "memory"],
  "a text that doubles": ["let s = 'x'; for (;;) s += s", /memory|error/],
  "a buffer of 4 GB": ["new Uint8Array(2 ** 32 - 1).fill(1)", /memory|error/],
  "recursion without end": ["const f = n => 1 + f(n + 1); f(0)", "stack"],
  "recursion of the parser": ["eval('['.repeat(1e6))", /stack|error|memory/],
  "recursion of JSON": ["let a = []; for (let i = 0; i < 1e6; i++) a = [a]; JSON.stringify(a)", /stack|memory|timeout|error/],
  "a pattern that backtracks": ["/^(a+)+$/.test('a'.repeat(40) + 'b')", /timeout|killed|memory|error/],
  "an operation without end": ["new Array(2 ** 31).join('').length", /timeout|killed|memory|error/],
  "a getter that throws itself": ["throw { get message() { throw 1 }, toString() { throw 2 } }", /error/],
};
for (const [name, [source, failure]] of Object.entries(hostile))
  test(`${name} is a failure, and the next program runs as if it had not been`, async () => {
    const verdict = await sandbox.run(source, failure === "memory" || failure === "stack" ? longer : limits);
    expect(verdict.passed).toBe(false);
    if (failure instanceof RegExp) expect(verdict.failure).toMatch(failure);
    else expect(verdict.failure).toBe(failure);
    expect(await Promise.all([run(add("return a + b;")), run(add("return b + a;"))])).toEqual([{ passed: true }, { passed: true }]);
  });

test("there is nothing to reach: no process, no files, no network, no modules, nothing of another program", async () => {
  const names = [
    "process",
    "fetch",
    "XMLHttpRequest",
    "WebSocket",
    "Deno",
    "Bun",
    "globalThis.constructor.constructor('return process')()",
  ];
  for (const name of names) expect(await run(`${name}.anything`), name).toMatchObject({ passed: false, failure: "error" });
  expect(await run("require('fs')")).toMatchObject({ passed: false, message: expect.stringContaining("expected assert") });
  expect(await run("import('fs')")).toMatchObject({ passed: false });
  await run("globalThis.left = 1; Array.prototype.at = () => 'mine'");
  expect(await run("if (globalThis.left !== undefined || [1].at(0) !== 1) throw new Error('left over')")).toEqual({ passed: true });
});

test("the time that a process takes to start is not the program's", async () => {
  // More than any machine of ours has cores, so that they wait for one another while they start.
  const processes = rounds(24, 8);
  using busy = openSandbox(processes);
  const all = await Promise.all(Array.from({ length: processes }, () => busy.run("1 + 1", { ...limits, wallMs: 1000 })));
  expect(all).toEqual(all.map(() => ({ passed: true })));
});

test("an evaluation that is stopped stops its programs", async () => {
  const stop = new AbortController();
  const running = sandbox.run("for (;;) {}", { ...limits, timeMs: 60_000 }, stop.signal);
  setTimeout(() => stop.abort(new Error("enough")), 50);
  await expect(running).rejects.toThrow("enough");
  expect(await run(add("return a + b;"))).toEqual({ passed: true });
});
