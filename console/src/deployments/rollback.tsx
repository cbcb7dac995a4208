/** Goes back to another generation of a deployment: a dialog with the command that does the same. */
import { useState } from "react";
import { ActionDialog } from "../actions/action-dialog.tsx";
import { commands } from "../actions/commands.ts";
import type { DeploymentView } from "../generated/deployments.ts";
import { deploymentCalls } from "./api.ts";

/** As the log has it; undefined where it has no act of the generation. */
export const versionOfGeneration = ({ acts }: Pick<DeploymentView, "acts">, generation: number): number | undefined =>
  acts.find(a => a.generation === generation)?.version;

const withVersion = (generation: number, version: number | undefined): string =>
  `generation ${generation}${version === undefined ? "" : `, version ${version}`}`;

interface RollbackProps {
  readonly of: DeploymentView;
  /** The generation that the button was of. */
  readonly to: number;
  onDone(): void;
  onClose(): void;
}

export function RollbackDeployment({ of, to, onDone, onClose }: RollbackProps) {
  const [chosen, setChosen] = useState(to);
  const [unapproved, setUnapproved] = useState(false);
  const { name, generation, generations, deployedVersion, folder, colors } = of;
  const others = generations.filter(g => g !== generation).reverse();
  return (
    <ActionDialog
      title={`Roll ${name} back`}
      what={
        <>
          <p>
            <code>{folder}/current</code> will be {withVersion(chosen, versionOfGeneration(of, chosen))}, not{" "}
            {withVersion(generation ?? 0, deployedVersion ?? undefined)}. The server refuses it if files of that generation were edited.
          </p>
          {colors && <p>Where the server has KUBECONFIG, requests go to the color of that generation at once, if its pods are ready.</p>}
        </>
      }
      command={commands.rollbackDeployment({ name, generation: chosen, unapproved })}
      confirm="Roll back"
      run={() => deploymentCalls.rollback(name, { generation: chosen, ...(unapproved ? { unapproved } : {}) })}
      result={done => (
        <p>
          {done.name} has {withVersion(done.to.generation, done.to.version)}, not {withVersion(done.from.generation, done.from.version)}.
        </p>
      )}
      onDone={onDone}
      onClose={onClose}
    >
      {others.length > 1 && (
        <label className="field">
          <span className="field-name">Generation</span>
          <select value={chosen} onChange={e => setChosen(Number(e.target.value))}>
            {others.map(g => (
              <option key={g} value={g}>
                {withVersion(g, versionOfGeneration(of, g))}
              </option>
            ))}
          </select>
        </label>
      )}
      <label className="field">
        <span>
          <input type="checkbox" checked={unapproved} onChange={e => setUnapproved(e.target.checked)} /> Also to a version that was archived
        </span>
      </label>
    </ActionDialog>
  );
}
