/** Cutting is linear and does not depend on how the bytes came: events and lines alike. */
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { cutEvents, type EventCutter } from "./cut-events.ts";
import { cutLines } from "./cut-lines.ts";

afterEach(() => vi.restoreAllMocks());

const cutters: readonly (readonly [string, () => EventCutter])[] = [
  ["events", cutEvents],
  ["lines", cutLines],
];

/** Line ends in every order, and what stands between them. */
const bytesOf = fc.array(fc.constantFrom("\n", "\r", "\r\n", "\n\n", "\n\r\n", "data: ", ": ", "é", "x"), { maxLength: 60 });

/** What came of it, read at the end: an event's bytes are not written over by what comes later. */
function cut(cutter: EventCutter, bytes: Buffer, ends: readonly number[]) {
  let from = 0;
  const events = [...ends, bytes.length].flatMap(to => {
    // a socket's piece is its own
    const piece = Buffer.from(bytes.subarray(from, to));
    from = to;
    return cutter.push(piece);
  });
  return { events: events.map(e => [e.bytes.toString("latin1"), e.data]), pending: cutter.pendingBytes };
}

for (const [what, cutterOf] of cutters) {
  test(`${what}: any cutting of any bytes gives what all of them at once give`, () => {
    fc.assert(
      fc.property(bytesOf, fc.array(fc.nat(200), { maxLength: 30 }), (parts, cuts) => {
        const bytes = Buffer.from(parts.join(""));
        const whole = cut(cutterOf(), bytes, []);
        const ends = cuts.map(c => Math.min(c, bytes.length)).sort((a, b) => a - b);
        expect(cut(cutterOf(), bytes, ends)).toEqual(whole);
        expect(cut(cutterOf(), bytes, [...bytes.keys()])).toEqual(whole);
        expect(whole.events.map(e => e[0]).join("").length + whole.pending).toBe(bytes.length);
      }),
      { numRuns: 500 },
    );
  });

  test(`${what}: an end that does not come is looked for once in each byte, and each is copied about twice, however small the pieces`, () => {
    let copied = 0;
    let looked = 0;
    const { copy, indexOf } = Buffer.prototype;
    vi.spyOn(Buffer.prototype, "copy").mockImplementation(function (this: Buffer, ...given: Parameters<typeof copy>) {
      const count = copy.apply(this, given);
      copied += count;
      return count;
    });
    vi.spyOn(Buffer.prototype, "indexOf").mockImplementation(function (this: Buffer, value: unknown, from: unknown = 0) {
      looked += this.length - Number(from);
      return indexOf.call(this, value as number, from as number);
    });
    const cutter = cutterOf();
    const [piece, times] = [7, 4_000];
    for (let i = 0; i < times; i++) cutter.push(Buffer.from("data: x"));
    const size = piece * times;
    expect(cutter.pendingBytes).toBe(size);
    expect(copied).toBeGreaterThan(0);
    expect(copied).toBeLessThan(4 * size);
    expect(looked).toBeGreaterThanOrEqual(size);
    expect(looked).toBeLessThan(2 * size);
  });
}
