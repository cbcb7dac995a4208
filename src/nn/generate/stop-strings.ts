/**
 * Stop strings in text that arrives in pieces. The text before a stop is given out as soon as it is certain, a tail that may still become a
 * stop is held back, and the stop itself never comes out. One automaton a stop (Knuth, Morris & Pratt 1977), so the result does not depend
 * on how the text was cut, and the time is linear. The first stop to be complete wins; of two complete at once, the longer.
 */

export interface StopPattern {
  readonly text: string;
  /** failure[n]: length of the longest proper suffix of the first n units that is a prefix. */
  readonly failure: Int32Array;
}

/** How far each pattern has matched, and the text that is held back. Plain data. */
export interface StopState {
  readonly matched: readonly number[];
  readonly held: string;
}

export interface StopScan {
  /** Text that is certain now. */
  readonly text: string;
  readonly state: StopState;
  /** The stop that was met; what follows it is dropped. */
  readonly stop?: string;
}

export function stopPatterns(stops: readonly string[]): StopPattern[] {
  return stops
    .filter(s => s !== "")
    .map(text => {
      const failure = new Int32Array(text.length + 1);
      for (let n = 1, k = 0; n < text.length; n++) {
        while (k > 0 && text[n] !== text[k]) k = failure[k]!;
        if (text[n] === text[k]) k++;
        failure[n + 1] = k;
      }
      return { text, failure };
    });
}

export const stopStart = (patterns: readonly StopPattern[]): StopState => ({ matched: patterns.map(() => 0), held: "" });

/** Takes the next piece of text in; a stop that is complete in it counts only where it `mayStop`. */
export function scanStops(patterns: readonly StopPattern[], state: StopState, piece: string, mayStop = true): StopScan {
  const all = state.held + piece;
  const matched = [...state.matched];
  for (let at = state.held.length; at < all.length; at++) {
    let longest = -1;
    for (let i = 0; i < patterns.length; i++) {
      const { text, failure } = patterns[i]!;
      let k = matched[i]!;
      while (k > 0 && all[at] !== text[k]) k = failure[k]!;
      if (all[at] === text[k]) k++;
      matched[i] = !mayStop && k === text.length ? failure[k]! : k;
      if (mayStop && k === text.length && (longest < 0 || k > patterns[longest]!.text.length)) longest = i;
    }
    if (longest >= 0) {
      const stop = patterns[longest]!.text;
      return { text: all.slice(0, at + 1 - stop.length), state: stopStart(patterns), stop };
    }
  }
  const hold = matched.reduce((a, b) => Math.max(a, b), 0);
  return { text: all.slice(0, all.length - hold), state: { matched, held: all.slice(all.length - hold) } };
}
