/**
 * Memory that JavaScript code outside Loam holds a view of. It must stay where it is while native code may use it, so it cannot be
 * transferred: `postMessage` and `structuredClone` copy it or refuse it (Node's rule), and its own `transfer` methods throw. A detached
 * buffer (through `ArrayBuffer.prototype`) is found before the next use. Reading: Node's worker_threads.markAsUntransferable.
 */
import { markAsUntransferable } from "node:worker_threads";
import { tensorErrors } from "./errors.ts";

const refused = (): never => {
  throw tensorErrors.fail("argument", {
    place: "view",
    expected: "memory that stays with its array",
    received: "a transfer of its buffer",
    hint: "Transfer the copy that read() gives.",
  });
};

/** From now on the buffer refuses to be transferred. */
export function pinBuffer(buffer: ArrayBufferLike): void {
  if (!(buffer instanceof ArrayBuffer)) return;
  markAsUntransferable(buffer);
  for (const name of ["transfer", "transferToFixedLength"]) Object.defineProperty(buffer, name, { value: refused });
}

/** The error for memory that was transferred all the same. */
export const detachedError = (place: string) =>
  tensorErrors.fail("disposed", { place, message: "the buffer of its view was transferred", hint: "Transfer the copy that read() gives." });
