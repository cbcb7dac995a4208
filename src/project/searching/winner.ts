/** The winner's values as lines of a project file, and put into one with every comment where it was. */
import { stringify } from "yaml";
import { type Json, parseYaml } from "../../base/index.ts";
import { type Point, pathOf, valueIn, withValue } from "../../tune/index.ts";
import { type Change, editYaml, type YamlValue } from "../edit/edit-yaml.ts";

const nest = (parts: readonly string[], value: Json): Json => parts.reduceRight<Json>((inner, part) => ({ [part]: inner }), value);

/** The change of a file that says `tree` which puts a value at a path. What stands in a list is set with its whole list. */
function changeFor(tree: Json, path: readonly string[], value: Json, place: string): Change {
  for (let i = 1; i <= path.length; i++) {
    const here = valueIn(tree, path.slice(0, i));
    const isMap = here !== null && typeof here === "object" && !Array.isArray(here);
    if (isMap && i < path.length) continue;
    const next = Array.isArray(here) ? withValue(here, path.slice(i), value, place) : nest(path.slice(i), value);
    return { kind: "set", path: path.slice(0, i - 1), key: path[i - 1]!, value: next as YamlValue };
  }
  throw new Error(`no path: ${path.join(".")}`);
}

/** The text with a point's values. Errors: project/argument where it cannot be changed safely. */
export function withPoint(text: string, model: string, point: Point, place: string): string {
  return Object.entries(point).reduce((at, [name, value]) => {
    const change = changeFor(parseYaml(at, place) as Json, pathOf(name, model), value, place);
    return editYaml(at, change, place);
  }, text);
}

/** The values as the lines that would say them. */
export function pointLines(model: string, point: Point): string[] {
  const tree = Object.entries(point).reduce<Json>((t, [name, value]) => withValue(t, pathOf(name, model), value, name), {});
  return stringify(tree).trimEnd().split("\n");
}
