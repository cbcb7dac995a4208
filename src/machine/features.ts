/** What this processor can do, asked of itself by CPUID. Anything else than Linux on x86-64 has no machine code here. */
import { baseErrors } from "../base/index.ts";
import { Assembler, at, gpr } from "./assembler.ts";
import { allocatePages, loadCode, machineFunction, permitTiles } from "./native.ts";

/** Sets of instructions that code is made for, each with those before it. */
export const machineTiers = ["avx2", "avx512", "vnni", "bf16", "amx"] as const;
export type MachineTier = (typeof machineTiers)[number];

export interface ProcessorFeatures {
  /** 256-bit vectors of floats and integers, and fused products. */
  readonly wide256: boolean;
  /** 512-bit vectors of floats, bytes and words. */
  readonly wide512: boolean;
  /** 512-bit vectors with their byte, word and double-word operations, and products of bytes (VNNI). */
  readonly vnni512: boolean;
  /** 512-bit vectors, and products of pairs of bf16 summed in f32. */
  readonly bf16: boolean;
  /** Products of tiles of bf16, and the kernel's permission to use tiles. */
  readonly amx: boolean;
}
const none: ProcessorFeatures = { wide256: false, wide512: false, vnni512: false, bf16: false, amx: false };
/** The feature that stands for a tier. */
const featureOf = { avx2: "wide256", avx512: "wide512", vnni: "vnni512", bf16: "bf16", amx: "amx" } as const satisfies Record<
  MachineTier,
  keyof ProcessorFeatures
>;

interface Asked {
  /** CPUID leaf 1. */
  readonly ecx1: number;
  /** Leaf 7, and eax of its second part. */
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
  readonly eax1: number;
  /** The vector state that the system saves (xcr0). */
  readonly state: number;
}

function ask(): Asked {
  const a = new Assembler();
  const { rax, rbx, rcx, rdx, rdi, r8 } = gpr;
  a.push(rbx);
  a.mov(r8, rdi);
  a.set(rax, 1);
  a.alu("xor", rcx, rcx);
  a.raw(0x0f, 0xa2); // cpuid
  a.store32(at(r8, 0), rcx);
  a.set(rax, 7);
  a.alu("xor", rcx, rcx);
  a.raw(0x0f, 0xa2);
  a.store32(at(r8, 4), rbx);
  a.store32(at(r8, 8), rcx);
  a.store32(at(r8, 20), rdx);
  a.set(rax, 7);
  a.set(rcx, 1);
  a.raw(0x0f, 0xa2);
  a.store32(at(r8, 16), rax);
  // does the system let programs ask what it saves?
  const end = a.label();
  a.mov32(rax, at(r8, 0));
  a.alu("and", rax, { value: 1 << 27 });
  a.jumpIf("e", end);
  a.alu("xor", rcx, rcx);
  a.raw(0x0f, 0x01, 0xd0); // xgetbv
  a.store32(at(r8, 12), rax);
  a.place(end);
  a.pop(rbx);
  a.ret();
  const pages = allocatePages(64);
  machineFunction(loadCode(a.code()))(pages.address);
  const [ecx1, ebx, ecx, state, eax1, edx] = new Uint32Array(pages.buffer.slice(0, 24));
  pages.free();
  return { ecx1: ecx1!, ebx: ebx!, ecx: ecx!, edx: edx!, eax1: eax1!, state: state! };
}

let found: ProcessorFeatures | undefined;
export function processorFeatures(): ProcessorFeatures {
  found ??= look();
  return found;
}

const tiersOf = (features: ProcessorFeatures): MachineTier[] => machineTiers.filter(tier => features[featureOf[tier]]);

/** Tiers that this processor has. */
export const processorTiers = (): MachineTier[] => tiersOf(processorFeatures());
/** Tiers that code may be made for. Errors: as `usableFeatures`. */
export const usableTiers = (): MachineTier[] => tiersOf(usableFeatures());

/**
 * What code may be made for: nothing where `LOAM_MACHINE_CODE=off`, no tier above the one that `LOAM_ISA` names. Errors: base/config for a name in
 * `LOAM_ISA` that is no tier of this processor.
 */
export function usableFeatures(): ProcessorFeatures {
  if (process.env.LOAM_MACHINE_CODE === "off") return none;
  const wanted = process.env.LOAM_ISA;
  if (wanted === undefined || wanted === "") return processorFeatures();
  const here = processorTiers();
  const most = here.find(tier => tier === wanted);
  if (most === undefined)
    throw baseErrors.fail("config", {
      place: "LOAM_ISA",
      expected:
        here.length > 0 ? `a tier that this processor has (${here.join(", ")})` : "no value: there is no machine code on this machine",
      received: `"${wanted}"${machineTiers.some(tier => tier === wanted) ? ", which this processor lacks" : ""}`,
      hint: `Unset LOAM_ISA for ${here.at(-1) ?? "ONNX Runtime's kernels"}, or set LOAM_MACHINE_CODE=off for ONNX Runtime's kernels alone.`,
    });
  const least = machineTiers.indexOf(most);
  const above = machineTiers.filter((_, i) => i > least).map(tier => [featureOf[tier], false]);
  return { ...processorFeatures(), ...Object.fromEntries(above) };
}

/** Has this processor the instructions of a tier? */
export const hasTier = (tier: MachineTier): boolean => processorFeatures()[featureOf[tier]];

function look(): ProcessorFeatures {
  if (process.platform !== "linux" || process.arch !== "x64") return none;
  try {
    const { ecx1, ebx, ecx, edx, eax1, state } = ask();
    const has = (word: number, ...bits: readonly number[]) => bits.every(b => (word >>> b) & 1);
    // the system saves SSE and AVX; fused products, AVX, AVX2
    const is256 = (state & 6) === 6 && has(ecx1, 12, 28) && has(ebx, 5);
    // masks, both halves of the wide registers; their operations on words, bytes and all lengths
    const is512 = is256 && (state & 0xe0) === 0xe0 && has(ebx, 16, 17, 30, 31);
    const bf16 = is512 && has(eax1, 5);
    // tiles and their configuration are saved; tiles, and products of bf16 in them
    const hasTiles = bf16 && (state & 0x6_0000) === 0x6_0000 && has(edx, 22, 24);
    return { wide256: is256, wide512: is512, vnni512: is512 && has(ecx, 11), bf16, amx: hasTiles && permitTiles() };
  } catch {
    return none; // a hardened system: no code is made here
  }
}
