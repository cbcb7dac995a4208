/** Everything recorded of the chosen node, its neighbours as links, and where else it appears. */

import { formatBytes, formatMoment } from "../format.ts";
import type { GraphEdge } from "../generated/server.ts";
import { Id } from "../parts/copy.tsx";
import { Facts } from "../parts/facts.tsx";
import { flattened } from "../parts/flattened.ts";
import { routeHash } from "../route.ts";
import { kindClass } from "./graph-view.tsx";
import { headline, kindWords, type Lineage, type Node } from "./subject.ts";

interface NeighboursProps {
  readonly title: string;
  readonly edges: readonly GraphEdge[];
  readonly side: "from" | "to";
  readonly lineage: Lineage;
  onChoose(id: string): void;
}

function Neighbours({ title, edges, side, lineage, onChoose }: NeighboursProps) {
  if (edges.length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      <ul className="neighbours">
        {edges.map(e => {
          const node = lineage.nodes.find(n => n.id === e[side]);
          return (
            <li key={`${e.from} ${e.to} ${e.name}`}>
              <button type="button" className={`neighbour ${kindClass(node?.kind ?? "")}`} onClick={() => onChoose(e[side])}>
                <i className="kind-dot" />
                <span>{node ? kindWords(node) : e[side]}</span>
                <small>{node ? headline(node) : e.name}</small>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

interface SectionProps {
  readonly title: string;
  readonly of: unknown;
  readonly isVerbatim?: boolean;
  /** A long list: takes a row of its own, in columns. */
  readonly isWide?: boolean;
}

const Section = ({ title, of, isVerbatim = false, isWide = false }: SectionProps) =>
  flattened(of).length === 0 ? null : (
    <section className={isWide ? "wide" : undefined}>
      <h3>{title}</h3>
      <Facts of={of} isVerbatim={isVerbatim} />
    </section>
  );

interface DetailsProps {
  readonly node: Node;
  readonly lineage: Lineage;
  readonly isRoot: boolean;
  onChoose(id: string): void;
}

function Head({ node, isRoot }: Pick<DetailsProps, "node" | "isRoot">) {
  const isVersion = node.type === "version";
  const { digest, stage, stageVersion } = isVersion ? {} : node.artifact;
  return (
    <header>
      <span className={`kind ${kindClass(node.kind)}`}>
        <i className="kind-dot" /> {kindWords(node)}
      </span>
      <h2>{headline(node)}</h2>
      <Id id={isVersion ? node.version.artifact : node.id} />
      {digest && <Id id={digest} short={`sha256 ${digest.slice(0, 12)}…`} />}
      <p>
        {formatMoment(isVersion ? node.version.createdAt : node.artifact.createdAt)}
        {stage && `, stage ${stage}`}
        {stageVersion !== undefined && ` (version ${stageVersion})`}
      </p>
      <p className="links">
        {node.kind === "model" && <a href={routeHash("training", node.id)}>Loss curves</a>}
        {isVersion && <a href={routeHash("models")}>All versions</a>}
        {!isVersion && !isRoot && <a href={routeHash("lineage", node.id)}>Look from here</a>}
      </p>
    </header>
  );
}

export function Details({ node, lineage, isRoot, onChoose }: DetailsProps) {
  const around = { lineage, onChoose };
  const files = node.type === "artifact" ? (node.artifact.files ?? []) : [];
  return (
    <aside className="details card" aria-label={`${kindWords(node)} ${node.id}`}>
      <Head node={node} isRoot={isRoot} />
      {node.type === "artifact" ? (
        <Section title="Summary" of={node.artifact.summary} />
      ) : (
        <Section title="Scores" of={{ ...node.version.scores, aliases: node.version.aliases }} />
      )}
      <Section title="Files" isVerbatim of={Object.fromEntries(files.map(f => [f.name, formatBytes(f.sizeBytes)]))} />
      <div>
        <Neighbours {...around} title="Made from" side="from" edges={lineage.edges.filter(e => e.to === node.id)} />
        <Neighbours {...around} title="Made into" side="to" edges={lineage.edges.filter(e => e.from === node.id)} />
      </div>
      {node.type === "artifact" && <Section title="Options" isWide of={node.artifact.options} />}
    </aside>
  );
}
