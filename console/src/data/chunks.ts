/** Rows of a long list, loaded in parts when they come into view; parts far away are forgotten. */
import { useCallback, useEffect, useRef, useState } from "react";
import { type Failure, failureOf } from "../failure.ts";

/** Rows asked for at once. */
export const chunkRows = 100;
/** Parts that stay. */
const keptChunks = 40;
/** A scroll bar that is dragged passes parts that nobody looks at. */
const restMs = 60;

/** Parts that rows from `first` to before `end` are in. */
export const chunksOf = (first: number, end: number): number[] =>
  Array.from(
    { length: Math.max(0, Math.ceil(end / chunkRows) - Math.floor(first / chunkRows)) },
    (_, i) => Math.floor(first / chunkRows) + i,
  );

export interface Chunks<T, P> {
  readonly rowAt: (index: number) => T | undefined;
  /** The newest answer. */
  readonly page: P | undefined;
  readonly failure: Failure | undefined;
  readonly onRange: (first: number, end: number) => void;
  readonly reload: () => void;
}

interface Held<T, P> {
  readonly key: string;
  readonly round: number;
  readonly rows: ReadonlyMap<number, readonly T[]>;
  readonly page?: P | undefined;
  readonly failure?: Failure | undefined;
}

/** `key` names the list: another one begins anew. `again`: ask for the first part again after so many ms, where the answer is unfinished. */
export function useChunks<P, T>(
  key: string,
  load: (cursor: number, signal: AbortSignal) => Promise<P>,
  rowsOf: (page: P) => readonly T[],
  again: (page: P) => number | undefined,
): Chunks<T, P> {
  const [state, setState] = useState<Held<T, P>>({ key, round: 0, rows: new Map() });
  const [range, setRange] = useState<readonly [number, number]>([0, 1]);
  const [round, setRound] = useState(0);
  const now = useRef({ load, rowsOf, again, state });
  now.current = { load, rowsOf, again, state };

  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const isKnown = (chunk: number) => {
      const { state: held } = now.current;
      return held.key === key && held.round === round && held.rows.has(chunk);
    };
    const loadMissing = async () => {
      for (const chunk of chunksOf(...range)) {
        if (isKnown(chunk)) continue;
        try {
          const page = await now.current.load(chunk * chunkRows, abort.signal);
          if (abort.signal.aborted) return;
          const waitMs = now.current.again(page);
          setState(before => {
            // what an earlier round found stays until it is found again
            const rows = new Map(before.key === key ? before.rows : []);
            rows.delete(chunk);
            rows.set(chunk, now.current.rowsOf(page));
            for (const oldest of rows.keys()) if (rows.size > keptChunks) rows.delete(oldest);
            return { key, round, rows, page };
          });
          if (waitMs !== undefined) timer = setTimeout(() => setRound(n => n + 1), waitMs);
        } catch (error) {
          if (!abort.signal.aborted)
            setState(before => ({ key, round, rows: before.key === key ? before.rows : new Map(), failure: failureOf(error) }));
          return;
        }
      }
    };
    timer = setTimeout(() => void loadMissing(), restMs);
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [key, range, round]);

  // rows of the same parts change nothing here, and draw nothing again
  const onRange = useCallback(
    (first: number, end: number) => setRange(before => (`${chunksOf(...before)}` === `${chunksOf(first, end)}` ? before : [first, end])),
    [],
  );
  const reload = useCallback(() => setRound(n => n + 1), []);
  const isThis = state.key === key;
  return {
    rowAt: index => (isThis ? state.rows.get(Math.floor(index / chunkRows))?.[index % chunkRows] : undefined),
    page: isThis ? state.page : undefined,
    failure: isThis ? state.failure : undefined,
    onRange,
    reload,
  };
}
