/** The curves of one run, or of several on top of each other: loss large, the three that explain it small. */
import { useMemo } from "react";
import uPlot from "uplot";
import { useOption } from "../choices.ts";
import { formatFixed, formatNumber } from "../format.ts";
import type { Point } from "../generated/server.ts";
import { Chart } from "../parts/chart.tsx";
import type { Series } from "../parts/chart-options.ts";
import { CopyButton } from "../parts/copy.tsx";
import { Segmented } from "../parts/segmented.tsx";
import type { Colour } from "../parts/theme.ts";
import { type Axis, axes, besideTrain, byLossUnit, column, csvOf, smoothed, smoothingOf } from "./curves.ts";

export interface NamedRun {
  readonly name: string;
  readonly stage: string;
  readonly lossUnit: string;
  readonly points: readonly Point[];
}

/** Of runs that are compared, the chosen one first. */
export const runColours: readonly Colour[] = ["accent", "clay", "plum", "slate"];

const scales = ["linear", "log"] as const;
const noises = ["smooth", "raw"] as const;
type Metric = "learningRate" | "tokensPerSecond" | "gradientNorm";
const smaller: readonly { readonly metric: Metric; readonly title: string; readonly fromZero: boolean }[] = [
  { metric: "learningRate", title: "Learning rate", fromZero: true },
  { metric: "gradientNorm", title: "Gradient norm", fromZero: true },
  { metric: "tokensPerSecond", title: "Tokens per second", fromZero: true },
];

/** Series of all runs over one x: where a run has no point, it has a gap. */
function joined(runs: readonly NamedRun[], axis: Axis, of: (points: readonly Point[]) => readonly (readonly (number | null)[])[]) {
  const tables = runs.map(r => [r.points.map(p => p[axis]), ...of(r.points)] as uPlot.AlignedData);
  const [x, ...ys] = tables.length === 1 ? tables[0]! : uPlot.join(tables);
  return { x: [...(x ?? [])] as number[], ys: ys.map(y => Array.from(y, v => v ?? null)) };
}

/** Training and held-out loss of runs whose losses have one unit; `members` are their places. */
function lossSeries(runs: readonly NamedRun[], members: readonly number[], axis: Axis, noise: "smooth" | "raw") {
  const isAlone = runs.length === 1;
  const { x, ys } = joined(
    members.map(m => runs[m]!),
    axis,
    p => [column(p, "loss"), smoothed(column(p, "loss"), smoothingOf(p.length)), column(p, "heldOut")],
  );
  const series = members.flatMap((member, i): Series[] => {
    const run = runs[member]!;
    const colour = runColours[member % runColours.length]!;
    const [raw, smooth, heldOut] = ys.slice(i * 3, i * 3 + 3);
    const of = isAlone ? "" : `${run.name} `;
    const train: Series[] =
      noise === "raw"
        ? [{ label: `${of}train`, values: raw!, colour, width: 1 }]
        : [
            { label: `${of}train, raw`, values: raw!, colour, width: 1, isGhost: true },
            { label: `${of}train`, values: smooth!, colour, width: 1.75 },
          ];
    const dash = isAlone ? {} : { dash: [5, 4] };
    return [...train, { label: `${of}${besideTrain(run.stage)}`, values: heldOut!, colour: isAlone ? "clay" : colour, width: 2, ...dash }];
  });
  return { x, series };
}

export function Curves({ runs }: { readonly runs: readonly NamedRun[] }) {
  const [axis, setAxis] = useOption("axis", axes, "step");
  const [scale, setScale] = useOption("scale", scales, "linear");
  const [noise, setNoise] = useOption("noise", noises, "smooth");
  const isAlone = runs.length === 1;

  const losses = useMemo(
    () => [...byLossUnit(runs)].map(([unit, members]) => ({ unit, ...lossSeries(runs, members, axis, noise) })),
    [runs, axis, noise],
  );

  const small = useMemo(
    () =>
      smaller.map(s => {
        const { x, ys } = joined(runs, axis, p => [column(p, s.metric)]);
        const series = ys.map(
          (values, i): Series => ({
            label: runs[i]!.name,
            values,
            colour: isAlone ? "soft" : runColours[i % runColours.length]!,
            width: 1.25,
          }),
        );
        return { ...s, x, series };
      }),
    [runs, axis, isAlone],
  );

  return (
    <>
      <section className="card" aria-label="Loss">
        {losses.map(({ unit, x, series }) => (
          <Chart
            key={unit}
            title={`Loss, ${unit}`}
            unit={axis}
            x={x}
            series={series}
            height={losses.length === 1 ? 300 : 200}
            isLog={scale === "log"}
            group="training"
            format={v => formatFixed(v, 3)}
          />
        ))}
        <div className="bar">
          <Segmented label="Against" options={axes} value={axis} onChange={setAxis} names={{ step: "Steps", tokens: "Tokens" }} />
          <Segmented label="Scale" options={scales} value={scale} onChange={setScale} names={{ linear: "Linear", log: "Log" }} />
          <Segmented label="Noise" options={noises} value={noise} onChange={setNoise} names={{ smooth: "Smooth", raw: "Raw" }} />
          <span className="push" />
          {runs[0] && <CopyButton text={csvOf(runs[0].points)} label="Copy as CSV" />}
        </div>
      </section>
      <div className="small-charts">
        {small.map(s => (
          <section className="card" key={s.metric} aria-label={s.title}>
            <Chart
              title={s.title}
              unit={axis}
              x={s.x}
              series={s.series}
              height={116}
              isSmall
              fromZero={s.fromZero}
              group="training"
              format={v => formatNumber(v)}
            />
          </section>
        ))}
      </div>
    </>
  );
}
