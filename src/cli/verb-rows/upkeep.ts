/** What stands behind it all: where things came from, what nothing needs, what the machine has. */
import type { Verb } from "../verb.ts";
import { gatewayConfig, gatewayUrl, project } from "./common-options.ts";

export const upkeepVerbs: readonly Verb[] = [
  {
    usage: "trace [id]",
    summary:
      "What something was made from, and what was made from it: an artifact, a version, a document; of a request of the gateway, who asked and what answered",
    options: [
      project,
      gatewayConfig,
      gatewayUrl,
      ["--request", "the id is a request's that a client named itself (those that begin with req_ are known)"],
      ["--verify", "verify the artifact store: every row, entry and file against its hash"],
      ["--documents <n>", "list up to n documents behind it", "5"],
    ],
    example: "loam trace mail-small@latest",
    load: async () => (await import("../verbs/trace.ts")).traceVerb,
  },
  {
    usage: "gc",
    summary: "List unreferenced artifacts; --apply deletes them",
    options: [
      project,
      ["--dry-run", "only show (the default)"],
      ["--apply", "remove it"],
      ["--forget-after <days>", "let go of what other machines' files of this record need that were not seen for so long"],
    ],
    example: "loam gc --dry-run",
    load: async () => (await import("../verbs/gc.ts")).gc,
  },
  {
    usage: "keys <action>",
    summary: "Encryption at rest: create, list, rotate or check keys; encrypt a project that was begun without",
    options: [project, ["--new-data-key", "rotate: also begin a new data key for new data"]],
    example: "loam keys create",
    load: async () => (await import("../verbs/keys.ts")).keys,
  },
  {
    usage: "doctor",
    summary: "What this machine has: cores, vector units, devices, memory, disk; what is missing and how to get it",
    options: [project],
    example: "loam doctor",
    load: async () => (await import("../verbs/doctor.ts")).doctor,
  },
  {
    usage: "schema [file]",
    summary: "Print the JSON Schema of loam.yaml (or of gateway.yaml: loam schema gateway) for editors and validators",
    options: [],
    example: "loam schema > loam.schema.json",
    load: async () => (await import("../verbs/schema.ts")).schemaVerb,
  },
  {
    usage: "docs [topic]",
    summary: "Explain an error's code and name its page; without one, serve the documentation as web pages with search until Ctrl-C",
    options: [
      ["-p, --port <port>", "port to listen on (default: 8070; 0 picks a free one)"],
      ["--path", "only print where the Markdown pages are"],
    ],
    example: "loam docs data/sourceEmpty",
    load: async () => (await import("../verbs/docs.ts")).docs,
  },
];

/** Completes all verbs, itself too. */
export const completionVerb = (all: () => readonly Verb[]): Verb => ({
  usage: "completion <shell> [words...]",
  summary: "Print the script that completes verbs, flags and names of the project in a shell: bash, zsh or fish",
  options: [],
  example: 'loam completion bash > ~/.loam-completion && echo "source ~/.loam-completion" >> ~/.bashrc',
  load: async () => (await import("../verbs/completion.ts")).completionOf(all()),
});
