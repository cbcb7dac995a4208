/** Lines in which two texts differ; what marks them is read out too. */
import type { LookedAtDocument } from "../generated/server.ts";

export type Lines = LookedAtDocument["history"]["changes"][number]["lines"];

const marks = { first: "−", second: "+", both: " ", "left out": "…" } as const;

export const DiffLines = ({
  lines,
  names = ["the first", "the second"],
}: {
  readonly lines: Lines;
  readonly names?: readonly [string, string];
}) => (
  <ol className="diff">
    {lines.map((line, i) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place.
      <li key={i} className={line.in.replace(" ", "-")}>
        <span aria-hidden="true">{marks[line.in]}</span>
        {line.in === "first" && <span className="hidden">only in {names[0]}: </span>}
        {line.in === "second" && <span className="hidden">only in {names[1]}: </span>}
        {line.text}
      </li>
    ))}
  </ol>
);
