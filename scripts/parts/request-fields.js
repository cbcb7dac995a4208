/** Tables of docs/contracts.md and docs/request-fields.md from the register of fields (`src/protocols/fields`). */
import { formatted, wrapAt } from "./markdown.js";

const cell = text => String(text).replaceAll("|", "\\|");
const code = names => names.map(n => `\`${n}\``).join(", ");

/** Every field of a table with its place: those of objects behind theirs. */
const placed = (fields, above = "") =>
  Object.entries(fields).flatMap(([name, field]) => [
    { place: above + name, field },
    ...(field.within ? placed(field.within, `${above}${name}.`) : []),
  ]);

/** A row a request: how many of its fields are done, harmless and refused. */
export function fieldsSummary(requests) {
  const rows = Object.values(requests).map(({ request, fields }) => {
    const all = placed(fields);
    const count = kind => all.filter(f => f.field.kind === kind).length;
    const anchor = request
      .toLowerCase()
      .replaceAll(/[^a-z0-9_ -]/g, "")
      .replaceAll(" ", "-");
    return `| [\`${request}\`](request-fields.md#${anchor}) | ${count("done")} | ${count("harmless")} | ${count("refused")} |`;
  });
  return `| request | done | harmless | refused |\n| --- | ---: | ---: | ---: |\n${rows.join("\n")}\n`;
}

const section = ({ request, fields }) => {
  const all = placed(fields);
  const of = kind => all.filter(f => f.field.kind === kind);
  const sources = [...new Set(of("done").flatMap(f => f.field.from))];
  const done = sources.map(source => {
    const names = of("done").filter(f => f.field.from[0] === source);
    return names.length > 0 ? `- ${source}: ${code(names.map(f => f.place))}\n` : "";
  });
  const table = (kind, head, text) => {
    const rows = of(kind).map(f => `| \`${f.place}\` | ${f.field.from.join(", ")} | ${cell(text(f.field))} |\n`);
    return rows.length > 0 ? `\n| ${kind} | API | ${head} |\n| --- | --- | --- |\n${rows.join("")}` : "";
  };
  return `## ${request}\n\nDone:\n\n${done.join("")}${table("harmless", "why", f => f.why)}${table("refused", "instead", f => f.instead)}`;
};

/** The page of all fields. */
export const fieldsPage = requests =>
  formatted(
    `# Fields of requests

Each field of a request's body is one of three:

- **done**: it changes the response, or is checked: a wrong type is a 400 that names it.
- **harmless**: it changes nothing that a caller could rely on. It is taken, and named in the response header \`x-loam-ignored\`.
- **refused**: a value that asks for something is a 400 that names the field and says what to do instead. Values that ask for nothing (null, an empty list, the default) are taken.

A name that no API has is refused where it is one or two letters off a known one (\`temprature: expected a known parameter. Did you mean "temperature"?\`); any other unknown name is taken and named in \`x-loam-ignored\`.

The fields are those of OpenAI's, vLLM's, llama.cpp's, Ollama's, Text Generation Inference's, Anthropic's and KServe's requests. This page is written by \`npm run docs\` from \`src/protocols/fields\`, which the server obeys; a test sends each field. A new field is a row there.

${Object.values(requests).map(section).join("\n")}`,
    wrapAt,
  );
