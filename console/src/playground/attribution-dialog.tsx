/** Which words of the prompt an answer rests on: occlusion (Zeiler & Fergus 2014), as a heat map and as a table. Computed when the dialog opens. */
import "./token-view.css";
import { useState } from "react";
import { call } from "../client.ts";
import { formatFixed } from "../format.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Loaded } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import * as is from "../shape.ts";
import type { Exchange } from "./exchange.ts";

const shape = is.object({
  units: is.array(is.object({ text: is.string })),
  attributions: is.array(is.object({ score: is.number, occlusion: is.array(is.number) })),
});
type Attributions = is.Infer<typeof shape>;

async function attributionsOf({ request: { body }, text }: Exchange, signal: AbortSignal): Promise<Attributions> {
  const input = "messages" in body ? { messages: body.messages } : { prompt: body.prompt };
  const response = await call("/v1/attributions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: body.model, ...input, answer: text, methods: ["occlusion"], units: "word" }),
    signal,
  });
  return shape.parse(await response.json());
}

/** Rows of the table: the strongest ones. */
const listed = 10;

function HeatMap({ of }: { readonly of: Attributions }) {
  const values = of.attributions[0]?.occlusion ?? [];
  const most = Math.max(1e-9, ...values.map(Math.abs));
  const units = of.units.map(({ text }, i) => ({ i, text, value: values[i] ?? 0 }));
  return (
    <>
      <p className="hint">
        Log probability of the response: {formatFixed(of.attributions[0]?.score, 2)} nats. Each word: how far it falls without that word.
      </p>
      <p className="written heat">
        {units.map(({ i, text, value }) => (
          <span key={i} className={value < 0 ? "against" : "for"} style={{ "--share": `${(45 * Math.abs(value)) / most}%` } as object}>
            {text}
          </span>
        ))}
      </p>
      <table className="bits">
        <caption>Strongest words, nats</caption>
        <tbody>
          {units
            .toSorted((a, b) => Math.abs(b.value) - Math.abs(a.value))
            .slice(0, listed)
            .map(({ i, text, value }) => (
              <tr key={i}>
                <th scope="row">{text.trim() || "white space"}</th>
                <td className="number">{formatFixed(value, 3)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </>
  );
}

export function AttributionDialog({ exchange, onClose }: { readonly exchange: Exchange; onClose(): void }) {
  // of an exchange that is asked again, the attributions are others
  const [key] = useState(() => `attributions ${exchange.id} ${exchange.text}`);
  const found = useResource(key, signal => attributionsOf(exchange, signal));
  return (
    <Dialog title="Attributions" onClose={onClose}>
      <Loaded resource={found} what="attributions">
        {of => <HeatMap of={of} />}
      </Loaded>
    </Dialog>
  );
}
