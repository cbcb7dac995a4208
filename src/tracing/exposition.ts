/**
 * Metrics in the OpenMetrics text format (version 1.0.0), beside the classic one: the same series under the same names, and exemplars. prom-client's own
 * writer renames counters in place, so that the classic form could not be had afterwards.
 */
import type { Registry } from "prom-client";

export const openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** A metric under another name: labels by their names, `model` as `model_name`. */
export interface MetricAlias {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
}

interface Exemplar {
  readonly labelSet: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
}
interface Sample {
  readonly metricName?: string;
  readonly labels: Partial<Readonly<Record<string, string | number>>>;
  readonly value: number;
  readonly exemplar?: Exemplar | null;
}
interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: unknown;
  readonly values: readonly Sample[];
}

interface Wish {
  readonly type: string;
  readonly q: number;
  readonly version: string | undefined;
}

const wishes = (accept: string): Wish[] =>
  accept
    .slice(0, 4096)
    .split(",")
    .map(item => {
      const [type = "", ...parameters] = item.split(";").map(p => p.trim().toLowerCase());
      const of = (name: string) => parameters.find(p => p.startsWith(`${name}=`))?.slice(name.length + 1);
      const q = Number(of("q") ?? 1);
      return { type, q: Number.isFinite(q) ? q : 0, version: of("version") };
    });

/** Whether a scraper asks for OpenMetrics at least as much as for plain text. Without the header: no. */
export function acceptsOpenMetrics(accept: string | null | undefined): boolean {
  if (!accept) return false;
  const all = wishes(accept);
  const best = (is: (w: Wish) => boolean) => Math.max(0, ...all.filter(is).map(w => w.q));
  const open = best(w => w.type === "application/openmetrics-text" && ["1.0.0", "0.0.1", undefined].includes(w.version));
  return open > 0 && open >= best(w => w.type === "text/plain");
}

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
const numberText = (value: number): string =>
  value === Number.POSITIVE_INFINITY ? "+Inf" : value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value);

const labelText = (labels: Sample["labels"], words: Readonly<Record<string, string>> = {}): string => {
  const parts = Object.entries(labels).map(([name, value]) => `${words[name] ?? name}="${escaped(String(value))}"`);
  return parts.length > 0 ? `{${parts.join(",")}}` : "";
};

const types: readonly unknown[] = ["gauge", "histogram", "summary"];

/** A counter's family is called without `_total`; where another family has that name, or the counter has no `_total`, its type is unknown. */
function heading({ name, type }: Pick<Family, "name" | "type">, taken: ReadonlySet<string>): readonly [family: string, type: string] {
  if (type !== "counter") return [name, types.includes(type) ? String(type) : "unknown"];
  const family = name.replace(/_total$/, "");
  return family === name || taken.has(family) ? [name, "unknown"] : [family, "counter"];
}

function familyText(family: Family, taken: ReadonlySet<string>, alias?: MetricAlias): string {
  const name = alias?.name ?? family.name;
  const words = alias && { model: "model_name", ...alias.labels };
  const [called, type] = heading({ name, type: family.type }, taken);
  const lines = [`# HELP ${called} ${escaped(family.help)}`, `# TYPE ${called} ${type}`];
  for (const { metricName = family.name, labels, value, exemplar } of family.values) {
    const of = exemplar ? ` # ${labelText(exemplar.labelSet)} ${numberText(exemplar.value)} ${exemplar.timestamp}` : "";
    lines.push(`${name}${metricName.slice(family.name.length)}${labelText(labels, words)} ${numberText(value)}${of}`);
  }
  return lines.join("\n");
}

/** All metrics of a registry, those with an alias a second time under it. */
export async function openMetricsText(registry: Registry, aliases: Readonly<Record<string, MetricAlias>> = {}): Promise<string> {
  const families: readonly Family[] = await registry.getMetricsAsJSON();
  const again = families.flatMap(f => (aliases[f.name] ? [{ family: f, alias: aliases[f.name]! }] : []));
  const taken = new Set([...families.map(f => f.name), ...again.map(a => a.alias.name)]);
  const texts = [...families.map(f => familyText(f, taken)), ...again.map(a => familyText(a.family, taken, a.alias))];
  return `${texts.join("\n")}\n# EOF\n`;
}
