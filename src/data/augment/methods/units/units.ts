/** Quantities in other units: 5 km as 5,000 m or 3.1 mi, 70 °F as 21 °C, 12 lb as 5.4 kg. The value that was written can be computed back. */
import { changed, plainMethod } from "../../method.ts";
import { conversions, findQuantities } from "./convert.ts";
import { unitVariationPart } from "./options.ts";

export const unitVariation = plainMethod({
  ...unitVariationPart,
  vary({ text }, draw, { rate, decimal }) {
    let [out, at] = ["", 0];
    for (const q of findQuantities(text, decimal)) {
      const ways = conversions(q, decimal);
      if (ways.length === 0 || draw.uniform() >= rate) continue;
      out += text.slice(at, q.index) + ways[draw.below(ways.length)]!;
      at = q.index + q.length;
    }
    return changed(text, out + text.slice(at));
  },
});
