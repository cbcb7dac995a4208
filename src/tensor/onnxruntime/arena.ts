/**
 * Where the values between operators live. One arena of the process serves all sessions, so that programs which run in turn share
 * memory, and a limit holds for all of them together. It grows by what is asked for, not by powers of two, and keeps what it has.
 */
import { pointerList, stringList } from "./c-strings.ts";
import { engineErrors } from "./errors.ts";
import type { Library, Pointer } from "./library.ts";

export interface ArenaStats {
  /** Bytes that values use now. */
  readonly inUseBytes: number;
  /** The most they ever used at once. */
  readonly peakBytes: number;
  /** Bytes taken from the system. */
  readonly reservedBytes: number;
  /** undefined where none is set. */
  readonly limitBytes: number | undefined;
}

/** kSameAsRequested: with the default (next power of two) a peak of 279 MB took 537 MB from the system. */
const growByWhatIsAsked = 1n;

/** Makes the process's shared arena. Once a process. */
export function createSharedArena(library: Library, env: Pointer, memory: Pointer, limitBytes: number | undefined): void {
  const keys = stringList(library, ["max_mem", "arena_extend_strategy"]);
  const values = pointerList(library, [BigInt(limitBytes ?? 0), growByWhatIsAsked]);
  const config = library.create("CreateArenaCfgV2", keys.pointer, values.pointer, 2);
  try {
    library.call("CreateAndRegisterAllocator", env, memory, config);
  } finally {
    library.raw("ReleaseArenaCfg", config);
    void keys.keep;
    void values.keep;
  }
}

/** Figures of the arena that a session uses. Throws `onnxruntime/option` for a session without one. */
export function arenaStats(library: Library, session: Pointer, memory: Pointer): ArenaStats {
  const allocator = library.create("CreateAllocator", session, memory);
  try {
    const pairs = library.create("AllocatorGetStats", allocator);
    const [keys, values, count]: [(Pointer | null)[], (Pointer | null)[], number[]] = [[null], [null], [0]];
    library.raw("GetKeyValuePairs", pairs, keys, values, count);
    const texts = (box: (Pointer | null)[]) => (box[0] ? library.pointers(box[0], Number(count[0])).map(library.text) : []);
    const names = texts(keys);
    const figures = new Map(texts(values).map((v, i) => [names[i]!, Number(v)]));
    library.raw("ReleaseKeyValuePairs", pairs);
    const figure = (name: string): number => {
      const value = figures.get(name);
      if (value === undefined)
        throw engineErrors.fail("option", { place: "arena", expected: "a session that uses an arena", received: "one without" });
      return value;
    };
    const limit = figure("Limit");
    return {
      inUseBytes: figure("InUse"),
      peakBytes: figure("MaxInUse"),
      reservedBytes: figure("TotalAllocated"),
      limitBytes: limit > 0 && limit < Number.MAX_SAFE_INTEGER ? limit : undefined,
    };
  } finally {
    library.raw("ReleaseAllocator", allocator);
  }
}
