/** `loam gateway principals`, `loam gateway policies` and the limits of `loam gateway limits`: listed, shown, put, deleted. Each change is in the list of changes. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { stringify } from "yaml";
import { fileError, parseYaml } from "../../base/index.ts";
import { type EntryKind, type Match, type PrincipalKind, principalKinds, type ShownEntry } from "../../gateway/index.ts";
import { withEntries } from "../../project/gateway/index.ts";
import { nearestHint, thisUser, wrongArgument } from "../../project/index.ts";
import { gatewayAt } from "../gateway-place.ts";
import { numberOption, textOption } from "../options.ts";
import { usedLimits } from "../used-limits.ts";
import { type Context, type Options, streamsOf, type VerbRun } from "../verb.ts";

const actions = ["list", "show", "put", "delete"] as const;

/** What somebody wrote as the entry. Errors: cli/usage, base/syntax, base/missingFile. */
async function givenBody(context: Context, options: Options, place: string): Promise<Readonly<Record<string, unknown>>> {
  const [from, value] = [textOption(options, "from"), textOption(options, "value")];
  if ((from === undefined) === (value === undefined))
    throw wrongArgument(place, "--from FILE or --value YAML", from === undefined ? "neither" : "both");
  const path = from === undefined || from === "-" ? undefined : resolve(context.cwd, from);
  const text =
    value ??
    (path === undefined
      ? await textOf(streamsOf(context).stdin)
      : await readFile(path, "utf8").catch(error => {
          throw fileError(error, path);
        }));
  const where = path ?? (value === undefined ? "standard input" : "--value");
  const body = parseYaml(text, where);
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return body as Readonly<Record<string, unknown>>;
  throw wrongArgument(
    place,
    "an entry with its keys, such as { roles: [viewer] }",
    body === null ? "nothing" : `a ${Array.isArray(body) ? "list" : typeof body}`,
  );
}

const words = (value: unknown): string =>
  Array.isArray(value) ? value.join(",") : typeof value === "object" ? JSON.stringify(value) : String(value);

/** What an entry says, in one line, without what goes without saying. */
function summaryOf({ kind: _, name: _n, id: _i, origin: _o, revision: _r, ...value }: ShownEntry): string {
  const { who, ...rest } = value as { readonly who?: object };
  return Object.entries({ ...rest, ...who })
    .filter(([, v]) => v !== false && !(Array.isArray(v) && v.length === 0))
    .map(([key, v]) => (v === true ? key : key === "effect" ? String(v) : `${key} ${words(v)}`))
    .join("  ");
}

const calledOf = ({ id, kind, name }: ShownEntry): string =>
  id !== undefined ? String(id) : kind === "limits" ? String(name) : `${kind}/${name}`;

interface Which {
  readonly verb: "principals" | "policies" | "limits";
  /** Kind and name of the second word; the name undefined where it has none. Errors: cli/usage. */
  readonly read: (word: string | undefined, place: string) => { readonly kind: EntryKind | undefined; readonly name: string | undefined };
  readonly named: string;
}

const entryVerb =
  ({ verb, read, named }: Which): VerbRun =>
  async (context, [given = "list", word], options) => {
    const { out } = context;
    const place = `loam gateway ${verb}`;
    const action = actions.find(a => a === given);
    if (!action) throw wrongArgument(place, actions.join(", "), JSON.stringify(given), nearestHint(given, actions));
    const { kind, name } = read(word, place);
    if (action === "list" && name !== undefined)
      throw wrongArgument(`${place} list`, verb === "principals" ? "a kind, or nothing" : "nothing", word!);
    const body = action === "put" ? await givenBody(context, options, `${place} put`) : undefined;
    const revision = numberOption(options, "revision", `gateway ${verb}`, { least: 0, most: Number.MAX_SAFE_INTEGER, whole: true });
    const match: Match = options.force === true && action === "put" ? "any" : revision;
    const by = textOption(options, "as") ?? thisUser();
    await withEntries(gatewayAt(context, options), place, async entries => {
      if (action === "list") {
        const data = await entries.list(kind);
        if (data.length === 0) out.line("  There are none.");
        for (const e of data)
          out.line(`  ${calledOf(e).padEnd(32)} ${(e.origin === "file" ? "file" : `revision ${e.revision}`).padEnd(13)} ${summaryOf(e)}`);
        return out.result({ [verb]: data });
      }
      if (kind === undefined || name === undefined) throw wrongArgument(`${place} ${action}`, named, word ?? "nothing");
      const shown = ({ principals: "principal", policies: "policy", limits: "limit" } as const)[verb];
      if (action === "show") {
        const entry = await entries.show(kind, name);
        out.line(stringify(entry).trimEnd());
        return out.result({ [shown]: entry });
      }
      if (action === "delete") {
        const entry = await entries.delete(kind, name, match, by);
        out.line(`  ${calledOf(entry)} is deleted; running gateways know within seconds.`);
        return out.result({ deleted: true, [shown]: entry });
      }
      const { entry, isNew } = await entries.put({ kind, name, body: body!, match }, by);
      out.line(`  ${calledOf(entry)} is ${isNew ? "made" : "replaced"}, revision ${entry.revision}; running gateways know within seconds.`);
      out.result({ created: isNew, [shown]: entry });
    });
  };

export const gatewayPrincipals = entryVerb({
  verb: "principals",
  named: "KIND/NAME, such as users/ann",
  read: (word, place) => {
    if (word === undefined) return { kind: undefined, name: undefined };
    const [kind = "", ...rest] = word.split("/");
    if (!principalKinds.includes(kind as PrincipalKind))
      throw wrongArgument(
        place,
        `one of ${principalKinds.join(", ")}, and a name behind a /`,
        JSON.stringify(word),
        nearestHint(kind, principalKinds),
      );
    return { kind: kind as PrincipalKind, name: rest.length > 0 && rest[0] !== "" ? rest.join("/") : undefined };
  },
});

export const gatewayPolicies = entryVerb({
  verb: "policies",
  named: "the id of a policy",
  read: word => ({ kind: "policies", name: word }),
});

const limitEntries = entryVerb({
  verb: "limits",
  named: "the name of a limit",
  read: word => ({ kind: "limits", name: word }),
});

/** What is done with a limit itself. Other first words name a limit whose use is shown. */
const limitActions = ["show", "put", "delete"];

/** `loam gateway limits`: what is used, or with an action the limits themselves. */
export const gatewayLimitsVerb: VerbRun = async (context, args, options) =>
  limitActions.includes(args[0] ?? "") ? limitEntries(context, args, options) : usedLimits(context, args, options);
