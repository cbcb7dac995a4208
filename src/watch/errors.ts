/** The codes of this module. */
import { errorTable } from "../base/index.ts";

export const watchErrors = errorTable("watch", {
  setting: { status: 400, exit: "usage", meaning: "A monitor's setting is outside of what its method is defined for." },
  value: { status: 400, exit: "usage", meaning: "A monitor was given a value that it cannot use." },
  sketch: { status: 422, exit: "failure", meaning: "A sketch is damaged, or of a version that this Loam does not read." },
  reference: { status: 400, exit: "usage", meaning: "A reference does not fit what is compared with it." },
});

/** Errors: watch/setting. */
export function checkSetting(holds: boolean, place: string, expected: string, received: unknown, hint?: string): asserts holds {
  if (!holds) throw watchErrors.fail("setting", { place, expected, received: String(received), ...(hint ? { hint } : {}) });
}

/** Errors: watch/value. */
export function checkValue(holds: boolean, place: string, expected: string, received: unknown): asserts holds {
  if (!holds) throw watchErrors.fail("value", { place, expected, received: String(received) });
}
