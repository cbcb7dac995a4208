/** A graph as an SVG drawing for a page: operations in layers from the inputs down, one box a node, its shape beside it. No script, no fonts. */
import { type Graph, nodesOf, showAttributes } from "./graph.ts";
import { showShape } from "./shape.ts";
import { isKind, type Tensor } from "./tensor.ts";

const box = { width: 150, height: 34, gapX: 18, gapY: 30 } as const;
const escapeXml = (text: string): string => text.replace(/[&<>"]/g, c => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);

/** Layer of each node: one below its lowest input. */
function layersOf(nodes: readonly Tensor[]): Map<Tensor, number> {
  const layer = new Map<Tensor, number>();
  for (const t of nodes) layer.set(t, t.inputs.length ? Math.max(...t.inputs.map(x => layer.get(x)!)) + 1 : 0);
  return layer;
}

/** Places within a layer near the mean of the inputs' places (one sweep of the barycentre method, Sugiyama et al. 1981). */
function columnsOf(nodes: readonly Tensor[], layer: ReadonlyMap<Tensor, number>): Map<Tensor, number> {
  const column = new Map<Tensor, number>();
  const rows: Tensor[][] = [];
  for (const t of nodes) rows[layer.get(t)!] = [...(rows[layer.get(t)!] ?? []), t];
  for (const row of rows) {
    const wish = new Map(row.map((t, i) => [t, t.inputs.length ? t.inputs.reduce((s, x) => s + column.get(x)!, 0) / t.inputs.length : i]));
    row.sort((a, b) => wish.get(a)! - wish.get(b)! || a.id - b.id);
    row.forEach((t, i) => {
      column.set(t, Math.max(i, Math.round(wish.get(t)!)));
    });
    // no two in one place
    for (let i = 1; i < row.length; i++) column.set(row[i]!, Math.max(column.get(row[i]!)!, column.get(row[i - 1]!)! + 1));
  }
  return column;
}

const nameOf = (t: Tensor): string => (isKind(t, "input") ? t.attributes.name : t.kind);

/** The drawing, as one `<svg>` element. Constants of one element stand in their readers. */
export function graphSvg(g: Graph): string {
  const nodes = nodesOf(g).filter(t => !isKind(t, "constant") || t.size > 1);
  const shown = new Set(nodes);
  const visible = nodes.map(t => ({ t, inputs: t.inputs.filter(x => shown.has(x)) }));
  const layer = layersOf(nodesOf(g));
  const column = columnsOf(nodesOf(g), layer);
  const x = (t: Tensor) => 20 + column.get(t)! * (box.width + box.gapX);
  const y = (t: Tensor) => 20 + layer.get(t)! * (box.height + box.gapY);
  const width = Math.max(...nodes.map(x)) + box.width + 20;
  const height = Math.max(...nodes.map(y)) + box.height + 20;
  const outputs = new Set(g.outputs);
  const edges = visible.flatMap(({ t, inputs }) =>
    inputs.map(
      i =>
        `<path d="M${x(i) + box.width / 2} ${y(i) + box.height} C${x(i) + box.width / 2} ${y(t) - 8} ${x(t) + box.width / 2} ${y(i) + box.height + 8} ${x(t) + box.width / 2} ${y(t)}"/>`,
    ),
  );
  const boxes = nodes.map(t => {
    const kind = isKind(t, "input") ? "input" : outputs.has(t) ? "output" : "node";
    const title = `${nameOf(t)}${showAttributes(t)} ${t.dtype}${showShape(t.shape)}`;
    return `<g class="${kind}" transform="translate(${x(t)} ${y(t)})"><title>${escapeXml(title)}</title><rect width="${box.width}" height="${box.height}" rx="5"/><text x="8" y="14">${escapeXml(nameOf(t).slice(0, 22))}</text><text class="shape" x="8" y="28">${escapeXml(`${t.dtype}${showShape(t.shape)}`.slice(0, 26))}</text></g>`;
  });
  const style =
    "rect{fill:#fff;stroke:#888}.input rect{fill:#e8f1e4}.output rect{fill:#f6ead9}text{font:11px ui-monospace,monospace;fill:#222}.shape{fill:#777}path{fill:none;stroke:#bbb}";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="graph of ${nodes.length} nodes"><style>${style}</style>${edges.join("")}${boxes.join("")}</svg>`;
}
