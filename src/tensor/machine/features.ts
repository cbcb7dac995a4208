/** What this processor can do, asked of itself by CPUID. Anything else than Linux on x86-64 has no machine code here. */
import { Assembler, at, gpr } from "./assembler.ts";
import { allocatePages, loadCode, machineFunction } from "./native.ts";

export interface ProcessorFeatures {
  /** 512-bit vectors with their byte, word and double-word operations, and products of bytes (VNNI). */
  readonly vnni512: boolean;
}
const none: ProcessorFeatures = { vnni512: false };

/** CPUID leaf 7 and the vector state that the system saves: ebx, ecx, xcr0 to memory. */
function ask(): { readonly ebx: number; readonly ecx: number; readonly state: number } {
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
  const [, ebx, ecx, state] = new Uint32Array(pages.buffer.slice(0, 16));
  pages.free();
  return { ebx: ebx!, ecx: ecx!, state: state! };
}

let found: ProcessorFeatures | undefined;
export function processorFeatures(): ProcessorFeatures {
  found ??= look();
  return found;
}

function look(): ProcessorFeatures {
  if (process.platform !== "linux" || process.arch !== "x64") return none;
  try {
    const { ebx, ecx, state } = ask();
    const has = (word: number, ...bits: readonly number[]) => bits.every(b => (word >>> b) & 1);
    // SSE, AVX, masks, both halves of the wide registers
    return { vnni512: (state & 0xe6) === 0xe6 && has(ebx, 16, 17, 30, 31) && has(ecx, 11) };
  } catch {
    return none; // a hardened system: no code is made here
  }
}
