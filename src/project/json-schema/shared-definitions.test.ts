import { expect, test } from "vitest";
import { withSharedDefinitions } from "./shared-definitions.ts";

type Node = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);

/** The schema with every reference replaced by what it stands for. */
const expanded = (value: unknown, definitions: Node): unknown => {
  if (Array.isArray(value)) return value.map(v => expanded(v, definitions));
  if (!isNode(value)) return value;
  const { $ref, ...rest } = value;
  const inner = Object.fromEntries(Object.entries(rest).map(([k, v]) => [k, expanded(v, definitions)]));
  if (typeof $ref !== "string") return inner;
  return { ...(expanded(definitions[$ref.replace("#/$defs/", "")], definitions) as Node), ...inner };
};

const address = {
  type: "object",
  properties: Object.fromEntries(["street", "city", "country", "zip", "note", "name"].map(k => [k, { type: "string", minLength: 1 }])),
};
const person = (description: string) => ({
  type: "object",
  description,
  properties: { home: address, work: { ...address, description: "at work" } },
});

test("what stands twice is told once, and means what it meant; what is said of a place stays there", () => {
  const schema = { type: "object", properties: { buyer: person("buys"), seller: person("sells") } };
  const { $defs, ...shared } = withSharedDefinitions(schema) as { readonly $defs: Node };
  expect(Object.keys($defs)).toEqual(["buyer", "home"]);
  expect((shared as { properties: Node }).properties.seller).toEqual({ $ref: "#/$defs/buyer", description: "sells" });
  expect(expanded(shared, $defs)).toEqual(schema);
});

test("what stands once stays where it is, though what holds it stands twice", () => {
  const list = { type: "array", items: { type: "object", properties: { ...address.properties, only: { type: "number" } } } };
  const { $defs } = withSharedDefinitions({ properties: { a: list, b: list } });
  expect(Object.keys($defs as Node)).toEqual(["a"]);
});
