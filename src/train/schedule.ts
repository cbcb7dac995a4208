/** Learning-rate schedules: pure functions from the step to a factor in [0, 1] of the peak rate. Steps count from 0. */
import { trainErrors } from "./errors.ts";
import type { ScheduleKind } from "./part.ts";

export interface Schedule {
  readonly kind: ScheduleKind;
  /** Steps of linear warm-up. */
  readonly warmup: number;
  /** Factor at the end. */
  readonly floor: number;
  /** wsd: share of all steps that the final decay takes. */
  readonly decayShare: number;
}

/** Factor after the warm-up, at progress x in [0, 1] of what is left. */
const shapes: { readonly [K in ScheduleKind]: (x: number, s: Schedule) => number } = {
  constant: () => 1,
  cosine: (x, s) => s.floor + (1 - s.floor) * 0.5 * (1 + Math.cos(Math.PI * x)),
  linear: (x, s) => 1 - (1 - s.floor) * x,
  // warm-up, stable, decay (Hu et al. 2024, MiniCPM): flat, then linear to the floor
  wsd: (x, s) => (x < 1 - s.decayShare ? 1 : 1 - (1 - s.floor) * ((x - (1 - s.decayShare)) / s.decayShare)),
};

/** Factor of the peak rate for step `step` of `steps`. */
export function scheduleAt(s: Schedule, step: number, steps: number): number {
  if (!(steps >= 1) || s.warmup < 0 || s.floor < 0 || s.floor > 1 || (s.kind === "wsd" && !(s.decayShare > 0 && s.decayShare <= 1)))
    throw trainErrors.fail("recipe", {
      place: "schedule",
      expected: "steps >= 1, warmup >= 0, floor in [0, 1], decayShare in (0, 1]",
      received: JSON.stringify({ ...s, steps }),
    });
  if (step < s.warmup) return (step + 1) / (s.warmup + 1);
  const left = Math.max(1, steps - s.warmup);
  return shapes[s.kind](Math.min(1, (step - s.warmup) / left), s);
}
