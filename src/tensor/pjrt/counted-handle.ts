/** A plugin's object that native calls in flight may still use: it is freed once it is disposed and no call has it, or when its owner is collected. */
import { pjrtErrors } from "./errors.ts";

interface Freed {
  readonly free: () => void;
}
/** Objects whose owners were collected without `dispose`. */
const collected = new FinalizationRegistry<Freed>(handle => handle.free());

export class CountedHandle {
  readonly #name: string;
  readonly #handle: Freed;
  #pointer: bigint | undefined;
  #uses = 0;
  #isDisposed = false;

  /** `free` must not refer to `owner`, or the owner is never collected. */
  constructor(owner: object, name: string, pointer: bigint, free: () => void) {
    this.#name = name;
    this.#pointer = pointer;
    this.#handle = { free };
    collected.register(owner, this.#handle, this.#handle);
  }

  /** Errors: pjrt/disposed. */
  get pointer(): bigint {
    if (this.#pointer === undefined || this.#isDisposed)
      throw pjrtErrors.fail("disposed", { place: `PJRT ${this.#name}`, message: `the ${this.#name} was disposed` });
    return this.#pointer;
  }

  /** Keeps the pointer valid for a call on another thread, until `release`. */
  hold(): void {
    this.#uses++;
  }
  release(): void {
    this.#uses--;
    this.#freeIfUnused();
  }
  /** Twice is allowed. */
  dispose(): void {
    this.#isDisposed = true;
    this.#freeIfUnused();
  }

  #freeIfUnused(): void {
    if (!this.#isDisposed || this.#uses > 0 || this.#pointer === undefined) return;
    collected.unregister(this.#handle);
    this.#handle.free();
    this.#pointer = undefined;
  }
}
