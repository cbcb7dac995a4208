/** One gate of a release, passed or not, in the registry's own words. */
import type { Gate } from "../generated/server.ts";
import { Icon } from "../parts/icons.tsx";

export const GateRow = ({ gate }: { readonly gate: Gate }) => (
  <div className={gate.passed ? "gate" : "gate failed"}>
    <Icon name={gate.passed ? "check" : "close"} />
    <div>
      <span className="hidden">{gate.passed ? "met: " : "not met: "}</span>
      <code>{gate.gate}</code>
    </div>
    <p>{gate.told}</p>
  </div>
);
