/** What stands in a JSON Schema more than once, told once: definitions under `$defs`, each called as the key where it stands first. */

type Node = Readonly<Record<string, unknown>>;

/** What a place says of itself and its neighbours do not: it stays beside the reference. */
const annotations = ["description", "default", "examples"];
/** Shorter schemas are easier to read where they stand. */
const leastCharacters = 160;

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);

/** Maps of schemas by name, and places of one schema or a list of them. */
const byName = ["properties", "$defs"];
const direct = ["additionalProperties", "propertyNames", "items", "prefixItems", "anyOf", "oneOf", "allOf"];

/** The same schema with each schema in it as `change` makes it, which is told the key that it stands under. */
function withInner(schema: Node, key: string, change: (inner: Node, key: string) => unknown): Node {
  const one = (value: unknown, name: string): unknown =>
    Array.isArray(value) ? value.map(v => one(v, name)) : isNode(value) ? change(value, name) : value;
  return Object.fromEntries(
    Object.entries(schema).map(([word, value]) => {
      if (byName.includes(word) && isNode(value)) return [word, Object.fromEntries(Object.entries(value).map(([k, v]) => [k, one(v, k)]))];
      return [word, direct.includes(word) ? one(value, key) : value];
    }),
  );
}

function divided(schema: Node): { readonly core: Node; readonly beside: Node } {
  const is = (wanted: boolean) => Object.fromEntries(Object.entries(schema).filter(([k]) => annotations.includes(k) === wanted));
  return { core: is(false), beside: is(true) };
}

export function withSharedDefinitions(schema: Node): Node {
  const counts = new Map<string, number>();
  const count = (node: Node, key: string): Node => {
    const text = JSON.stringify(divided(node).core);
    counts.set(text, (counts.get(text) ?? 0) + 1);
    // what is in it is told with it, once
    if (counts.get(text) === 1) withInner(node, key, count);
    return node;
  };
  withInner(schema, "", count);
  const names = new Map<string, string>();
  const definitions: Record<string, unknown> = {};
  const freeName = (key: string): string => {
    for (let i = 1; ; i++) {
      const name = i === 1 ? key : `${key}${i}`;
      if (!Object.hasOwn(definitions, name)) return name;
    }
  };
  const share = (node: Node, key: string): Node => {
    const { core, beside } = divided(node);
    const text = JSON.stringify(core);
    if (text.length < leastCharacters || counts.get(text) === 1) return withInner(node, key, share);
    let name = names.get(text);
    if (name === undefined) {
      name = freeName(key);
      names.set(text, name);
      // the place is kept before what is in it takes one
      definitions[name] = {};
      definitions[name] = withInner(core, key, share);
    }
    return { $ref: `#/$defs/${name}`, ...beside };
  };
  const { $defs = {}, ...rest } = withInner(schema, "", share);
  return { ...rest, $defs: { ...($defs as Node), ...definitions } };
}
