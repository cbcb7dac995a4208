/** What the kernels of a training step took: a flame chart over time, and the table it is drawn from. */
import { useId, useMemo, useState } from "react";
import { api } from "../api.ts";
import { formatNumber, formatShare, formatWait } from "../format.ts";
import type { RunProfile } from "../generated/server.ts";
import { NumberTable } from "../parts/number-table.tsx";
import { Segmented } from "../parts/segmented.tsx";
import { useResource } from "../resource.ts";
import { type FlameBox, fitted, flameBoxes } from "./flame.ts";

type Profile = NonNullable<RunProfile["profile"]>;

const rowHeight = 22;
const chartWidth = 1_060;
const zooms = ["1", "4", "16"] as const;
/** Narrower boxes are not drawn. */
const leastPixels = 0.4;

function Box({ box: { depth, startMs, ms, text, kind }, pixelsPerMs }: { readonly box: FlameBox; readonly pixelsPerMs: number }) {
  const width = ms * pixelsPerMs;
  const [x, y] = [startMs * pixelsPerMs, depth * rowHeight];
  const label = fitted(text, width);
  return (
    <g>
      <title>{`${text}: ${formatWait(ms)}`}</title>
      <rect
        className={kind === null ? "flame-frame" : `flame-${kind}`}
        x={x}
        y={y}
        width={Math.max(0.5, width - 0.6)}
        height={rowHeight - 2}
        rx={2}
      />
      {label !== "" && (
        <text x={x + 4} y={y + 14}>
          {label}
        </text>
      )}
    </g>
  );
}

function FlameChart({ profile, name }: { readonly profile: Profile; readonly name: string }) {
  const id = useId();
  const [zoom, setZoom] = useState<(typeof zooms)[number]>("1");
  const boxes = useMemo(() => flameBoxes(profile.timeline), [profile]);
  const width = chartWidth * Number(zoom);
  const totalMs = boxes[0]?.ms ?? 0;
  const pixelsPerMs = totalMs > 0 ? width / totalMs : 0;
  const visible = boxes.filter(b => b.ms * pixelsPerMs >= leastPixels);
  return (
    <figure className="flame">
      <figcaption>
        <span>One step over time: its programs, kinds of work, kernels</span>
        <Segmented
          label="Magnification"
          options={zooms}
          value={zoom}
          onChange={setZoom}
          names={{ "1": "whole step", "4": "4x", "16": "16x" }}
        />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys. */}
      <div className="scrolled" tabIndex={0} role="group" aria-label="Flame chart">
        <svg width={width} height={4 * rowHeight} role="img" aria-labelledby={`${id}t`} aria-describedby={`${id}d`}>
          <title id={`${id}t`}>{`Flame chart of a training step of ${name}`}</title>
          <desc
            id={`${id}d`}
          >{`${profile.timeline.map(p => `${p.program} ${formatWait(p.ms)}`).join(", ")}. The table below has the kernels.`}</desc>
          {visible.map(box => (
            <Box key={`${box.depth} ${box.startMs}`} box={box} pixelsPerMs={pixelsPerMs} />
          ))}
        </svg>
      </div>
    </figure>
  );
}

/** Rows that are shown at first. */
const firstKernels = 12;

function KernelTable({ kernels }: Pick<Profile, "kernels">) {
  const [isWhole, setIsWhole] = useState(false);
  const shown = isWhole ? kernels : kernels.slice(0, firstKernels);
  return (
    <>
      <NumberTable
        head={["Computes", "Program", "A step", "Time", "Share", "GFLOP/s", "GB/s", "Of peak"]}
        rows={shown.map(k => [
          <code key="what">{k.what}</code>,
          k.program,
          formatNumber(k.count),
          formatWait(k.ms),
          formatShare(k.share),
          k.gflops === null ? "" : formatNumber(k.gflops),
          formatNumber(k.gigabytesPerSecond),
          k.shareOfPeak === null ? "" : formatShare(k.shareOfPeak),
        ])}
      />
      {kernels.length > firstKernels && (
        <button type="button" onClick={() => setIsWhole(!isWhole)}>
          {isWhole ? "Fewer kernels" : `All ${kernels.length} kernels`}
        </button>
      )}
    </>
  );
}

function peakText({ peak, threads }: Profile): string {
  if (peak === null) return "The peak of the machine is not known.";
  const bf16 = peak.bf16 === undefined ? "" : ` and ${formatNumber(peak.bf16)} in bf16`;
  return `Measured peak: ${formatNumber(peak.f32)} GFLOP/s a core in f32${bf16}, times ${threads}.`;
}

/** Nothing where the run has no profile. */
export function RunProfileCard({ artifact, name }: { readonly artifact: string; readonly name: string }) {
  const { data } = useResource(`profile ${artifact}`, signal => api.runProfile(artifact, signal), { on: ["runs"] });
  const profile = data?.profile;
  if (!profile) return null;
  return (
    <section className="card" aria-label={`Kernels of ${name}`}>
      <header className="card-head">
        <h2>Kernels of {name}</h2>
        <p>
          A step takes {formatWait(profile.stepMs)}, {formatWait(profile.kernelMs)} of it in kernels. {peakText(profile)}
        </p>
      </header>
      <FlameChart profile={profile} name={name} />
      <KernelTable kernels={profile.kernels} />
    </section>
  );
}
