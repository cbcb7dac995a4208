/** The lineage as a drawing: nodes are buttons that arrows walk between, the frame around them moves and zooms. */
import { type CSSProperties, type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { edgePath, type Layout, layout } from "../graph/layout.ts";
import { fitted, reveal, zoomAt } from "../graph/viewport.ts";
import { Icon } from "../parts/icons.tsx";
import { useFrame } from "./frame.ts";
import { headline, kindWords, type Lineage, type Node } from "./subject.ts";
import { type Arrow, walk } from "./walk.ts";

const nodeSize = { width: 158, height: 58 };
/** Narrower frames draw downwards: six layers side by side would be a smudge on a telephone. */
const narrow = 620;
const step = 1.25;

/** Room below the drawing for the tools, in pixels. */
const toolsHeight = 40;

const kinds = ["source", "documents", "tokenizer", "shards", "model", "evaluation", "version"];
export const kindClass = (kind: string): string => `kind-${kinds.includes(kind) ? kind : "other"}`;

const short = (text: string, length: number): string => (text.length <= length ? text : `${text.slice(0, length - 1)}…`);

interface GraphProps {
  readonly lineage: Lineage;
  readonly root: string;
  readonly chosen: string;
  onChoose(id: string): void;
}

function useLayout(lineage: Lineage, direction: "right" | "down"): Layout {
  return useMemo(
    () =>
      layout(
        lineage.nodes.map(n => ({ id: n.id, ...nodeSize })),
        lineage.edges,
        direction === "right" ? { direction, layerGap: 38, nodeGap: 22 } : { direction, layerGap: 40, nodeGap: 16 },
      ),
    [lineage, direction],
  );
}

export function GraphView({ lineage, root, chosen, onChoose }: GraphProps) {
  const [isNarrow, setNarrow] = useState(innerWidth < narrow);
  const direction = isNarrow ? "down" : "right";
  const drawn = useLayout(lineage, direction);
  const frame = useFrame(drawn, toolsHeight);
  const { ref, size, view, setView } = frame;
  const elements = useRef(new Map<string, SVGGElement>());
  useEffect(() => {
    if (size.width > 0) setNarrow(size.width < narrow);
  }, [size.width]);

  const choose = (id: string) => {
    onChoose(id);
    const box = drawn.nodes.find(n => n.id === id);
    if (box) setView(v => reveal(v, box, frame.room));
  };
  const zoom = (factor: number) => setView(v => zoomAt(v, { x: size.width / 2, y: size.height / 2 }, factor));
  const whole = () => setView(() => fitted(drawn, frame.room));
  const press = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "+" || e.key === "=") zoom(step);
    else if (e.key === "-") zoom(1 / step);
    else if (e.key === "0") whole();
    else if (e.key.startsWith("Arrow")) {
      const next = walk(drawn, direction, chosen, e.key as Arrow);
      if (next !== null) {
        choose(next);
        elements.current.get(next)?.focus({ preventScroll: true });
      }
    } else return;
    e.preventDefault();
  };
  const byId = new Map<string, Node>(lineage.nodes.map(n => [n.id, n]));
  const isNear = (id: string) =>
    id === chosen || lineage.edges.some(e => (e.from === chosen && e.to === id) || (e.to === chosen && e.from === id));
  return (
    // biome-ignore lint/a11y/useSemanticElements: a group of nodes, not of fields.
    <div
      className="graph"
      ref={ref}
      role="group"
      aria-label="Graph of artifacts. Arrow keys walk, plus and minus zoom, 0 shows all."
      onKeyDown={press}
      style={{ "--tall": `${Math.ceil(drawn.height) + 130}px` } as CSSProperties}
      {...frame.handlers}
    >
      <svg width="100%" height="100%" aria-hidden={false}>
        <title>Lineage</title>
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
            <path d="M1 1 7 4 1 7" className="arrow" />
          </marker>
          <marker id="arrow-near" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
            <path d="M1 1 7 4 1 7" className="arrow near" />
          </marker>
        </defs>
        <g transform={`translate(${view.x} ${view.y}) scale(${view.scale})`}>
          {drawn.edges.map(e => {
            const near = e.from === chosen || e.to === chosen;
            return (
              <path
                key={`${e.from} ${e.to}`}
                d={edgePath(e.points, direction)}
                className={near ? "edge near" : "edge"}
                markerEnd={near ? "url(#arrow-near)" : "url(#arrow)"}
              />
            );
          })}
          {drawn.nodes.map(n => {
            const node = byId.get(n.id)!;
            const isServed = node.type === "version" && node.isServed;
            return (
              // biome-ignore lint/a11y/useSemanticElements: SVG has no button.
              <g
                key={n.id}
                ref={element => {
                  if (element) elements.current.set(n.id, element);
                  else elements.current.delete(n.id);
                }}
                className={`node ${kindClass(node.kind)}${n.id === chosen ? " chosen" : ""}${isNear(n.id) ? "" : " far"}${isServed ? " served-now" : ""}`}
                transform={`translate(${n.x} ${n.y})`}
                role="button"
                tabIndex={n.id === chosen ? 0 : -1}
                aria-pressed={n.id === chosen}
                aria-label={`${kindWords(node)} ${n.id}: ${headline(node)}${n.id === root ? ", looked at" : ""}`}
                onClick={() => !frame.wasDragged() && choose(n.id)}
                onKeyDown={e => {
                  if (e.key !== "Enter" && e.key !== " ") return;
                  e.preventDefault();
                  choose(n.id);
                }}
              >
                <rect className="node-box" width={n.width} height={n.height} rx="10" />
                <circle className="node-dot" cx="16" cy="16" r="4" />
                <text className="node-kind" x="27" y="20">
                  {kindWords(node)}
                </text>
                {/* a long kind takes its room */}
                {node.type === "artifact" && kindWords(node).length < 14 && (
                  <text className="node-stamp" x={n.width - 12} y="20" textAnchor="end">
                    {n.id.slice(node.kind.length + 1, node.kind.length + 5)}
                  </text>
                )}
                <text className="node-name" x="12" y="42">
                  {short(headline(node) || n.id, 21)}
                </text>
              </g>
            );
          })}
        </g>
      </svg>
      <div className="graph-tools">
        <button type="button" className="square" aria-label="Zoom in" title="Zoom in (+)" onClick={() => zoom(step)}>
          <Icon name="plus" />
        </button>
        <button type="button" className="square" aria-label="Zoom out" title="Zoom out (-)" onClick={() => zoom(1 / step)}>
          <Icon name="minus" />
        </button>
        <button type="button" className="square" aria-label="Show all" title="Show all (0)" onClick={whole}>
          <Icon name="fit" />
        </button>
      </div>
    </div>
  );
}
