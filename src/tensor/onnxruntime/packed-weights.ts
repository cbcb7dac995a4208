/**
 * What kernels make of constant weights (their own order of the same numbers), made once for all sessions over the same weights. It goes with
 * the last session that uses it.
 */
import type { Bindable } from "./binding.ts";
import type { Library, Pointer } from "./library.ts";

/** Weights of a program by the names of its initializers, and where their packed forms are kept. */
export interface Constants {
  readonly packed: PackedWeights;
  readonly buffers: ReadonlyMap<string, Bindable>;
}

export class PackedWeights {
  readonly #library: Library;
  #container: Pointer | undefined;
  #users = 0;

  constructor(library: Library) {
    this.#library = library;
  }

  /** The OrtPrepackedWeightsContainer, for a session that is made now and calls `letGo` when it is gone. */
  hold(): Pointer {
    this.#container ??= this.#library.create("CreatePrepackedWeightsContainer");
    this.#users++;
    return this.#container;
  }

  letGo(): void {
    if (--this.#users > 0 || this.#container === undefined) return;
    this.#library.raw("ReleasePrepackedWeightsContainer", this.#container);
    this.#container = undefined;
  }
}

/** Tells a session's options of its constants. Gives what must be done when the session is gone. */
export function takeConstants(library: Library, options: Pointer, { packed, buffers }: Constants): () => void {
  for (const [name, buffer] of buffers) library.call("AddInitializer", options, name, buffer.value);
  for (const buffer of buffers.values()) buffer.beginUse();
  return () => {
    for (const buffer of buffers.values()) buffer.endUse();
    packed.letGo();
  };
}
