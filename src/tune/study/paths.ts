/**
 * Values at paths of a configuration: `train.rate`, `data.mail.steps.length.minWords`. In a list a part of a path is a place from 0, or the
 * name of an item that is that name or has it as its one key (a step). Where a name alone stands (`method: lora`), a path may go on through it
 * (`method.lora.rank`): it then takes options.
 */
import type { Json } from "../../base/index.ts";
import { tuneErrors } from "../errors.ts";

type Branch = { readonly [key: string]: Json };
const isBranch = (v: Json | undefined): v is Branch => v !== null && typeof v === "object" && !Array.isArray(v);

/** The place in a list that a part of a path means; -1 for none. */
function placeIn(list: readonly Json[], part: string): number {
  if (/^\d+$/.test(part)) return Number(part) < list.length ? Number(part) : -1;
  return list.findIndex(v => v === part || (isBranch(v) && Object.keys(v).length === 1 && part in v));
}

/** What stands at a path; undefined for nothing. */
export function valueIn(tree: Json | undefined, path: readonly string[]): Json | undefined {
  const [part, ...rest] = path;
  if (part === undefined) return tree;
  if (Array.isArray(tree)) {
    const item = tree[placeIn(tree, part)] as Json | undefined;
    return isBranch(item) && !/^\d+$/.test(part) ? valueIn(item[part], rest) : valueIn(item, rest);
  }
  return isBranch(tree) && Object.hasOwn(tree, part) ? valueIn(tree[part], rest) : undefined;
}

/**
 * The tree with a value put at a path; maps on the way are made where they are not there. Errors: tune/path where the path goes through a
 * plain value or names no item of a list.
 */
export function withValue(tree: Json | undefined, path: readonly string[], value: Json, place: string): Json {
  const [part, ...rest] = path;
  if (part === undefined) return value;
  if (Array.isArray(tree)) {
    const at = placeIn(tree, part);
    if (at < 0)
      throw tuneErrors.fail("path", {
        place,
        expected: `an item of the list: ${tree.map((v, i) => (typeof v === "string" ? v : isBranch(v) ? (Object.keys(v)[0] ?? i) : i)).join(", ") || "it is empty"}`,
        received: `"${part}"`,
      });
    const item = tree[at] as Json;
    const isNamed = !/^\d+$/.test(part);
    const next = !isNamed
      ? withValue(item, rest, value, place)
      : { [part]: withValue(isBranch(item) ? item[part] : {}, rest, value, place) };
    return tree.with(at, next) as Json;
  }
  if (tree === part) return { [part]: withValue(undefined, rest, value, place) };
  if (tree !== undefined && !isBranch(tree))
    throw tuneErrors.fail("path", { place, expected: `a part of the configuration that has "${part}"`, received: JSON.stringify(tree) });
  return { ...tree, [part]: withValue(tree && Object.hasOwn(tree, part) ? tree[part] : undefined, rest, value, place) };
}

/** Parts of a parameter's name from the root of the file: the entry's own unless it begins with `data.` or `tokenizer.`. */
export function pathOf(parameter: string, model: string): string[] {
  const parts = parameter.split(".");
  return parts[0] === "data" || parts[0] === "tokenizer" ? parts : ["models", model, ...parts];
}
