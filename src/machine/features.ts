/** What this processor can do, asked of itself by CPUID. Anything else than Linux on x86-64 has no machine code here. */
import { Assembler, at, gpr } from "./assembler.ts";
import { allocatePages, loadCode, machineFunction } from "./native.ts";

/** Instructions that code is made for; each tier has those of `avx512` too. */
export const machineTiers = ["avx512", "vnni", "bf16"] as const;
export type MachineTier = (typeof machineTiers)[number];

export interface ProcessorFeatures {
  /** 512-bit vectors of floats, bytes and words. */
  readonly wide512: boolean;
  /** 512-bit vectors with their byte, word and double-word operations, and products of bytes (VNNI). */
  readonly vnni512: boolean;
  /** 512-bit vectors, and products of pairs of bf16 summed in f32. */
  readonly bf16: boolean;
}
const none: ProcessorFeatures = { wide512: false, vnni512: false, bf16: false };

/** CPUID leaf 7 (ebx, ecx, and eax of its second part) and the vector state that the system saves (xcr0). */
function ask(): { readonly ebx: number; readonly ecx: number; readonly eax1: number; readonly state: number } {
  const a = new Assembler();
  const { rax, rbx, rcx, rdi, r8 } = gpr;
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
  const [, ebx, ecx, state, eax1] = new Uint32Array(pages.buffer.slice(0, 20));
  pages.free();
  return { ebx: ebx!, ecx: ecx!, eax1: eax1!, state: state! };
}

let found: ProcessorFeatures | undefined;
export function processorFeatures(): ProcessorFeatures {
  found ??= look();
  return found;
}

/** What code may be made for: nothing where `LOAM_MACHINE_CODE=off`. */
export const usableFeatures = (): ProcessorFeatures => (process.env.LOAM_MACHINE_CODE === "off" ? none : processorFeatures());

/** Has this processor the instructions of a tier? */
export function hasTier(tier: MachineTier): boolean {
  const { wide512, vnni512, bf16 } = processorFeatures();
  return { avx512: wide512, vnni: vnni512, bf16 }[tier];
}

function look(): ProcessorFeatures {
  if (process.platform !== "linux" || process.arch !== "x64") return none;
  try {
    const { ebx, ecx, eax1, state } = ask();
    const has = (word: number, ...bits: readonly number[]) => bits.every(b => (word >>> b) & 1);
    // SSE, AVX, masks, both halves of the wide registers; their operations on words, bytes and all lengths
    const isWide = (state & 0xe6) === 0xe6 && has(ebx, 16, 17, 30, 31);
    return { wide512: isWide, vnni512: isWide && has(ecx, 11), bf16: isWide && has(eax1, 5) };
  } catch {
    return none; // a hardened system: no code is made here
  }
}
