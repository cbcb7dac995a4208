/**
 * In which order ONNX Runtime will execute a graph's nodes, and how a file says it. Its sequential plan walks the graph backwards,
 * depth first: from nodes that nobody reads, the last in the file first, into their inputs, again the last in the file first; a node
 * runs when all it needs has run. The order of a file's nodes thus decides how long values live, and with them the peak memory.
 * Source: GraphViewer and Graph::ReverseDFSFrom in ONNX Runtime, held against its profiles by a test.
 */
import type { OnnxNode } from "./model.ts";

/** Indices into `nodes` in the order in which the engine runs them, given the order in which they stand in the file. */
export function executionOrder(nodes: readonly OnnxNode[]): number[] {
  const producer = new Map<string, number>();
  for (const [i, node] of nodes.entries()) for (const name of node.outputs) if (name !== "") producer.set(name, i);
  const inputs = nodes.map(node => {
    const indices = new Set(node.inputs.map(name => producer.get(name)).filter(i => i !== undefined));
    return [...indices].sort((a, b) => a - b);
  });
  const isRead = new Set(inputs.flat());
  const order: number[] = [];
  const seen = new Set<number>();
  // The top of the stack is the end: pushed in the file's order, taken from its end.
  const stack = nodes.map((_, node) => ({ node, ready: false })).filter(({ node }) => !isRead.has(node));
  for (let top = stack.pop(); top; top = stack.pop()) {
    if (top.ready) order.push(top.node);
    else if (!seen.has(top.node)) {
      seen.add(top.node);
      stack.push({ node: top.node, ready: true });
      for (const node of inputs[top.node]!) if (!seen.has(node)) stack.push({ node, ready: false });
    }
  }
  return order;
}
