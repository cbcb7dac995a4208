/** Where the gateway and the server behind it both have something to say at one address: their answers as one. */

/** The last line of OpenMetrics. */
const end = "# EOF";

/**
 * Prometheus texts as one, both in the same format: of a metric that both have series of (those of the process are the same process's) the first counts.
 */
export function joinedMetrics(first: string, second: string): string {
  const isOpen = first.trimEnd().endsWith(end);
  const families = (text: string) =>
    text
      .trimEnd()
      .replace(/\n?# EOF$/, "")
      .split(/^(?=# HELP )/m)
      .filter(f => f.trim() !== "");
  const nameOf = (family: string) => /^# HELP (\S+)/.exec(family)?.[1];
  const hasSeries = (family: string) => /^[^#\s]/m.test(family);
  const both = [...families(first), ...families(second)];
  const chosen = new Map<string | undefined, string>();
  for (const family of both) {
    const before = chosen.get(nameOf(family));
    if (before === undefined || (!hasSeries(before) && hasSeries(family))) chosen.set(nameOf(family), family);
  }
  return [...[...chosen.values()].map(f => f.trimEnd()), ...(isOpen ? [end] : []), ""].join("\n");
}

export interface ModelList {
  readonly data: readonly { readonly id: string }[];
}

/** Lists of models as one: the server's own come first, with all names of theirs; what only the gateway offers follows. */
export const joinedModels = (ofGateway: ModelList, ofServer: ModelList): ModelList => ({
  ...ofServer,
  data: [...ofServer.data, ...ofGateway.data.filter(m => !ofServer.data.some(o => o.id === m.id))],
});
