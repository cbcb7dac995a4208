/**
 * Paraphrase by the user's templates: where `from` is found its slots are carried over into one of `to`. A rule without `from` puts the whole
 * document into a frame; its slots are `text` and the document's attributes.
 */
import { z } from "zod";
import { changed, plainMethod } from "../../method.ts";
import { fillTemplate, matchTemplate, type Part, parseTemplate } from "./match.ts";

const template = z
  .string()
  .min(1)
  .max(2000)
  .refine(t => parseTemplate(t) !== undefined, { message: "a text with slots such as {who}, apart from one another, and no other braces" });
const slotsOf = (t: string) => (parseTemplate(t) ?? []).flatMap(p => ("slot" in p ? [p.slot] : []));

const rule = z
  .strictObject({ from: template.optional(), to: z.array(template).min(1) })
  .refine(r => r.from === undefined || r.to.every(t => slotsOf(t).every(s => slotsOf(r.from!).includes(s))), {
    message: "slots in `to` that `from` has",
    path: ["to"],
  })
  .refine(r => r.from === undefined || (parseTemplate(r.from) ?? []).some(p => "literal" in p && p.literal.trim().length >= 3), {
    message: "a template with some words of its own",
    path: ["from"],
  });

export interface Compiled {
  readonly from: readonly Part[] | undefined;
  readonly to: readonly (readonly Part[])[];
}

export const templates = plainMethod({
  name: "template",
  version: 1,
  options: z.strictObject({
    rules: z.array(rule).min(1).max(1000),
    /** Share of the matches that are rewritten. */
    rate: z.number().gt(0).max(1).default(1),
  }),
  prepare: async ({ rules }): Promise<readonly Compiled[]> =>
    rules.map(r => ({ from: r.from === undefined ? undefined : parseTemplate(r.from), to: r.to.map(t => parseTemplate(t)!) })),
  vary({ text, attributes }, draw, { rate }, rules) {
    let now = text;
    for (const { from, to } of rules) {
      if (from === undefined) {
        const known = Object.fromEntries(
          Object.entries(attributes).flatMap(([k, v]) => (v === null ? [] : [[k, Array.isArray(v) ? v.join(", ") : String(v)]])),
        );
        const usable = to.filter(t => t.every(p => "literal" in p || p.slot === "text" || known[p.slot] !== undefined));
        // Not by `fillTemplate`'s capitals: a frame is written as it is.
        if (usable.length > 0)
          now = usable[draw.below(usable.length)]!.map(p => ("literal" in p ? p.literal : p.slot === "text" ? now : known[p.slot])).join(
            "",
          );
        continue;
      }
      let [out, at] = ["", 0];
      for (const m of matchTemplate(now, from)) {
        if (draw.uniform() >= rate) continue;
        out += now.slice(at, m.from) + fillTemplate(to[draw.below(to.length)]!, m.slots, now.slice(m.from, m.to));
        at = m.to;
      }
      now = out + now.slice(at);
    }
    return changed(text, now);
  },
});
