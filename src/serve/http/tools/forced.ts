/**
 * Answers that must call: a JSON schema of the call itself, so that masks hold the model to a function's name and to arguments that its schema
 * allows. References inside a function's schema are moved along with it.
 */
import type { SchemaPart } from "../../../text/index.ts";
import { limits } from "../../limits.ts";
import type { Tool } from "./tool.ts";

type Schema = Readonly<Record<string, unknown>>;

/** Keywords whose values are no schemas, and those whose values are schemas by name. */
const plain = new Set(["const", "enum", "default", "examples", "example"]);
const maps = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]);

/** The schema with its references to its own root led to `root`, where it stands now. */
function moved(schema: unknown, root: string): unknown {
  if (Array.isArray(schema)) return schema.map(s => moved(s, root));
  if (typeof schema !== "object" || schema === null) return schema;
  const value = (key: string, v: unknown): unknown => {
    if (plain.has(key)) return v;
    if (maps.has(key) && typeof v === "object" && v !== null && !Array.isArray(v))
      return Object.fromEntries(Object.entries(v).map(([name, s]) => [name, moved(s, root)]));
    // an anchor is found wherever it stands
    return key === "$ref" && typeof v === "string" && /^#(?:\/|$)/.test(v) ? `${root}${v.slice(1)}` : moved(v, root);
  };
  return Object.fromEntries(Object.entries(schema).map(([key, v]) => [key, value(key, v)]));
}

function callOf({ name, parameters }: Tool, key: string, root: string): Schema {
  // an object of anything where nothing is said; what is said is an object all the same
  const schema = parameters === undefined || Object.keys(parameters).length === 0 ? { type: "object" } : parameters;
  return {
    type: "object",
    properties: { name: { const: name }, [key]: moved({ type: "object", ...schema }, `${root}/properties/${key}`) },
    required: ["name", key],
    additionalProperties: false,
  };
}

/** The schema of one call of these functions, and where the parameters of each stand in it. Those of strict functions are held to exactly. */
export function callSchema(
  tools: readonly Tool[],
  argumentsKey: string,
): { readonly schema: Schema; readonly parts: readonly SchemaPart[] } {
  const wanted = tools.slice(0, limits.tools);
  const roots = wanted.map((_, i) => (wanted.length === 1 ? "#" : `#/anyOf/${i}`));
  const calls = wanted.map((t, i) => callOf(t, argumentsKey, roots[i]!));
  const parts = wanted.map((t, i) => partOf(t, `${roots[i]}/properties/${argumentsKey}`));
  return { schema: wanted.length === 1 ? calls[0]! : { anyOf: calls }, parts };
}

/** The parameters of a function as a part of a schema: errors and the header name them by the function. */
export const partOf = ({ name, strict }: Tool, pointer: string): SchemaPart => ({
  pointer,
  place: `tools.${name}`,
  isExact: strict === true,
});
