/**
 * Writes the console's contract from an OpenAPI document: of every schema that its addresses name a shape (`console/src/shape.ts`) and its type, so that
 * answers are checked where they come in and no type is written twice. What JSON Schema says beside (bounds, formats) is the server's promise and not checked.
 */

const shapes = { string: "is.string", number: "is.number", integer: "is.number", boolean: "is.boolean" };
const lower = name => name[0].toLowerCase() + name.slice(1);
const nameOf = ref => ref.slice(ref.lastIndexOf("/") + 1);
const key = name => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));
const doc = (text, indent) =>
  text === undefined ? "" : `${indent}/** ${text[0].toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."} */\n`;

/** The source of a shape. Errors: a schema that no shape can say. */
function shapeOf(schema) {
  if (schema.$ref !== undefined) return lower(nameOf(schema.$ref));
  if (schema.const !== undefined) return `is.oneOf(${JSON.stringify(schema.const)})`;
  if (schema.enum) return `is.oneOf(${schema.enum.map(v => JSON.stringify(v)).join(", ")})`;
  if (schema.anyOf) return unionOf(schema.anyOf);
  if (Array.isArray(schema.type)) return unionOf(schema.type.map(type => ({ ...schema, type })));
  if (schema.type === "array")
    return schema.prefixItems ? `is.tuple(${schema.prefixItems.map(shapeOf).join(", ")})` : `is.array(${shapeOf(schema.items ?? {})})`;
  if (schema.type === "object") return objectOf(schema);
  if (schema.type in shapes) return shapes[schema.type];
  if (schema.type === undefined) return "is.unknown";
  throw new Error(`no shape for ${JSON.stringify(schema).slice(0, 200)}`);
}

function unionOf(schemas) {
  const rest = schemas.filter(s => s.type !== "null");
  const of = rest.length === 1 ? shapeOf(rest[0]) : `is.union(${rest.map(shapeOf).join(", ")})`;
  return rest.length < schemas.length ? `is.nullable(${of})` : of;
}

function objectOf({ properties, required = [], additionalProperties }) {
  if (!properties) return `is.record(${typeof additionalProperties === "object" ? shapeOf(additionalProperties) : "is.unknown"})`;
  const fields = Object.entries(properties).map(([name, schema]) => {
    const of = shapeOf(schema);
    // a measured number that is absent is one that was not measured
    const field = required.includes(name) || of === "measured" ? of : `is.optional(${of})`;
    return `${doc(schema.description, "  ")}  ${key(name)}: ${field},\n`;
  });
  return `is.object({\n${fields.join("")}})`;
}

/** Names of the components that a schema rests on. */
function refsIn(value, out = new Set()) {
  if (Array.isArray(value)) for (const v of value) refsIn(v, out);
  else if (value && typeof value === "object")
    for (const [k, v] of Object.entries(value)) {
      if (k === "$ref") out.add(nameOf(v));
      else refsIn(v, out);
    }
  return out;
}

/** Each after those that it rests on. */
function inOrder(schemas) {
  const done = new Set();
  const visit = name => {
    if (done.has(name)) return;
    done.add(name);
    for (const other of refsIn(schemas[name])) if (other !== name) visit(other);
    order.push(name);
  };
  const order = [];
  for (const name of Object.keys(schemas)) visit(name);
  return order;
}

/** `operations`: those that the console calls, as `GET /api/runs`; what they do not rest on is left out. */
export function contractSource(document, { from, operations }) {
  const all = document.components.schemas;
  const wanted = new Set();
  const want = names => {
    for (const name of names)
      if (!wanted.has(name)) {
        wanted.add(name);
        want(refsIn(all[name]));
      }
  };
  const answers = operations.map(operation => {
    const [method, path] = operation.split(" ");
    const responses = document.paths[path]?.[method.toLowerCase()]?.responses;
    if (!responses) throw new Error(`${from} has no ${operation}`);
    const status = Object.keys(responses).find(s => s !== "default");
    const schema = Object.values(responses[status].content)[0].schema;
    want(refsIn(schema));
    return [operation, schema];
  });
  const parts = inOrder(all)
    .filter(name => wanted.has(name))
    .map(name => {
      const source = name === "Measured" ? "is.nullish(is.number)" : shapeOf(all[name]);
      const value = name === "Measured" ? "is.mapped(is.nullish(is.number), value => value ?? null)" : source;
      return `${doc(all[name].description, "")}export const ${lower(name)} = ${value};\nexport type ${name} = is.Infer<typeof ${lower(name)}>;\n`;
    });
  const table = answers.map(([operation, schema]) => `  ${JSON.stringify(operation)}: ${shapeOf(schema)},\n`).join("");
  return `/** Written by \`npm run docs\` from ${from}: change the server's schemas instead. A test holds it against them. */
import * as is from "../shape.ts";

${parts.join("\n")}
/** What the addresses answer that the console calls. */
export const answers = {
${table}};
`;
}

/** What the console calls; an address more is a row. */
const called = {
  server: [
    "GET /api/session",
    "GET /api/overview",
    "GET /api/models",
    "GET /api/runs",
    "GET /api/runs/{artifact}/metrics",
    "GET /api/runs/{artifact}/examples",
    "GET /api/runs/{artifact}/cost",
    "GET /api/runs/{artifact}/profile",
    "GET /api/evaluations",
    "GET /api/graph",
    "GET /api/data",
    "GET /api/data/{artifact}",
    "GET /api/data/{artifact}/documents",
    "GET /api/data/{artifact}/document",
    "GET /api/data/{artifact}/clusters",
    "GET /api/labels",
    "GET /api/labels/{name}",
    "GET /api/labels/{name}/disagreements",
    "POST /api/labels/{name}",
    "GET /api/releases",
    "GET /api/releases/{version}",
    "GET /api/actions",
    "POST /api/releases/{version}/promote",
    "POST /api/releases/{model}/rollback",
    "POST /api/releases/{version}/approve",
    "GET /api/project/parts",
    "GET /api/project/parts/{path}",
    "POST /api/project/parts/{path}",
    "GET /api/project/run",
    "POST /api/project/run",
    "POST /api/project/run/stop",
    "GET /api/reports/{version}",
    "GET /api/logged/{artifact}",
    "GET /api/engine",
    "GET /api/serving",
    "GET /api/events",
    "GET /v1/models",
    "POST /v1/models/{model}:classify",
    "POST /v1/models/{model}:regress",
    "GET /v1/fine_tuning/jobs",
    "GET /v1/fine_tuning/jobs/{id}/events",
    "GET /v1/fine_tuning/jobs/{id}/checkpoints",
    "POST /v1/fine_tuning/jobs/{id}/cancel",
    "POST /v1/fine_tuning/jobs/{id}/pause",
    "POST /v1/fine_tuning/jobs/{id}/resume",
  ],
  runs: ["GET /api/run-table", "POST /api/run-table/{run}"],
  // each of a page that is loaded when the others are shown
  evaluations: ["GET /api/evaluations/list", "GET /api/evaluations/diff"],
  watch: [
    "GET /api/watch",
    "GET /api/watch/history",
    "GET /api/watch/drift",
    "GET /api/watch/quality",
    "GET /api/watch/samples",
    "GET /api/watch/loops",
  ],
  deployments: ["GET /api/deployments", "POST /api/deployments/{name}/rollback"],
  governance: ["GET /api/governance/acts", "GET /api/governance/proofs/{position}", "GET /api/governance/reports/{kind}"],
  gateway: [
    "GET /gateway/state",
    "GET /gateway/limits",
    "GET /gateway/keys",
    "POST /gateway/keys",
    "DELETE /gateway/keys/{key}",
    "POST /gateway/keys/{key}/rotate",
    "GET /gateway/permissions",
    "GET /gateway/changes",
    "PUT /gateway/limits/{name}",
    "DELETE /gateway/limits/{name}",
    "PUT /gateway/principals/{kind}/{name}",
    "PUT /gateway/policies/{name}",
    "DELETE /gateway/policies/{name}",
    "GET /gateway/held",
    "POST /gateway/held/{key}",
    "GET /gateway/usage",
    "GET /gateway/requests",
    "GET /gateway/principals",
    "GET /gateway/policies",
    "GET /gateway/explain",
    "GET /gateway/review",
    "POST /gateway/review",
    "POST /gateway/review/case/{key}",
  ],
};

/** The generated files by their places. `documents`: of the server and of the gateway's administration. */
export const contracts = documents =>
  Object.fromEntries(
    Object.entries(called).map(([name, operations]) => [
      `console/src/generated/${name}.ts`,
      contractSource(documents[name === "gateway" ? "gateway" : "server"], {
        from: name === "gateway" ? "/gateway/openapi.json" : "/api/openapi.json",
        operations,
      }),
    ]),
  );
