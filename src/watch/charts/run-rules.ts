/** Run rules on individuals, and how often chosen ones together alarm where nothing is wrong. */
import { normalAbove } from "../../statistics/index.ts";
import { checkSetting, checkValue } from "../errors.ts";
import type { ControlChart } from "./chart.ts";

/** `least` of the last `of` values are beyond `beyond` deviations on one side. */
interface RunRule {
  readonly least: number;
  readonly of: number;
  readonly beyond: number;
}

/** Western Electric's rules (1956), and Nelson's second (1984), which wants nine where theirs wants eight. */
export const runRules = {
  limit: { least: 1, of: 1, beyond: 3 },
  "two-of-three": { least: 2, of: 3, beyond: 2 },
  "four-of-five": { least: 4, of: 5, beyond: 1 },
  "eight-in-row": { least: 8, of: 8, beyond: 0 },
  "nine-in-row": { least: 9, of: 9, beyond: 0 },
} as const satisfies Record<string, RunRule>;
export type RunRuleName = keyof typeof runRules;
export const westernElectric: readonly RunRuleName[] = ["limit", "two-of-three", "four-of-five", "eight-in-row"];

/** For each rule, and each side of it, which of the latest values are beyond it: the latest in bit 0. */
export interface RunRulesState {
  readonly above: readonly number[];
  readonly below: readonly number[];
}

const ones = (bits: number): number => {
  let count = 0;
  for (let rest = bits; rest > 0; rest >>= 1) count += rest & 1;
  return count;
};

/** The state after a value, or the number of the rule that it breaks. */
function next(
  rules: readonly RunRule[],
  { above, below }: RunRulesState,
  z: number,
): RunRulesState | { readonly broken: number; readonly side: 1 | -1 } {
  const own: RunRulesState = { above: [], below: [] };
  const [up, down] = [own.above as number[], own.below as number[]];
  for (const [i, { least, of, beyond }] of rules.entries())
    for (const [side, before, after] of [
      [1, above, up],
      [-1, below, down],
    ] as const) {
      const isBeyond = side * z > beyond;
      const bits = ((before[i]! << 1) | (isBeyond ? 1 : 0)) & ((1 << of) - 1);
      // the latest value is one of those beyond, or the alarm has been given before
      if (isBeyond && ones(bits) >= least) return { broken: i, side };
      // the oldest value leaves before the next one comes
      after.push(bits & ((1 << (of - 1)) - 1));
    }
  return own;
}

const chanceAbove = (z: number): number => (z === Number.NEGATIVE_INFINITY ? 1 : z === Number.POSITIVE_INFINITY ? 0 : normalAbove(z));

const startOf = (rules: readonly RunRule[]): RunRulesState => ({ above: rules.map(() => 0), below: rules.map(() => 0) });

/** Chosen rules; an alarm forgets the values before. Each rule more is more false alarms: Western Electric's four have one in 92 values. Errors: watch/setting. */
export function runRulesChart(names: readonly RunRuleName[] = westernElectric): ControlChart<RunRulesState> {
  checkSetting(names.length > 0, "rules", `one or more of ${Object.keys(runRules).join(", ")}`, "none");
  const rules = names.map(name => runRules[name]);
  const start = startOf(rules);
  return {
    name: "run-rules",
    averageRunLength: runRulesRunLength(names),
    start,
    observe(state, z) {
      checkValue(Number.isFinite(z), "z", "a finite number", z);
      const found = next(rules, state, z);
      if (!("broken" in found)) return { state: found };
      const { broken, side } = found;
      return {
        state: start,
        signal: { rule: names[broken]!, side: side > 0 ? "above" : "below", value: z, limit: side * rules[broken]!.beyond },
      };
    },
  };
}

/**
 * Average run length of rules together where the mean is shifted by `shift` deviations: exact, over the states that values in their zones lead to (Champ and
 * Woodall 1987).
 */
export function runRulesRunLength(names: readonly RunRuleName[], shift = 0): number {
  const rules = names.map(name => runRules[name]);
  const edges = [...new Set(rules.flatMap(r => [r.beyond, -r.beyond]))].sort((a, b) => a - b);
  // one value of each zone, and the zone's probability
  const zones = Array.from({ length: edges.length + 1 }, (_, i) => {
    const [low, high] = [edges[i - 1] ?? Number.NEGATIVE_INFINITY, edges[i] ?? Number.POSITIVE_INFINITY];
    const z = low === Number.NEGATIVE_INFINITY ? high - 1 : high === Number.POSITIVE_INFINITY ? low + 1 : (low + high) / 2;
    return { z, p: chanceAbove(low - shift) - chanceAbove(high - shift) };
  }).filter(({ p }) => p > 0);
  const numbers = new Map<string, number>();
  const states: RunRulesState[] = [];
  const numberOf = (state: RunRulesState): number => {
    const key = `${state.above.join()};${state.below.join()}`;
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, states.length);
    return states.push(state) - 1;
  };
  numberOf(startOf(rules));
  // rows of what follows each state, found as states are
  const steps: { readonly to: number; readonly p: number }[][] = [];
  for (let i = 0; i < states.length; i++)
    steps.push(
      zones.flatMap(({ z, p }) => {
        const after = next(rules, states[i]!, z);
        return "broken" in after ? [] : [{ to: numberOf(after), p }];
      }),
    );
  // the sum of the chances of having had no alarm after 0, 1, 2, ... values; its terms fall by one factor in the end
  let chance = new Float64Array(states.length);
  chance[0] = 1;
  let [sum, left, factor] = [1, 1, 0];
  for (;;) {
    const after = new Float64Array(states.length);
    for (const [i, list] of steps.entries()) if (chance[i]! > 0) for (const { to, p } of list) after[to] = after[to]! + chance[i]! * p;
    const now = after.reduce((a, b) => a + b, 0);
    sum += now;
    if (now < 1e-14 || (Math.abs(now / left - factor) < 1e-12 && now / left < 1)) return sum + (now * (now / left)) / (1 - now / left);
    factor = now / left;
    left = now;
    chance = after;
  }
}
