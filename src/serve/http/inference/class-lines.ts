/** The classification extension: the greatest K values of an output of numbers as lines `value:index:label`. */
import type { OutputTensor } from "../../../protocols/index.ts";
import type { AnyEngine } from "../../engines.ts";
import { serveErrors } from "../../errors.ts";

/** Errors: serve/parameter where K is no count, or the output no numbers. */
export function classLines(name: string, engine: AnyEngine, rows: readonly unknown[], classification: unknown): OutputTensor {
  if (typeof classification !== "number" || !Number.isSafeInteger(classification) || classification < 1)
    throw serveErrors.fail("parameter", {
      place: `outputs.${name}.parameters.classification`,
      expected: "a whole number of classes, at least 1",
      received: JSON.stringify(classification)?.slice(0, 60),
    });
  const labels = "room" in engine ? undefined : engine.model.config.classifier?.labels;
  const lines = rows.map(row => {
    const values = (Array.isArray(row) ? row : [row]) as unknown[];
    if (!values.every(v => typeof v === "number"))
      throw serveErrors.fail("unsupported", {
        place: `outputs.${name}.parameters.classification`,
        message: `classification of "${name}", which is no tensor of numbers, is not supported`,
        hint: "Ask it of scores.",
      });
    const order = Array.from(values.keys()).sort((a, b) => values[b]! - values[a]! || a - b);
    return order.slice(0, classification).map(i => {
      const label = labels?.[i];
      return label === undefined ? `${values[i]}:${i}` : `${values[i]}:${i}:${label}`;
    });
  });
  return { name, datatype: "BYTES", shape: [rows.length, lines[0]?.length ?? 0], data: lines.flat() };
}
