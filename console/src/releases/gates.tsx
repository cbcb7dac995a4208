/** What the guarded aliases ask of a version, and what of it is met, in the registry's own words. */
import type { Gate, Verdicts } from "../generated/server.ts";
import { CopyButton } from "../parts/copy.tsx";
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

export const Gates = ({ of: { id, gates, looks = [] } }: { readonly of: Verdicts }) => (
  <section className="card" aria-labelledby="gates">
    <header className="card-head">
      <h2 id="gates">What aliases ask of it</h2>
      <p>
        Judged now, by <code>releases</code> of loam.yaml. A promotion is judged again in its own transaction.
      </p>
    </header>
    {looks.map(line => (
      <p key={line} className="hint">
        {line}
      </p>
    ))}
    {gates.length === 0 ? (
      <p className="hint">
        No alias of this model is guarded: <code>releases</code> in loam.yaml does.
      </p>
    ) : (
      <div className="gates">
        {gates.map(({ alias, holder, passed, gates: asked }) => {
          const isHolder = holder !== null && id.endsWith(`@${holder}`);
          return (
            <div key={alias}>
              <h3>
                {alias}
                <span className={passed ? "tag strong" : "tag bad"}>
                  {isHolder ? "has it" : passed ? "may have it" : "may not have it"}
                </span>
                {passed && !isHolder && <CopyButton text={`loam models promote ${id} ${alias}`} label="Copy the command" />}
              </h3>
              {asked.length === 0 ? <p className="hint">It asks for nothing.</p> : asked.map(g => <GateRow key={g.gate} gate={g} />)}
            </div>
          );
        })}
      </div>
    )}
  </section>
);
