/** Where the gateway and the server behind it both have something to say at one address: their answers as one. */

/** Prometheus texts as one: of a metric that both have (those of the process are the same process's) the first counts. */
export function joinedMetrics(first: string, second: string): string {
  const families = (text: string) => text.split(/^(?=# HELP )/m).filter(f => f.trim() !== "");
  const nameOf = (family: string) => /^# HELP (\S+)/.exec(family)?.[1];
  const known = new Set(families(first).map(nameOf));
  const others = families(second).filter(f => !known.has(nameOf(f)));
  return [first.trimEnd(), ...others.map(f => f.trimEnd()), ""].join("\n");
}

export interface ModelList {
  readonly data: readonly { readonly id: string }[];
}

/** Lists of models as one: the server's own come first, with all names of theirs; what only the gateway offers follows. */
export const joinedModels = (ofGateway: ModelList, ofServer: ModelList): ModelList => ({
  ...ofServer,
  data: [...ofServer.data, ...ofGateway.data.filter(m => !ofServer.data.some(o => o.id === m.id))],
});
