/**
 * Paraphrase by the user's templates: where `from` is found its slots are carried over into one of `to`. A rule without `from` puts the whole
 * document into a frame; its slots are `text` and the document's attributes.
 */
import { changed, plainMethod } from "../../method.ts";
import { fillTemplate, matchTemplate, parseTemplate, type TemplatePart } from "./match.ts";
import { templatesPart } from "./options.ts";

export interface CompiledTemplate {
  readonly from: readonly TemplatePart[] | undefined;
  readonly to: readonly (readonly TemplatePart[])[];
}

export const templates = plainMethod({
  ...templatesPart,
  prepare: async ({ rules }): Promise<readonly CompiledTemplate[]> =>
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
