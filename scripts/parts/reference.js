/** The reference of loam.yaml as Markdown tables, one a part, from its JSON Schema: key, type, default, description, example. */
import { formatted, mostColumns, wrapAt } from "./markdown.js";

const cell = text => String(text).replaceAll("|", "\\|").replaceAll("\n", " ");
const code = text => (text === "" ? "" : `\`${cell(text)}\``);

/** YAML of one line, as people write it. */
function inline(value) {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (typeof value === "object" && value !== null)
    return value && Object.keys(value).length === 0
      ? "{}"
      : `{ ${Object.entries(value)
          .map(([k, v]) => `${inline(k)}: ${inline(v)}`)
          .join(", ")} }`;
  if (typeof value !== "string") return String(value);
  return /^[A-Za-z_./<(][\w .@/<>()*+-]*$/.test(value) && !/^(true|false|null|yes|no|on|off)$/i.test(value) ? value : JSON.stringify(value);
}

const alternatives = schema => schema.anyOf ?? schema.oneOf;
const isMap = schema => schema.type === "object" && typeof schema.additionalProperties === "object" && schema.properties === undefined;

function bounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }) {
  const low = exclusiveMinimum === undefined ? (minimum === undefined ? "" : `>= ${minimum}`) : `> ${exclusiveMinimum}`;
  const high = exclusiveMaximum === undefined ? (maximum === undefined ? "" : `<= ${maximum}`) : `< ${exclusiveMaximum}`;
  return [low, high].filter(text => text !== "").join(", ");
}

/** As many values as fit a cell. */
const firstOf = ([first, ...values]) =>
  values.reduce((text, value) => (text.length + value.length < mostValues ? `${text}, ${value}` : text), first);

/** `integer >= 1`, `a or b`, `list of text`; text, a number or a boolean is a scalar, as YAML has it. */
function typeOf(schema) {
  if (schema.const !== undefined) return inline(schema.const);
  if (schema.enum)
    return schema.enum.length > 12 ? `${firstOf(schema.enum.slice(0, 8).map(inline))}, ...` : schema.enum.map(inline).join(", ");
  const branches = alternatives(schema);
  if (branches) return [...new Set(branches.map(typeOf))].join(" or ").replace("text or number or boolean", "scalar");
  if (Array.isArray(schema.type)) return schema.type.map(type => typeOf({ ...schema, type })).join(" or ");
  if (schema.type === "array") return schema.prefixItems ? "list" : `list of ${typeOf(schema.items ?? {})}`;
  if (isMap(schema)) return `map of ${typeOf(schema.additionalProperties)}`;
  if (schema.type === "object") return "map";
  if (schema.type === "string") return "text";
  if (schema.type === undefined) return "any";
  const range = bounds(schema);
  return range === "" ? schema.type : `${schema.type} ${range}`;
}

/** Maps that stand in a value: itself, the items of a list, the values of a map by name, alternatives. With how their place is written. */
function* mapsIn(schema, place) {
  const branches = alternatives(schema);
  if (branches) for (const branch of branches) yield* mapsIn(branch, place);
  else if (schema.type === "array" && schema.items) yield* mapsIn(schema.items, `${place}[]`);
  else if (isMap(schema)) yield* mapsIn(schema.additionalProperties, `${place}.NAME`);
  else if (schema.properties) yield { schema, place };
}

/** Columns of a type's values where it has many. */
const mostValues = 60;
/** Longer defaults, prompts mostly, are cut. */
const mostDefault = 50;

/** The rows of a map, small maps in it flattened; `apart` says which places have a table of their own. */
function rowsOf(schema, prefix, place, apart) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties).flatMap(([key, value]) => {
    const name = prefix === "" ? key : `${prefix}.${key}`;
    const at = place === "" ? key : `${place}.${key}`;
    const written = value.default === undefined ? "{}" : inline(value.default);
    const usual = written === "{}" ? "" : code(written.length > mostDefault ? `${written.slice(0, mostDefault)}...` : written);
    const examples = (value.examples ?? []).slice(0, 2).map(x => code(inline(x)));
    const own = {
      key: name,
      type: typeOf(value),
      usual: required.has(key) ? "required" : usual,
      text: value.description ?? "",
      example: examples.join(", "),
    };
    const section = apart.get(at);
    if (section) return [{ ...own, text: `${own.text} See [${section.title}](${section.link}).`.trim() }];
    const seen = new Set();
    const inner = [...mapsIn(value, "")].flatMap(m => rowsOf(m.schema, `${name}${m.place}`, `${at}${m.place}`, apart));
    // alternatives share keys
    return [own, ...inner.filter(row => !seen.has(JSON.stringify(row)) && seen.add(JSON.stringify(row)))];
  });
}

/** The cells of a row that make it longer than a line of a page, the longest first; they stand below the table. */
function cellsBelow(row, lineOf) {
  const below = [];
  while (lineOf(row, below).length > mostColumns)
    below.push(["type", "text", "example"].filter(c => !below.includes(c)).sort((a, b) => row[b].length - row[a].length)[0]);
  return below;
}

function tableOf(rows) {
  const hasExample = rows.some(r => r.example !== "");
  const head = hasExample
    ? "| key | type | default | description | example |\n| --- | --- | --- | --- | --- |"
    : "| key | type | default | description |\n| --- | --- | --- | --- |";
  const lineOf = (row, below) => {
    const { key, type, usual, text, example } = { ...row, ...Object.fromEntries(below.map(name => [name, "see below"])) };
    return `| ${code(key)} | ${cell(type)} | ${usual} | ${cell(text)} |${hasExample ? ` ${example} |` : ""}`;
  };
  const note = (row, below) =>
    `- **${code(row.key)}**: ${["type", "text", "example"].flatMap(c => (below.includes(c) ? row[c] : [])).join(". ")}`;
  const placed = rows.map(row => ({ row, below: cellsBelow(row, lineOf) }));
  const notes = placed.filter(p => p.below.length > 0).map(p => note(p.row, p.below));
  return `${head}\n${placed.map(p => lineOf(p.row, p.below)).join("\n")}\n${notes.length > 0 ? `\n${[...new Set(notes)].join("\n")}\n` : ""}`;
}

/** The schema at a place such as `data.NAME.steps[]`. */
function at(schema, place) {
  let all = [schema];
  for (const step of place.match(/\[\]|[^.[\]]+/g) ?? [])
    all = all.flatMap(function enter(s) {
      const branches = alternatives(s);
      if (branches) return branches.flatMap(enter);
      if (step === "[]") return s.type === "array" && s.items ? [s.items] : [];
      if (step === "NAME" && isMap(s)) return [s.additionalProperties];
      return s.properties?.[step] ? [s.properties[step]] : [];
    });
  return all;
}

const anchor = title =>
  title
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, "")
    .replaceAll(" ", "-");

/**
 * Pages with tables. `pages`: file -> { title, lead, sections: [[place, title, { note?, also? }?]] }. A place is one of the schema: `data.NAME.steps[]`; one of
 * alternatives is told by a constant, `place{task=embed}`, or by a key, `place{has=train}`; `also`: places that have the same table.
 */
function referencePages(schema, pages) {
  const apart = new Map();
  for (const [file, { sections }] of Object.entries(pages))
    for (const [place, title, { also = [] } = {}] of sections) {
      const path = place.replace(/\{.*$/, "");
      for (const spot of [path, path.replace(/(\.NAME|\[\])+$/, ""), ...also])
        if (spot !== "" && !apart.has(spot)) apart.set(spot, { title, link: `${file}#${anchor(title)}` });
    }
  return Object.fromEntries(
    Object.entries(pages).map(([file, { title, lead, sections }]) => {
      const own = new Map(
        [...apart].map(([place, s]) => [place, { ...s, link: s.link.startsWith(`${file}#`) ? s.link.slice(file.length) : s.link }]),
      );
      const body = sections.map(([place, name, { note } = {}]) => {
        const [, path, key, value] = /^([^{]*)(?:\{(\w+)=([\w-]+)\})?$/.exec(place);
        const maps = at(schema, path).flatMap(s => [...mapsIn(s, "")].map(m => ({ ...m, schema: m.schema })));
        const isChosen = m =>
          key === "has" ? value in m.schema.properties : key === undefined || m.schema.properties[key]?.const === value;
        const chosen = maps.filter(isChosen);
        if (chosen.length === 0) throw new Error(`docs: no map at ${place} in the JSON Schema`);
        // what has a table of its own is not told twice, but this place is this table
        const others = new Map([...own].filter(([p]) => p !== path));
        const rows = chosen.flatMap(m =>
          rowsOf(m.schema, m.place.replace(/^\.?/, "").replace(/^NAME\.?|^\[\]\.?/, ""), `${path}${m.place}`, others),
        );
        const seen = new Set();
        const lines = rows.filter(r => !seen.has(JSON.stringify(r)) && seen.add(JSON.stringify(r)));
        return `## ${name}\n\n${note ? `${note}\n\n` : ""}${tableOf(lines)}`;
      });
      return [
        file,
        formatted(
          `# ${title}\n\n${lead}\n\nThis page is written by \`npm run docs\` from the schemas that check the file; a test holds it against them.\n\n${body.join("\n")}`,
          wrapAt,
        ),
      ];
    }),
  );
}

/** The schema without references; a value that holds itself may be any. */
function expanded(root) {
  const enter = value => {
    if (Array.isArray(value)) return value.map(enter);
    if (typeof value !== "object" || value === null) return value;
    const { $ref, ...rest } = value;
    if ($ref === undefined)
      return Object.fromEntries(Object.entries(rest).map(([k, v]) => [k, k === "default" || k === "examples" ? v : enter(v)]));
    const definition = root.$defs[$ref.replace("#/$defs/", "")];
    const isOfItself = JSON.stringify(definition).includes(JSON.stringify({ $ref }).slice(1, -1));
    return isOfItself ? rest : { ...enter(definition), ...rest };
  };
  const { $defs: _, ...schema } = root;
  return enter(schema);
}

const steps = schema => Object.keys(at(schema, "data.NAME.steps[]").flatMap(s => [...mapsIn(s, "")])[0].schema.properties);
const constants = (schema, path, key) =>
  at(schema, path)
    .flatMap(s => [...mapsIn(s, "")])
    .map(m => m.schema.properties[key]?.const)
    .filter(v => v !== undefined);

/** The pages of the docs. */
export function loamYamlPages(root) {
  const schema = expanded(root);
  const tasks = constants(schema, "models.NAME.tune", "task");
  /** Tasks of models that generate. */
  const chats = ["instruct", "preference", "distill"];
  const taskSection = task => [`models.NAME.tune{task=${task}}`, `Task ${task}`];
  const guards = constants(schema, "gateway.guards.NAME", "kind");
  return referencePages(schema, {
    "loam-yaml.md": {
      title: "loam.yaml reference",
      lead: `All keys of a project file. \`NAME\` stands for a name of your own, \`[]\` for an item of a list. An unknown key is an error that names the nearest right one.

Editors complete and check the file by its JSON Schema (\`docs/loam.schema.json\`). \`loam init\` writes the line for the YAML language server; in an existing project, print the schema and name it:

\`\`\`sh
loam schema > loam.schema.json
\`\`\`

\`\`\`yaml
# yaml-language-server: $schema=./loam.schema.json
name: mail
\`\`\`

More pages: [data sets](loam-yaml-data.md), [steps](loam-yaml-steps.md), [augmentation and mixture](loam-yaml-augment.md), tuned models ([encoders and classifiers](loam-yaml-tune.md), [chat models](loam-yaml-tune-chat.md)), gateway ([upstreams and models](loam-yaml-gateway.md), [guards and cache](loam-yaml-gateway-guards.md), [access](loam-yaml-gateway-access.md)). \`loam schema gateway\` prints the schema of \`gateway.yaml\`.`,
      sections: [
        ["", "Top level"],
        ["models.NAME{has=train}", "Models trained from scratch"],
        ["models.NAME.train", "Pre-training recipe"],
        ["searches.NAME", "Searches"],
        ["releases.NAME", "Releases"],
        ["labels.NAME", "Labels"],
        ["serve", "Server"],
      ],
    },
    "loam-yaml-data.md": {
      title: "loam.yaml reference: data sets",
      lead: "Keys below `data.NAME`. See [loam.yaml](loam-yaml.md) for the other parts, [data](data.md) for the guide.",
      sections: [
        ["data.NAME", "Data set"],
        ["data.NAME.source", "Source", { also: ["data.NAME.sources"] }],
        ["data.NAME.split", "Split"],
        ["data.NAME.card", "Data card"],
      ],
    },
    "loam-yaml-augment.md": {
      title: "loam.yaml reference: augmentation and mixture",
      lead: "Keys below `data.NAME.augment` and `data.NAME.mixture`. See [augmentation](data-augmentation.md) and [mixture](data-mixture.md) for the guides.",
      sections: [
        ["data.NAME.augment", "Augmentation", { note: "A list of methods, or a map with `methods` and the other keys." }],
        ["data.NAME.mixture", "Mixture"],
      ],
    },
    "loam-yaml-steps.md": {
      title: "loam.yaml reference: curation steps",
      lead: "Options of the steps in `data.NAME.steps`. A step without options is its name: `steps: [clean, { length: { minWords: 3 } }]`. See [data](data.md) for the guide.",
      sections: steps(schema).map(name => [`data.NAME.steps[].${name}`, name]),
    },
    "loam-yaml-tune.md": {
      title: "loam.yaml reference: tuned models",
      lead: "Keys of a model that is tuned from another one. See [tuning](tune.md) for the guide.",
      sections: [["models.NAME{has=tune}", "Tuned model"], ...tasks.filter(task => !chats.includes(task)).map(taskSection)],
    },
    "loam-yaml-tune-chat.md": {
      title: "loam.yaml reference: tuned chat models",
      lead: "Keys of `tune` for models that generate text. See [tuning](tune.md) for the guide, [tuned models](loam-yaml-tune.md) for the other tasks.",
      sections: tasks.filter(task => chats.includes(task)).map(taskSection),
    },
    "loam-yaml-gateway.md": {
      title: "loam.yaml reference: gateway",
      lead: "Keys below `gateway`. `gateway.yaml` has the same keys, and `listen.host`, `listen.port` and `listen.tls`. See [gateway](gateway.md) for the guide. Times are written `500ms`, `30s`, `5m`, `1h`; a secret is `{ env: NAME }`, `{ file: PATH }` or `{ command: [PROGRAM] }`.",
      sections: [
        ["gateway", "Gateway"],
        ["gateway.upstreams.NAME", "Upstreams"],
        ["gateway.models.NAME", "Models"],
      ],
    },
    "loam-yaml-gateway-guards.md": {
      title: "loam.yaml reference: guards and cache of the gateway",
      lead: "Keys below `gateway.guards.NAME` and `gateway.cache`. See [guards](gateway-guards.md) and [cache](gateway-cache.md) for the guides.",
      sections: [...guards.map(kind => [`gateway.guards.NAME{kind=${kind}}`, `Guard ${kind}`]), ["gateway.cache", "Cache"]],
    },
    "loam-yaml-gateway-access.md": {
      title: "loam.yaml reference: access to the gateway",
      lead: "Keys below `gateway.access`. See [limits](gateway-limits.md) for the guide.",
      sections: [
        ["gateway.access", "Access"],
        ["gateway.access.limits[]", "Limits"],
        ["gateway.access.policies[]", "Policies"],
      ],
    },
  });
}
