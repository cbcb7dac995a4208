/**
 * What a tensor is not: a number, a string, a condition. JavaScript converts objects silently (`a > 0 ? x : y` would compare NaN and always
 * choose y), so the conversions throw. `if (tensor)`, `!tensor` and `===` convert nothing and cannot be caught.
 */
import { tensorErrors } from "./errors.ts";

const hints = {
  tensor:
    "Use select(greater(a, b), x, y), less, equal, add or mul: they become part of the program. For text use tensor.toString() or printGraph().",
  array: "Use await array.item() or await array.numbers().",
} as const;

/** Throws: `what` is used as a JavaScript value. */
export function refuseAsValue(place: string, what: keyof typeof hints): never {
  throw tensorErrors.fail("control", {
    place,
    expected: "operations of the tensor module",
    received: `${what === "tensor" ? "a traced tensor" : "an array on a device"} as a JavaScript number, string or condition`,
    hint: hints[what],
  });
}
