/** A request as code that somebody can paste: curl for a POSIX shell, OpenAI's official clients for Python and TypeScript. */
import type { Request } from "./request.ts";

export const languages = ["curl", "Python", "TypeScript"] as const;
export type Language = (typeof languages)[number];

/** Single quotes keep everything but themselves. */
const shellQuoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** `key`: null where the server asks for none. */
const curlOne = (base: string, { path, body }: Request, key: string | null): string =>
  `curl ${shellQuoted(`${base}${path}`)} \\\n${key === null ? "" : `  -H ${shellQuoted(`authorization: Bearer ${key}`)} \\\n`}  -H 'content-type: application/json' \\\n  -d ${shellQuoted(JSON.stringify(body, null, 2))}`;

/** Several requests are told apart by the models that they ask. */
const curl = (base: string, requests: readonly Request[], key: string | null): string =>
  requests.map(r => `${requests.length > 1 ? `# ${r.body.model}\n` : ""}${curlOne(base, r, key)}`).join("\n\n");

const method = (path: Request["path"]): string => (path === "/v1/completions" ? "completions" : "chat.completions");
/** What is printed; of a request with functions the whole message, which may be calls. */
const answer = ({ path, body }: Request): string =>
  path === "/v1/completions" ? "choices[0].text" : "tools" in body ? "choices[0].message" : "choices[0].message.content";
/** Names of several requests and responses are numbered. */
const number = (requests: readonly Request[], i: number): string => (requests.length > 1 ? String(i + 1) : "");

/** `top_k` is no argument of OpenAI's TypeScript client: the type says that it is sent all the same. */
const typeOf = ({ path, body }: Request): string =>
  `OpenAI.${path === "/v1/completions" ? "CompletionCreateParamsNonStreaming" : "ChatCompletionCreateParamsNonStreaming"}${body.top_k === undefined ? "" : " & { top_k: number }"}`;

const typescript = (base: string, requests: readonly Request[], key: string | null): string => `import OpenAI from "openai";

const client = new OpenAI({ baseURL: ${JSON.stringify(`${base}/v1`)}, apiKey: ${JSON.stringify(key ?? "none")} });
${requests
  .map((request, i) => {
    const n = number(requests, i);
    return `
const request${n}: ${typeOf(request)} = ${JSON.stringify(request.body, null, 2)};

const answer${n} = await client.${method(request.path)}.create(request${n});
console.log(answer${n}.${answer(request)});`;
  })
  .join("\n")}`;

/** A JSON value as a Python literal. JSON's strings are Python's, escapes included, but for a lone surrogate. */
export function pythonLiteral(value: unknown, indent = ""): string {
  const inner = `${indent}    `;
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[\n${value.map(v => `${inner}${pythonLiteral(v, inner)},\n`).join("")}${indent}]`;
  }
  if (typeof value === "object") {
    const entries = Object.entries(value);
    if (entries.length === 0) return "{}";
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}: ${pythonLiteral(v, indent)}`).join(", ")}}`;
  }
  return JSON.stringify(value);
}

/** `top_k` is no argument of OpenAI's Python client: such fields travel in `extra_body`. */
function pythonCall(request: Request, n: string): string {
  const { top_k, ...known } = request.body;
  const given = Object.entries({ ...known, ...(top_k === undefined ? {} : { extra_body: { top_k } }) });
  return `
answer${n} = client.${method(request.path)}.create(
${given.map(([name, value]) => `    ${name}=${pythonLiteral(value, "    ")},\n`).join("")})
print(answer${n}.${answer(request)})`;
}

const python = (base: string, requests: readonly Request[], key: string | null): string => `from openai import OpenAI

client = OpenAI(base_url=${JSON.stringify(`${base}/v1`)}, api_key=${JSON.stringify(key ?? "none")})
${requests.map((r, i) => pythonCall(r, number(requests, i))).join("\n")}`;

const writers: { readonly [L in Language]: (base: string, requests: readonly Request[], key: string | null) => string } = {
  curl,
  Python: python,
  TypeScript: typescript,
};

/** `base` is the server's root without a slash at its end; `key` is what a gateway before it asks for. Several requests are one program. */
export const codeOf = (language: Language, base: string, requests: Request | readonly Request[], key: string | null = null): string =>
  writers[language](base, "path" in requests ? [requests] : requests, key);
