/** The guards that the file names, made; and which of them stand before a model. A new kind is a row here and in the schema. */
import { nearest } from "../../base/index.ts";
import type { Guard } from "./contract.ts";
import { badGuard, type GuardOpening } from "./part.ts";
import type { GuardPart, GuardPartOf, GuardsPart } from "./schema.ts";

type Kind = GuardPart["kind"];

/** Loaded when the file names one. */
const kinds: { readonly [K in Kind]: (opening: GuardOpening<GuardPartOf<K>>) => Promise<Guard> } = {
  private: async opening => (await import("./private/private.ts")).openPrivate(opening),
  blocklist: async opening => (await import("./blocklist/blocklist.ts")).openBlocklist(opening),
  webhook: async opening => (await import("./webhook/webhook.ts")).openWebhook(opening),
  classifier: async opening => (await import("./classifier/classifier.ts")).openClassifier(opening),
  judge: async opening => (await import("./llm-judge/judge.ts")).openLlmJudge(opening),
  person: async opening => (await import("./person/person.ts")).openPerson(opening),
};

/** Errors: gateway/config, gateway/secret, base/missingFile, each with the guard's place. */
export async function openGuards({ byName }: GuardsPart, folder: string): Promise<ReadonlyMap<string, Guard>> {
  const guards = new Map<string, Guard>();
  for (const [name, part] of Object.entries(byName)) {
    const open = kinds[part.kind] as (opening: GuardOpening<GuardPart>) => Promise<Guard>;
    guards.set(name, await open({ name, place: `guards.${name}`, part, folder }));
  }
  return guards;
}

const named = (names: readonly string[], place: string, guards: ReadonlyMap<string, Guard>): Guard[] =>
  names.map((name, i) => {
    const guard = guards.get(name);
    if (guard) return guard;
    const near = nearest(name, [...guards.keys()]);
    const known = [...guards.keys()].slice(0, 10).join(", ") || "there is none";
    throw badGuard(`${place}[${i}]`, `a guard of this file (${known})`, `"${name}"`, near ? `Did you mean "${near}"?` : undefined);
  });

const noGuards: readonly Guard[] = [];

/**
 * The guards before a model: those of every model, its own, and those of the models that may stand in for it, since what they keep from a server must
 * be kept from it then too. Each once. Errors: gateway/config.
 */
export function guardsOf(
  model: string,
  models: Readonly<Record<string, { readonly guards: readonly string[]; readonly fallbacks: readonly string[] }>>,
  { everywhere }: GuardsPart,
  guards: ReadonlyMap<string, Guard>,
): readonly Guard[] {
  const all = [
    ...named(everywhere, "guards.default", guards),
    ...[model, ...models[model]!.fallbacks].flatMap(name => named(models[name]?.guards ?? [], `models.${name}.guards`, guards)),
  ];
  return all.length === 0 ? noGuards : [...new Set(all)];
}
