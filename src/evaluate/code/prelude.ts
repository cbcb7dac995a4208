/** What programs find beside the language: `assert` as Node has it, as far as tests of small functions use it, and a `console` that says nothing. */
export const prelude = `
(() => {
  "use strict";
  class AssertionError extends Error {
    constructor(message) { super(message); this.name = "AssertionError"; }
  }
  const show = value => {
    try { return JSON.stringify(value, (_, v) => typeof v === "bigint" ? v + "n" : v === undefined ? "undefined" : v) ?? String(value); } catch { return String(value); }
  };
  const fail = (message, standard) => { throw message instanceof Error ? message : new AssertionError(message ?? standard); };
  const tagOf = value => Object.prototype.toString.call(value);
  const same = (a, b, isStrict, seen) => {
    if (Object.is(a, b) || (!isStrict && a == b)) return true;
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
    if (tagOf(a) !== tagOf(b) || (isStrict && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b))) return false;
    if (seen.some(([x, y]) => x === a && y === b)) return true;
    const inside = [...seen, [a, b]];
    if (a instanceof Date) return a.getTime() === b.getTime();
    if (a instanceof RegExp) return String(a) === String(b);
    if (a instanceof Set) return a.size === b.size && [...a].every(x => b.has(x) || [...b].some(y => same(x, y, isStrict, inside)));
    if (a instanceof Map) return a.size === b.size && [...a].every(([k, v]) => b.has(k) && same(v, b.get(k), isStrict, inside));
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every(k => Object.hasOwn(b, k) && same(a[k], b[k], isStrict, inside));
  };
  const beside = (a, b) => show(a) + " and " + show(b);
  const assert = (value, message) => { if (!value) fail(message, "expected something true, got " + show(value)); };
  const deep = isStrict => (a, b, message) => { if (!same(a, b, isStrict, [])) fail(message, "expected equal values, got " + beside(a, b)); };
  const notDeep = isStrict => (a, b, message) => { if (same(a, b, isStrict, [])) fail(message, "expected other values than " + show(a)); };
  const throws = (f, ...rest) => {
    try { f(); } catch (error) {
      const [expected] = rest;
      if (expected instanceof RegExp && !expected.test(String(error))) throw error;
      if (typeof expected === "function" && expected.prototype !== undefined && !(error instanceof expected)) throw error;
      return;
    }
    fail(undefined, "expected an error, got none");
  };
  Object.assign(assert, {
    AssertionError,
    ok: assert,
    equal: (a, b, message) => { if (!(a == b || (a !== a && b !== b))) fail(message, "expected equal values, got " + beside(a, b)); },
    notEqual: (a, b, message) => { if (a == b) fail(message, "expected another value than " + show(a)); },
    strictEqual: (a, b, message) => { if (!Object.is(a, b)) fail(message, "expected equal values, got " + beside(a, b)); },
    notStrictEqual: (a, b, message) => { if (Object.is(a, b)) fail(message, "expected another value than " + show(a)); },
    deepEqual: deep(false),
    deepStrictEqual: deep(true),
    notDeepEqual: notDeep(false),
    notDeepStrictEqual: notDeep(true),
    throws,
    fail: message => fail(message, "failed"),
  });
  assert.strict = assert;
  const modules = { assert, "assert/strict": assert };
  const require = name => {
    const found = modules[String(name).replace(/^node:/, "")];
    if (found === undefined) throw new Error("expected assert, the only module here, got " + show(name));
    return found;
  };
  const quiet = () => {};
  const console = Object.fromEntries(["log", "info", "warn", "error", "debug"].map(name => [name, quiet]));
  for (const [name, value] of Object.entries({ assert, require, console }))
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
})();
`;
