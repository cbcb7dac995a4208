/** Redacted examples of the requests that an alarm is about, or that none are kept unless loam.yaml asks for them. */
import { formatMoment } from "../format.ts";
import type { WatchSample } from "../generated/watch.ts";
import { useResource } from "../resource.ts";
import { watch } from "./api.ts";

const lookMs = 15_000;

const Example = ({ of: s }: { readonly of: WatchSample }) => (
  <li>
    <details>
      <summary>
        {formatMoment(s.at)}, {s.endpoint}, {s.outcome}
        {s.signs.map(sign => (
          <span key={sign} className="tag">
            {sign}
          </span>
        ))}
        {s.label !== null && <span className="tag">{s.label}</span>}
      </summary>
      <h5>Prompt</h5>
      <pre className="code">{s.prompt}</pre>
      {s.answer !== null && (
        <>
          <h5>Response</h5>
          <pre className="code">{s.answer}</pre>
        </>
      )}
    </details>
  </li>
);

export function Examples({ alarm, isActive }: { readonly alarm: string; readonly isActive: boolean }) {
  const { data } = useResource(`watch-samples-${alarm}`, signal => watch.samples(alarm, signal), isActive ? { everyMs: lookMs } : {});
  if (!data) return null;
  const { isKept, samples } = data;
  return (
    <section className="examples" aria-label="Example requests">
      <h4>Example requests</h4>
      {samples.length > 0 && (
        <ul>
          {samples.map(s => (
            <Example key={s.id} of={s} />
          ))}
        </ul>
      )}
      <p className="hint">
        {isKept ? (
          samples.length > 0 ? (
            "Redacted; kept because loam.yaml asks for it (watch.samples)."
          ) : (
            "None of the requests of this alarm is in the sample."
          )
        ) : (
          <>
            No text of requests is kept. To keep redacted examples, add <code>{"watch: { samples: { share: 0.01 } }"}</code> to loam.yaml.
          </>
        )}
      </p>
    </section>
  );
}
