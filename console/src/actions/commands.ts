/** The command line that does what an action of the console does. Pure: the choices in, words out; a test gives the words to the command line's own parser. */

export interface Command {
  /** Words of the verb: `models promote`. */
  readonly verb: string;
  readonly args: readonly string[];
  /** By their names without `--`; true is a flag. Absent and empty values are left out. */
  readonly options: Readonly<Record<string, string | number | true | undefined>>;
}

const made = (verb: string, args: readonly string[], options: Command["options"] = {}): Command => ({ verb, args, options });

/** Behind `loam`. Arguments that begin with `-` go behind `--`. */
export function wordsOf({ verb, args, options }: Command): string[] {
  const given = Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === "") return [];
    if (value === true) return [`--${name}`];
    const text = String(value);
    return text.startsWith("-") ? [`--${name}=${text}`] : [`--${name}`, text];
  });
  const words = verb.split(" ");
  return args.some(a => a.startsWith("-")) ? [...words, ...given, "--", ...args] : [...words, ...args, ...given];
}

/** A word as a POSIX shell reads it. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

export const commandLine = (command: Command): string => ["loam", ...wordsOf(command).map(quoted)].join(" ");

export interface LimitChoice {
  readonly name: string;
  /** As `gateway limits put` takes it. */
  readonly value: object;
  /** Of the limit that is replaced; null for a new one. */
  readonly revision: number | null;
}

const entry = (value: object, revision: number | null) => ({ value: JSON.stringify(value), ...(revision === null ? {} : { revision }) });

/** One function an action. */
export const commands = {
  promote: (of: { readonly version: string; readonly alias: string; readonly reason: string }) =>
    made("models promote", [of.version, of.alias], { reason: of.reason }),
  rollback: (of: { readonly model: string; readonly alias: string; readonly reason: string }) =>
    made("models rollback", [of.model, of.alias], { reason: of.reason }),
  approve: (of: {
    readonly version: string;
    readonly alias: string;
    readonly role: string;
    readonly note: string;
    readonly withdraw: boolean;
  }) => made("models approve", [of.version], { for: of.alias, role: of.role, note: of.note, withdraw: of.withdraw || undefined }),
  rollbackDeployment: (of: { readonly name: string; readonly generation: number; readonly unapproved: boolean }) =>
    made("deploy rollback", [of.name], { generation: of.generation, unapproved: of.unapproved || undefined }),
  createKey: (of: { readonly name: string; readonly subject: string; readonly days: string }) =>
    made("gateway keys", ["create", of.name], { subject: of.subject, expires: of.days === "" ? "" : `${of.days}d` }),
  rotateKey: (of: { readonly key: string; readonly hours: string }) =>
    made("gateway keys", ["rotate", of.key], { overlap: of.hours === "" ? "" : `${of.hours}h` }),
  revokeKey: (of: { readonly key: string }) => made("gateway keys", ["revoke", of.key]),
  putLimit: ({ name, value, revision }: LimitChoice) => made("gateway limits", ["put", name], entry(value, revision)),
  deleteLimit: (of: { readonly name: string; readonly revision: number | null }) =>
    made("gateway limits", ["delete", of.name], { revision: of.revision ?? undefined }),
  hold: (of: { readonly id: string; readonly value: object }) => made("gateway policies", ["put", of.id], entry(of.value, null)),
  release: (of: { readonly id: string }) => made("gateway policies", ["delete", of.id]),
  decideHeld: (of: { readonly id: string; readonly decision: "approve" | "refuse" }) => made("gateway held", [of.decision, of.id]),
  run: (of: { readonly kind: "model" | "tuned" | "data"; readonly name: string; readonly force: boolean }) => {
    const force = of.force || undefined;
    // a model's name may be a subcommand of `train`
    return of.kind === "model"
      ? made("train", [], { model: of.name, force })
      : made(of.kind === "data" ? "data run" : "tune", [of.name], { force });
  },
} as const;
