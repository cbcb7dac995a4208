/** Sets of numbers as Slurm and Kubernetes write them. */

/** `0-2,5%1` is 0, 1, 2 and 5 (of which one runs at a time); nothing is no number. */
export const arrayIndexes = (text: string): number[] =>
  text
    .replace(/%.*/, "")
    .split(",")
    .flatMap(part => {
      const found = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
      if (!found) return [];
      const first = Number(found[1]);
      return Array.from({ length: Number(found[2] ?? first) - first + 1 }, (_, i) => first + i);
    });
