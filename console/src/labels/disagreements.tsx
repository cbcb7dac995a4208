/** Texts on which people differ, with who gave what: somebody decides, and the decision wins over the majority. */
import { useState } from "react";
import { api } from "../api.ts";
import { type Failure, failureOf } from "../failure.ts";
import { formatCount } from "../format.ts";
import type { LabelDisagreements, LabelState } from "../generated/server.ts";
import { Empty, FailureNotice, Loaded } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";

type Item = LabelDisagreements["items"][number];
type Value = Item["votes"][number]["label"];

/** A value in words; ranges with the characters that they hold. */
export const valueText = (value: Value, text: string): string =>
  typeof value === "string"
    ? value
    : value.length === 0
      ? "none"
      : value.map(v => (typeof v === "string" ? v : `${v.label}: "${text.slice(v.start, v.end)}" (${v.start} to ${v.end})`)).join(", ");

/** A name, and whether anybody may have typed it. */
export const whoOf = ({ by, isVerified }: { readonly by: string; readonly isVerified: boolean }): string =>
  isVerified ? by : `${by} (unverified)`;

interface QueueProps {
  readonly name: string;
  readonly by: string;
  onState(state: LabelState): void;
}

export function Disagreements({ name, by, onState }: QueueProps) {
  const queue = useResource(`disagreements ${name}`, signal => api.labelDisagreements(name, signal), { on: ["labels"] });
  const [failure, setFailure] = useState<Failure | null>(null);
  const decide = async (item: Item, label: Value | null) => {
    try {
      // the values are plain data of the server's own answer
      onState(await api.label(name, { id: item.id, label, by, adjudicated: true }));
      setFailure(null);
      queue.reload();
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  return (
    <Loaded resource={queue} what="disagreements">
      {({ items, adjudicators }) => {
        const isAllowed = adjudicators === null || adjudicators.includes(by);
        return (
          <>
            {!isAllowed && <p className="hint">Decisions are made by {adjudicators.join(", ")}.</p>}
            {failure && <FailureNotice failure={failure} />}
            {items.length === 0 && <Empty icon="labels" title="No disagreements" />}
            {items.map(item => {
              const values = [...new Map(item.votes.map(v => [JSON.stringify(v.label), v.label])).values()];
              return (
                <section key={item.id} className="card" aria-label={`Disagreement on ${item.id}`}>
                  <p className="label-text">{item.text}</p>
                  <ul>
                    {values.map(value => (
                      <li key={JSON.stringify(value)} className="bar">
                        <span>
                          {valueText(value, item.text)}{" "}
                          <small>
                            {item.votes
                              .filter(v => JSON.stringify(v.label) === JSON.stringify(value))
                              .map(whoOf)
                              .join(", ")}
                          </small>
                        </span>
                        <button type="button" className="push" disabled={!isAllowed} onClick={() => void decide(item, value)}>
                          Decide for this
                        </button>
                      </li>
                    ))}
                  </ul>
                  {item.decision && (
                    <p className="hint">
                      Decided by {whoOf(item.decision)}: {valueText(item.decision.label, item.text)}{" "}
                      <button type="button" className="quiet" disabled={!isAllowed} onClick={() => void decide(item, null)}>
                        Take the decision back
                      </button>
                    </p>
                  )}
                </section>
              );
            })}
            <p className="hint">{formatCount(items.filter(i => i.decision === null).length)} open</p>
          </>
        );
      }}
    </Loaded>
  );
}
