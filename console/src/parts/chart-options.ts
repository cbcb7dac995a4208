/** What uPlot is told: axes, colours and scales of a chart. */
import type uPlot from "uplot";
import type { Colour, Theme } from "./theme.ts";
import { linearTicks, logTicks, tickText } from "./ticks.ts";

export interface Series {
  readonly label: string;
  readonly values: readonly (number | null)[];
  readonly colour: Colour;
  readonly width?: number;
  readonly dash?: readonly number[];
  /** Behind the others and not in the legend. */
  readonly isGhost?: boolean;
  /** Filled down to zero. */
  readonly isFilled?: boolean;
}

export interface ChartLook {
  readonly height: number;
  readonly isLog?: boolean;
  /** x is seconds since 1970. */
  readonly isTime?: boolean;
  /** The y axis begins at zero. */
  readonly fromZero?: boolean;
  /** The y axis counts things. */
  readonly isWhole?: boolean;
  /** Charts of one group move together. */
  readonly group?: string;
}

export const clock = (seconds: number) => new Date(seconds * 1000).toLocaleTimeString("en-GB");
const ticks = (_: uPlot, at: number[]) => at.map(tickText);
/** Two hexadecimal digits of opacity behind a colour of six. */
const withAlpha = (colour: string, alpha: string) => `${colour}${alpha}`;
/** Whole minutes, so that hours and minutes name every line. */
const minutes = [60, 120, 300, 600, 1800, 3600];

function yScale({ isLog, fromZero }: ChartLook): uPlot.Scale {
  // A hand's breadth around the values; uPlot's own logarithmic range goes to whole powers and would be mostly empty.
  if (isLog) return { distr: 3, range: (_, min, max) => [min * 0.97, max * 1.03] };
  return {
    range: (_, min, max) => {
      const low = fromZero ? 0 : min;
      const high = max > low ? max : low + 1;
      return [fromZero ? 0 : low - (high - low) * 0.06, high + (high - low) * 0.08];
    },
  };
}

export function chartOptions(
  look: ChartLook,
  series: readonly Series[],
  theme: Theme,
  width: number,
  onIndex: (i: number | null) => void,
): uPlot.Options {
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const axis = { stroke: theme.faint, font, grid: { stroke: theme.line, width: 1 }, ticks: { show: false } };
  const most = Math.max(2, Math.floor(look.height / 36));
  return {
    width,
    height: look.height,
    legend: { show: false },
    padding: [8, 10, 0, 0],
    cursor: {
      ...(look.group ? { sync: { key: look.group } } : {}),
      points: { size: 7, width: 0, fill: (_, i) => (series[i - 1]!.isGhost ? "transparent" : theme[series[i - 1]!.colour]) },
      x: true,
      y: false,
    },
    scales: { x: { time: look.isTime ?? false }, y: yScale(look) },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 22,
        gap: 5,
        space: 64,
        ...(look.isTime ? { incrs: minutes, values: (_: uPlot, at: number[]) => at.map(s => clock(s).slice(0, 5)) } : { values: ticks }),
      },
      {
        ...axis,
        size: 42,
        gap: 6,
        values: ticks,
        splits: (_, __, min, max) => {
          const at = look.isLog ? logTicks(min, max, most) : linearTicks(min, max, most);
          return look.isWhole ? at.filter(Number.isInteger) : at;
        },
        // uPlot would leave out lines of a logarithmic axis that are no powers.
        filter: (_, splits) => splits,
      },
    ],
    series: [
      {},
      ...series.map(s => ({
        label: s.label,
        stroke: s.isGhost ? withAlpha(theme[s.colour], "48") : theme[s.colour],
        width: s.width ?? 1.5,
        ...(s.dash ? { dash: [...s.dash] } : {}),
        ...(s.isFilled ? { fill: withAlpha(theme[s.colour], "22") } : {}),
        spanGaps: true,
        points: { show: false },
      })),
    ],
    hooks: { setCursor: [(u: uPlot) => onIndex(u.cursor.idx ?? null)] },
  };
}
