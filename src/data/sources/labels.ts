/** What a path says about its document: the folder is its group, and patterns of paths name its label. */
import type { DocumentAttributes } from "../document.ts";
import { glob } from "./glob.ts";

const compiled = new WeakMap<object, readonly (readonly [string, readonly ((path: string) => boolean)[]])[]>();

type Labels = Readonly<Record<string, string | readonly string[]>>;

/** `group` (the file's folder) and `label` (the first label one of whose patterns fits). */
export function labelOf(path: string, labels: Labels | undefined): DocumentAttributes {
  const slash = path.lastIndexOf("/");
  const group = slash < 0 ? {} : { group: path.slice(0, slash) };
  if (!labels) return group;
  let rules = compiled.get(labels);
  if (!rules) {
    rules = Object.entries(labels).map(([label, patterns]) => [label, [patterns].flat().map(p => glob(p as string))]);
    compiled.set(labels, rules);
  }
  const label = rules.find(([, fits]) => fits.some(f => f(path)))?.[0];
  return label === undefined ? group : { ...group, label };
}

export const withoutExtension = (path: string): string => path.replace(/\.[A-Za-z][A-Za-z0-9]{0,7}$/, "");
