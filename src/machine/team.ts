/**
 * Threads that carry out a program together. A program is a list of operations in memory, each a kernel with its argument and a number of
 * items; a thread takes items as it gets to them, and goes on to the next operation when all of this one are done, by whomever. So a thread
 * that the system has taken off its processor holds up nothing but the item it was at. The first thread is whoever runs the program (one of
 * Node's pool); the others wait for the next program, awake for a moment and then asleep in the kernel. No result depends on who computes what.
 */
import { Assembler, at, gpr, type Label } from "./assembler.ts";
import { allocatePages, loadCode, machineTask, startThread } from "./native.ts";

/** An operation: kernel(argument, item) for every item, `grain` at a time. */
export interface TeamOperation {
  readonly kernel: bigint;
  readonly argument: bigint;
  readonly items: number;
  readonly grain?: number;
}

// what is where in an operation: what never changes, the items taken, the items done, a line each
const operation = { kernel: 0, argument: 8, items: 16, grain: 20, taken: 64, done: 128, bytes: 192 } as const;
// and in the team's own memory, a line each where several threads write
const shared = { generation: 0, state: 64, program: 128 } as const;
/** Bit of the state: a program is under way, and more threads may enter. The others count those who have. */
const isOpen = 31;

const [futexWait, futexWake] = [128, 129]; // private to the process
const system = { futex: 202, yield: 24 } as const;
/** How long a thread looks for the others before it lets somebody else have the processor, and for the next program before it sleeps. */
const [meetSpins, idleSpins] = [1000, 3000];

const { rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r10, r12, r13, r14, r15 } = gpr;

/** rax := the state, to which `value` is added. */
function addState(a: Assembler, value: number): void {
  a.set(rax, value);
  a.fetchAdd32(at(r12, shared.state), rax);
}

/** Waits until `look` jumps out. */
function waiting(a: Assembler, look: () => void): void {
  const again = a.here();
  a.set(r8, meetSpins);
  const spin = a.here();
  look();
  a.pause();
  a.alu("sub", r8, { value: 1 });
  a.jumpIf("ne", spin);
  a.set(rax, system.yield);
  a.syscall();
  a.jump(again);
}

/** run(rdi team, rsi program). */
function emitRun(a: Assembler, walk: Label): void {
  a.push(rbx, rbp, r12, r13, r14, r15);
  a.alu("sub", gpr.rsp, { value: 8 });
  a.mov(r12, rdi);
  a.mov(r13, rsi);
  a.alu("xor", rcx, rcx);
  const [reset, ready] = [a.here(), a.label()];
  a.mov(rax, at(rsi, operation.kernel));
  a.test(rax, rax);
  a.jumpIf("e", ready);
  a.store32(at(rsi, operation.taken), rcx);
  a.store32(at(rsi, operation.done), rcx);
  a.alu("add", rsi, { value: operation.bytes });
  a.jump(reset);
  a.place(ready);
  a.store(at(r12, shared.program), r13);
  addState(a, 1 << isOpen);
  a.set(rax, 1);
  a.fetchAdd32(at(r12, shared.generation), rax);
  a.mov(rdi, r12);
  a.set(rsi, futexWake);
  a.set(rdx, 1 << 30);
  a.set(rax, system.futex);
  a.syscall();
  a.call(walk);
  // nobody enters any more; those who have are on their way out
  addState(a, 1 << isOpen);
  const left = a.label();
  waiting(a, () => {
    a.mov32(rax, at(r12, shared.state));
    a.test(rax, rax);
    a.jumpIf("e", left);
  });
  a.place(left);
  a.alu("add", gpr.rsp, { value: 8 });
  a.pop(r15, r14, r13, r12, rbp, rbx);
  a.ret();
}

/** wait(rdi team); rbp is the last generation that was seen. */
function emitWait(a: Assembler, walk: Label): void {
  a.push(rbx, rbp, r12, r13, r14, r15);
  a.alu("sub", gpr.rsp, { value: 8 });
  a.mov(r12, rdi);
  a.alu("xor", rbp, rbp);
  const next = a.here();
  const [awake, asleep, leave] = [a.label(), a.label(), a.label()];
  a.set(rcx, idleSpins);
  const spin = a.here();
  a.mov32(rax, at(r12, shared.generation));
  a.alu("cmp", rax, rbp);
  a.jumpIf("ne", awake);
  a.pause();
  a.alu("sub", rcx, { value: 1 });
  a.jumpIf("ne", spin);
  a.place(asleep);
  a.mov(rdi, r12);
  a.set(rsi, futexWait);
  a.mov(rdx, rbp);
  a.alu("xor", r10, r10);
  a.set(rax, system.futex);
  a.syscall();
  a.mov32(rax, at(r12, shared.generation));
  a.alu("cmp", rax, rbp);
  a.jumpIf("e", asleep);
  a.place(awake);
  a.mov(rbp, rax);
  addState(a, 1);
  a.shift("right", rax, isOpen);
  a.test(rax, rax);
  a.jumpIf("e", leave);
  a.mov(r13, at(r12, shared.program));
  a.call(walk);
  a.place(leave);
  addState(a, -1);
  a.jump(next);
}

/** walk: r12 team, r13 operation; keeps rbp. */
function emitWalk(a: Assembler): void {
  a.push(rbp);
  const step = a.here();
  const [take, wholly, within, over, done] = [a.label(), a.label(), a.label(), a.label(), a.label()];
  a.mov(r15, at(r13, operation.kernel));
  a.test(r15, r15);
  a.jumpIf("e", over);
  a.place(take);
  a.mov32(rax, at(r13, operation.grain));
  a.mov(r14, rax);
  a.fetchAdd32(at(r13, operation.taken), rax);
  a.mov32(rbx, at(r13, operation.items));
  a.alu("cmp", rax, rbx);
  a.jumpIf("ae", wholly);
  a.alu("add", r14, rax);
  a.alu("cmp", r14, rbx);
  a.jumpIf("be", within);
  a.mov(r14, rbx);
  a.place(within);
  a.mov(rbx, rax);
  a.mov(rbp, rax);
  const item = a.here();
  a.mov(rdi, at(r13, operation.argument));
  a.mov(rsi, rbx);
  a.callRegister(r15);
  a.alu("add", rbx, { value: 1 });
  a.alu("cmp", rbx, r14);
  a.jumpIf("b", item);
  a.alu("sub", rbx, rbp);
  a.fetchAdd32(at(r13, operation.done), rbx);
  a.jump(take);
  a.place(wholly);
  waiting(a, () => {
    a.mov32(rax, at(r13, operation.done));
    a.alu("cmp", rax, rbx);
    a.jumpIf("ae", done);
  });
  a.place(done);
  a.alu("add", r13, { value: operation.bytes });
  a.jump(step);
  a.place(over);
  a.vzeroupper();
  a.pop(rbp);
  a.ret();
}

/** The code of `run(team, program)`, at the start, and of a waiting thread's `wait(team)`. */
function teamCode(): { readonly code: Uint8Array; readonly wait: number } {
  const a = new Assembler();
  const walk = a.label();
  emitRun(a, walk);
  const wait = a.here();
  emitWait(a, walk);
  a.place(walk);
  emitWalk(a);
  return { code: a.code(), wait: a.offsetOf(wait) };
}

/** A list of operations in memory that the team may run again and again. */
export class MachineProgram {
  readonly address: bigint;
  readonly #view: DataView;
  readonly #free: () => void;

  constructor(operations: readonly TeamOperation[]) {
    const pages = allocatePages((operations.length + 1) * operation.bytes);
    this.address = pages.address;
    this.#free = pages.free;
    this.#view = new DataView(pages.buffer);
    for (const [i, o] of operations.entries()) {
      const base = i * operation.bytes;
      this.#view.setBigUint64(base + operation.kernel, o.kernel, true);
      this.#view.setBigUint64(base + operation.argument, o.argument, true);
      this.#view.setUint32(base + operation.items, o.items, true);
      this.#view.setUint32(base + operation.grain, o.grain ?? 1, true);
    }
  }

  /** Changes how many items operation `index` has, and how many a thread takes at once; not while the program runs. */
  setItems(index: number, items: number, grain = 1): void {
    this.#view.setUint32(index * operation.bytes + operation.items, items, true);
    this.#view.setUint32(index * operation.bytes + operation.grain, grain, true);
  }

  free(): void {
    this.#free();
  }
}

export class Team {
  readonly threads: number;
  readonly #address: bigint;
  readonly #run: (team: bigint, program: bigint) => Promise<void>;
  #last: Promise<unknown> = Promise.resolve();

  /** Starts `threads` - 1 threads, which live as long as the process. Errors: tensor/machine where the system refuses. */
  constructor(threads: number) {
    this.threads = threads;
    const { code, wait } = teamCode();
    const start = loadCode(code);
    const pages = allocatePages(4096);
    this.#address = pages.address;
    this.#run = machineTask(start);
    for (let i = 1; i < threads; i++) startThread(start + BigInt(wait), pages.address);
  }

  /** Carries a program out, after those that were asked for before it. */
  run(program: MachineProgram): Promise<void> {
    const run = this.#last.then(() => this.#run(this.#address, program.address));
    this.#last = run.catch(() => {});
    return run;
  }
}

const teams = new Map<number, Team>();
/** The team of so many threads, made once. */
export function teamOf(threads: number): Team {
  const team = teams.get(threads) ?? new Team(threads);
  teams.set(threads, team);
  return team;
}
