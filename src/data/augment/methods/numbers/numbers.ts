/**
 * The same numbers written otherwise: thousands with or without separators, `%` or `percent`. A number gets separators only where it counts
 * something (five digits or more before a word in lower case); years, codes and phone numbers stay.
 */
import { changed, plainMethod } from "../../method.ts";
import { numberFormatPart } from "./options.ts";

/** How far back from a percent sign an address may begin, characters. */
const maxAddress = 300;

export const numberFormat = plainMethod({
  ...numberFormatPart,
  vary({ text }, draw, { rate, decimal, percent }) {
    const separator = decimal === "." ? "," : ".";
    const group = separator === "," ? "," : "\\.";
    const pick = (was: string, to: string) => (draw.uniform() < rate ? to : was);
    // One pass, so that what lost its separators does not get them back.
    const numbers = new RegExp(
      `(?<![\\p{L}\\p{N}.,$€£#:/-])(?:\\d{1,3}(?:${group}\\d{3})+(?![\\d.,]*\\d)|(?<![+]|\\d )[1-9]\\d{4,8}(?= \\p{Ll}{3}))`,
      "gu",
    );
    const out = text
      .replace(numbers, n => pick(n, n.includes(separator) ? n.replaceAll(separator, "") : n.replace(/\B(?=(\d{3})+$)/g, separator)))
      .replace(/(?<=\d)[ \u00a0]?%(?![\p{L}\p{N}&=])/gu, (p, at: number, whole: string) =>
        /:\/\/\S*$/.test(whole.slice(Math.max(0, at - maxAddress), at)) ? p : pick(p, ` ${percent}`),
      );
    return changed(text, out);
  },
});
