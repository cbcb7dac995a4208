/** Arrays of parameters as parts on the ranks that compute with them and whole on their owners, and how they get from one to the other. */
import { type Tree, treeFrom, treePaths } from "../../base/index.ts";
import { ParameterSpec, startValues, type WeightFile } from "../../nn/index.ts";
import type { ProcessGroup, RankArray } from "../../ranks/index.ts";
import { type Device, type DeviceArray, fromNumbers, joinValues, localShape, partOfValues, type TypedArray } from "../../tensor/index.ts";
import { holdsPart, innerRank, type ModelSplit, partHolder, type SplitParameter } from "./model-split.ts";

/** By path. */
export type PartArrays = Record<string, DeviceArray>;

// arrays of a program are of dtypes that groups move
const moved = (x: TypedArray): RankArray => x as RankArray;

const partsOf = (split: ModelSplit, p: SplitParameter): number[] =>
  Array.from({ length: p.parts }, (_, part) => partHolder(split, p, part));

/** The whole of a parameter's array on its owner, of `own` parts of the ranks beside it; undefined on all others. Every rank calls it. */
export async function wholeOnOwner(
  split: ModelSplit,
  group: ProcessGroup,
  p: SplitParameter,
  own: DeviceArray | undefined,
): Promise<TypedArray | undefined> {
  const holders = partsOf(split, p);
  if (group.rank !== p.owner) {
    if (holders.includes(group.rank)) await group.send(moved(await own!.read()), p.owner);
    return undefined;
  }
  const mine = await own!.read();
  const parts: TypedArray[] = [];
  for (const holder of holders) {
    const part = holder === group.rank ? mine : mine.slice();
    if (holder !== group.rank) await group.receive(moved(part), holder);
    parts.push(part);
  }
  return joinValues(parts, p.layout, split.inner);
}

/** The parts of a whole array, from its owner to the ranks beside it; undefined on all others. Every rank calls it. */
export async function partBesideOwner(
  split: ModelSplit,
  group: ProcessGroup,
  p: SplitParameter,
  whole: TypedArray | undefined,
  part: number,
): Promise<TypedArray | undefined> {
  const holder = partHolder(split, p, part);
  if (group.rank === p.owner) {
    const cut = partOfValues(whole!, p.layout, split.inner, part);
    if (holder === p.owner) return cut;
    await group.send(moved(cut), holder);
    return undefined;
  }
  if (group.rank !== holder) return undefined;
  const into = fromNumbers(new Float64Array(localShape(p.layout, split.inner).reduce((n, d) => n * d, 1)), p.spec.dtype);
  await group.receive(moved(into), p.owner);
  return into;
}

/** Whole arrays of the parameters that this rank owns, the caller's. */
export async function ownedArrays(split: ModelSplit, group: ProcessGroup, device: Device, parts: PartArrays): Promise<PartArrays> {
  const made: PartArrays = {};
  for (const p of split.parameters) {
    const whole = await wholeOnOwner(split, group, p, parts[p.path]);
    if (whole) made[p.path] = await device.array(whole, p.spec.dtype, p.spec.shape);
  }
  return made;
}

/** The whole tree on every rank, the caller's. */
export async function wholeArrays(split: ModelSplit, group: ProcessGroup, device: Device, parts: PartArrays): Promise<unknown> {
  const made: DeviceArray[] = [];
  for (const p of split.parameters) {
    const { shape, dtype } = p.spec;
    const whole =
      (await wholeOnOwner(split, group, p, parts[p.path])) ?? fromNumbers(new Float64Array(shape.reduce((n, d) => n * d, 1)), dtype);
    await group.broadcast(moved(whole), p.owner);
    made.push(await device.array(whole, dtype, shape));
  }
  return treeFrom<ParameterSpec, DeviceArray>(split.specs as Tree<ParameterSpec>, made);
}

/** A rank's parts of what parameters start with: of values drawn from the seed, or of arrays that it takes over. */
export async function startParts(
  split: ModelSplit,
  rank: number,
  device: Device,
  { seed, start }: { readonly seed: number | string; readonly start?: unknown },
): Promise<PartArrays> {
  const inner = innerRank(split, rank);
  const given = start === undefined ? undefined : new Map(treePaths<DeviceArray>(start as Tree<DeviceArray>));
  const made: PartArrays = {};
  for (const p of split.parameters) {
    if (!holdsPart(split, p, rank)) continue;
    const { dtype } = p.spec;
    const whole = (await given?.get(p.path)?.read()) ?? fromNumbers(startValues(p.spec, p.path, seed), dtype);
    made[p.path] = await device.array(partOfValues(whole, p.layout, split.inner, inner), dtype, localShape(p.layout, split.inner));
  }
  for (const array of given?.values() ?? []) array.dispose();
  return made;
}

/** What `loadTree` needs to read a rank's parts of a file of whole arrays whose names begin with a prefix. */
export function partsOfFile(
  split: ModelSplit,
  rank: number,
  file: WeightFile,
  prefix: string,
): { readonly specs: Readonly<Record<string, ParameterSpec>>; readonly file: WeightFile } {
  const inner = innerRank(split, rank);
  const held = split.parameters.filter(p => holdsPart(split, p, rank));
  const byName = new Map(held.map(p => [`${prefix}.${p.path}`, p]));
  const isWhole = new Map(byName);
  const tensors = [...file.tensors].flatMap(([name, entry]) => {
    const p = byName.get(name);
    // an array of another shape is refused by its own
    const fits = p && entry.shape.length === p.spec.shape.length && entry.shape.every((d, i) => d === p.spec.shape[i]);
    if (!fits) isWhole.delete(name);
    return p ? [[name, fits ? { ...entry, shape: localShape(p.layout, split.inner) } : entry] as const] : [];
  });
  return {
    specs: Object.fromEntries(
      held.map(({ path, spec, layout }) => [path, new ParameterSpec(localShape(layout, split.inner), spec.start, spec, spec.dtype)]),
    ),
    file: {
      ...file,
      tensors: new Map(tensors),
      async read(name) {
        const whole = await file.read(name);
        const p = isWhole.get(name);
        return p ? partOfValues(whole, p.layout, split.inner, inner) : whole;
      },
    },
  };
}
