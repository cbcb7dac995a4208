/**
 * Ways to stretch rotary angles over more positions than a model was trained on: what each of the D/2 angles is divided by. Linear (Chen et al.
 * 2023), Llama 3.1's (slow angles more than fast ones), and YaRN (Peng et al. 2023).
 */

/** No larger head passes the check of configurations. */
const mostHeadSize = 2 ** 20;
/** Angles of a head. A file may name a head that cannot be: the check refuses it by name, and until then no list is made of its size. */
const numAngles = (headSize: number): number => (Number.isInteger(headSize / 2) && headSize <= mostHeadSize ? headSize / 2 : 0);

export const linearFactors = (headSize: number, factor: number): number[] => new Array<number>(numAngles(headSize)).fill(factor);

interface Llama3Scaling {
  readonly factor: number;
  /** Angles that turn fewer times than `low` in the trained context are divided whole, those that turn more often than `high` not at all. */
  readonly low: number;
  readonly high: number;
  /** Positions that the model was trained on. */
  readonly trained: number;
}
export const llama3Factors = (headSize: number, base: number, { factor, low, high, trained }: Llama3Scaling): number[] =>
  Array.from({ length: numAngles(headSize) }, (_, i) => {
    const turns = trained / (2 * Math.PI * base ** ((2 * i) / headSize));
    const smooth = Math.min(1, Math.max(0, (turns - low) / (high - low)));
    return 1 / ((1 - smooth) / factor + smooth);
  });

interface YarnScaling {
  readonly factor: number;
  readonly trained: number;
  /** Turns in the trained context from which on an angle stays, and up to which it is divided whole (beta, alpha in the paper). */
  readonly fast: number;
  readonly slow: number;
  /** The bounds of the ramp are whole numbers. */
  readonly truncates: boolean;
}
export function yarnFactors(headSize: number, base: number, { factor, trained, fast, slow, truncates }: YarnScaling): number[] {
  /** Which angle turns so many times. */
  const angleOf = (turns: number) => (headSize * Math.log(trained / (turns * 2 * Math.PI))) / (2 * Math.log(base));
  const [low, high] = truncates ? [Math.floor(angleOf(fast)), Math.ceil(angleOf(slow))] : [angleOf(fast), angleOf(slow)];
  const from = Math.max(low, 0);
  const to = Math.min(high, headSize - 1);
  // the ramp must have a length
  const length = to === from ? 0.001 : to - from;
  return Array.from({ length: numAngles(headSize) }, (_, i) => {
    const ramp = Math.min(1, Math.max(0, (i - from) / length));
    return 1 / (ramp / factor + 1 - ramp);
  });
}
/** What YaRN multiplies queries and keys by, so that attention stays as sharp. */
export const yarnScale = (factor: number, weight = 1): number => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);

/** The one number that all angles are divided by; undefined where they differ. */
export function oneFactorOf(factors: readonly number[] = []): number | undefined {
  const [first = 1] = factors;
  return factors.every(f => f === first) ? first : undefined;
}
