/** Promotions, rollbacks and approvals of the made-up models: what is asked is kept, and moves the aliases as a server would. */
type Answer = readonly [status: number, body: object];
interface Model {
  readonly model: string;
  readonly aliases: { alias: string; isGuarded: boolean; holder: number | null; goesBackTo: number | null }[];
  readonly history: object[];
}
interface Judged {
  readonly gates: readonly {
    readonly alias: string;
    readonly passed: boolean;
    readonly gates: readonly { gate: string; passed: boolean; told: string }[];
  }[];
}

export function fakeActions(releases: readonly object[], verdictsOf: (version: string) => object | undefined, isViewer: boolean) {
  const models = releases as readonly Model[];
  const approvals: Record<string, unknown>[] = [];
  const refuse = (status: number, code: string, message: string): Answer => [status, { error: { code, message } }];
  const moved = (model: Model, alias: string, number: number, kind: string, reason: unknown): object => {
    const at = model.aliases.find(a => a.alias === alias);
    const previous = at?.holder ?? null;
    if (at) Object.assign(at, { holder: number, goesBackTo: kind === "rollback" ? null : previous });
    else model.aliases.push({ alias, isGuarded: false, holder: number, goesBackTo: null });
    const release = { model: model.model, alias, kind, number, previous };
    model.history.unshift({ at: Date.now(), by: "loam-console", verdict: null, alias, kind, number, previous, reason: reason ?? null });
    return release;
  };
  return (id: string, action: string, given: Record<string, unknown>): Answer => {
    if (isViewer) return refuse(403, "gateway/forbidden", "admin: this needs the role admin, and vera has viewer.");
    const [name = "", number = ""] = id.split("@");
    const model = models.find(m => m.model === name);
    if (!model) return refuse(404, "store/notFound", `model: expected the name of a model, got "${id}".`);
    const alias = String(given.alias);
    if (action === "rollback") {
      const to = model.aliases.find(a => a.alias === alias)?.goesBackTo;
      return to
        ? [200, moved(model, alias, to, "rollback", given.reason)]
        : refuse(404, "store/notFound", `${name}@${alias}: nothing had it before.`);
    }
    const gates = (verdictsOf(id) as Judged | undefined)?.gates.find(g => g.alias === alias);
    if (action === "approve") {
      approvals.push({ role: given.role, by: "loam-console", isVerified: false, atMs: Date.now() });
      return [200, { model: name, version: Number(number), alias, changed: true, approvals }];
    }
    const missing = gates?.gates.filter(g => !g.passed) ?? [];
    if (missing.length > 0)
      return refuse(409, "registry/refused", `${id} -> ${alias}: ${missing.map(g => `"${g.gate}" is not met (${g.told})`).join("; ")}.`);
    const release = moved(model, alias, Number(number), "promote", given.reason);
    return [
      200,
      { model: name, version: Number(number), alias, dryRun: false, verdict: { passed: true, gates: gates?.gates ?? [] }, release },
    ];
  };
}
