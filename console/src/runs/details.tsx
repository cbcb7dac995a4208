/** What a run cost and where its time went. */
import "./details.css";
import { RunCostCard } from "./cost.tsx";
import { RunProfileCard } from "./profile.tsx";

export function RunDetails({ artifact, name }: { readonly artifact: string; readonly name: string }) {
  return (
    <>
      <RunCostCard artifact={artifact} name={name} />
      <RunProfileCard artifact={artifact} name={name} />
    </>
  );
}
