/**
 * Operators of ONNX Runtime of our own: an `OrtCustomOp` made of machine code, so that they run inside its sessions and on its threads, and no
 * JavaScript is called. An operator gives f32 arrays of known dimensions; it is made once a name and lives as long as the process, as
 * sessions demand. Source of the layout: onnxruntime_c_api.h (`struct OrtCustomOp`, version 16: kernels that return a status).
 */

import {
  Assembler,
  allocatePages,
  at,
  gpr,
  type KernelCode,
  leaveScratch,
  loadCode,
  type Pages,
  takeScratch,
} from "../../machine/index.ts";
import { apiIndex, type Library, type Pointer } from "../onnxruntime/index.ts";

const { rax, rcx, rdx, rbx, rbp, rsi, rdi, rsp, r8, r12 } = gpr;

/** The domain that the operators stand under in a model. */
export const operatorDomain = "loam";

/** ONNXTensorElementDataType. */
const types = { f32: 1, i32: 6, i64: 7, bf16: 16 } as const;
export type InputType = keyof typeof types;
export const isInputType = (dtype: string): dtype is InputType => dtype in types;

/** A run is a record of addresses: the inputs, the outputs, then the scratch where there is some. */
export interface Operator {
  /** Says everything that the code is made from. */
  readonly name: string;
  readonly inputs: readonly InputType[];
  /** Dimensions of each output. */
  readonly outputs: readonly (readonly number[])[];
  /** Called where there is no operator of the name yet. */
  make(): KernelCode;
}

const structVersion = 16;
/** Functions of the structure, in order, after its version. */
const members = [
  "CreateKernel",
  "GetName",
  "GetExecutionProviderType",
  "GetInputType",
  "GetInputTypeCount",
  "GetOutputType",
  "GetOutputTypeCount",
  "KernelCompute",
  "KernelDestroy",
  "GetInputCharacteristic",
  "GetOutputCharacteristic",
  "GetInputMemoryType",
  "GetVariadicInputMinArity",
  "GetVariadicInputHomogeneity",
  "GetVariadicOutputMinArity",
  "GetVariadicOutputHomogeneity",
  "CreateKernelV2",
  "KernelComputeV2",
] as const;
/** Room for members of later versions, which stay 0. */
const structBytes = 512;
/** Room for one output's dimensions. */
const dimensionBytes = 64;
/** OrtErrorCode: failure. */
const failure = 1;

/** Where the operator's texts and the engine's functions are. */
type OperatorAddresses = Readonly<Record<"name" | "refusal" | "api", bigint>>;
/** Addresses of kernels with the numbers of their items, those of the outputs' dimensions, and the scratch that a run needs. */
interface OperatorRun {
  readonly kernels: readonly [bigint, number][];
  readonly dimensions: readonly bigint[];
  readonly scratchBytes: number;
}

/** status = compute(kernel, context): asks for memory, then shares the items out to the session's threads. */
function emitCompute(
  a: Assembler,
  given: OperatorAddresses,
  { inputs, outputs }: Pick<Operator, "inputs" | "outputs">,
  { kernels, dimensions, scratchBytes }: OperatorRun,
): void {
  const scratchAt = 8 * (inputs.length + outputs.length);
  const valueAt = scratchAt + 8;
  const frame = 16 * Math.ceil((valueAt + 24) / 16);
  const value = at(rsp, valueAt); // below it the run's record
  const [end, leave] = [a.label(), a.label()];
  a.push(rbx, rbp, r12);
  a.alu("sub", rsp, { value: frame });
  a.mov(rbx, rsi);
  a.setAddress(rbp, given.api);
  const call = (name: Parameters<typeof apiIndex>[0], fails = end) => {
    a.mov(rax, at(rbp, 8 * apiIndex(name)));
    a.callRegister(rax);
    a.test(rax, rax);
    a.jumpIf("ne", fails);
  };
  const dataTo = (place: number) => {
    a.mov(rdi, value);
    a.lea(rsi, at(rsp, place));
    call("GetTensorMutableData");
  };
  for (const i of inputs.keys()) {
    a.mov(rdi, rbx);
    a.set(rsi, i);
    a.lea(rdx, value);
    call("KernelContext_GetInput");
    dataTo(8 * i);
  }
  for (const [o, shape] of outputs.entries()) {
    a.mov(rdi, rbx);
    a.set(rsi, o);
    a.setAddress(rdx, dimensions[o]!);
    a.set(rcx, shape.length);
    a.lea(r8, value);
    call("KernelContext_GetOutput");
    dataTo(8 * (inputs.length + o));
  }
  if (scratchBytes > 0) {
    const hasRoom = a.label();
    takeScratch(a, scratchBytes);
    a.store(at(rsp, scratchAt), rax);
    a.alu("cmp", rax, { value: 0 });
    a.jumpIf("ge", hasRoom);
    a.set(rdi, failure);
    a.setAddress(rsi, given.refusal);
    a.mov(rax, at(rbp, 8 * apiIndex("CreateStatus")));
    a.callRegister(rax);
    a.jump(leave);
    a.place(hasRoom);
  }
  for (const [code, count] of kernels) {
    a.mov(rdi, rbx);
    a.setAddress(rsi, code);
    a.set(rdx, count);
    a.set(rcx, 0);
    a.lea(r8, at(rsp));
    call("KernelContext_ParallelFor", leave);
  }
  a.place(leave);
  if (scratchBytes > 0) leaveScratch(a);
  a.place(end);
  a.alu("add", rsp, { value: frame });
  a.pop(r12, rbp, rbx);
  a.ret();
}

/** The structure's functions. */
function functionsCode(given: OperatorAddresses, { inputs, outputs }: Pick<Operator, "inputs" | "outputs">, run: OperatorRun) {
  const a = new Assembler();
  const places = new Map<(typeof members)[number], number>();
  const returns = (value: number, ...names: readonly (typeof members)[number][]) => {
    for (const name of names) places.set(name, a.length);
    a.set(rax, value);
    a.ret();
  };
  returns(
    0,
    "GetExecutionProviderType",
    "GetInputCharacteristic",
    "GetOutputCharacteristic",
    "GetInputMemoryType",
    "KernelDestroy",
    "KernelCompute",
  );
  returns(1, "GetVariadicInputMinArity", "GetVariadicInputHomogeneity", "GetVariadicOutputMinArity", "GetVariadicOutputHomogeneity");
  returns(types.f32, "GetOutputType");
  returns(inputs.length, "GetInputTypeCount");
  returns(outputs.length, "GetOutputTypeCount");
  places.set("GetInputType", a.length);
  for (const [i, type] of inputs.entries()) {
    const other = a.label();
    a.set(rax, types[type]);
    a.alu("cmp", rsi, { value: i });
    a.jumpIf("ne", other);
    a.ret();
    a.place(other);
  }
  a.ret();
  places.set("GetName", a.length);
  a.setAddress(rax, given.name);
  a.ret();
  // a kernel has no state: any address but 0
  places.set("CreateKernel", a.length);
  a.mov(rax, rdi);
  a.ret();
  places.set("CreateKernelV2", a.length);
  a.store(at(rcx), rdi);
  a.alu("xor", rax, rax);
  a.ret();

  places.set("KernelComputeV2", a.length);
  emitCompute(a, given, { inputs, outputs }, run);
  return { code: a.code(), places };
}

/** A zero-terminated text in memory that stays. */
function writeText(pages: Pages, offset: number, text: string): void {
  new Uint8Array(pages.buffer).set(Buffer.from(`${text}\0`, "latin1"), offset);
}

/** What was made for a library, whose functions the code calls: operators by their names, domains by their operators' addresses. */
interface Made {
  readonly operators: Map<string, bigint>;
  readonly domains: Map<string, Pointer>;
}
const madeFor = new Map<Library, Made>();

function madeOf(library: Library): Made {
  const made = madeFor.get(library) ?? { operators: new Map(), domains: new Map() };
  madeFor.set(library, made);
  return made;
}

/** Where the OrtCustomOp is. Errors: tensor/machine. */
function addressOf(library: Library, o: Operator): bigint {
  const made = madeOf(library).operators;
  const known = made.get(o.name);
  if (known !== undefined) return known;
  const { code: kernelCode, kernels, scratchBytes } = o.make();
  const start = loadCode(kernelCode);
  const nameAt = structBytes + dimensionBytes * o.outputs.length;
  const refusalAt = nameAt + o.name.length + 1;
  const refusal = `Failed to allocate ${scratchBytes} bytes for an operator's scratch`;
  const pages = allocatePages(refusalAt + refusal.length + 1, false);
  const dimensionsAt = (i: number) => structBytes + dimensionBytes * i;
  for (const [i, shape] of o.outputs.entries()) new BigInt64Array(pages.buffer, dimensionsAt(i), shape.length).set(shape.map(BigInt));
  writeText(pages, nameAt, o.name);
  writeText(pages, refusalAt, refusal);
  const { code, places } = functionsCode(
    { name: pages.address + BigInt(nameAt), refusal: pages.address + BigInt(refusalAt), api: BigInt(library.api) },
    o,
    {
      kernels: kernels.map(k => [start + BigInt(k.at), k.items]),
      dimensions: o.outputs.map((_, i) => pages.address + BigInt(dimensionsAt(i))),
      scratchBytes,
    },
  );
  const functions = loadCode(code);
  const struct = new BigUint64Array(pages.buffer, 0, structBytes / 8);
  struct[0] = BigInt(structVersion);
  members.forEach((name, i) => {
    struct[1 + i] = functions + BigInt(places.get(name)!);
  });
  made.set(o.name, pages.address);
  return pages.address;
}

/** An OrtCustomOpDomain with the operators of a model, for its session's options. Errors: tensor/machine. */
export function operatorDomainOf(library: Library, operators: readonly Operator[]): Pointer {
  const { domains } = madeOf(library);
  const addresses = operators.map(o => addressOf(library, o));
  const key = addresses.toSorted((a, b) => Number(a - b)).join(" ");
  const known = domains.get(key);
  if (known !== undefined) return known;
  const domain = library.create("CreateCustomOpDomain", operatorDomain);
  for (const address of new Set(addresses)) library.call("CustomOpDomain_Add", domain, address);
  domains.set(key, domain);
  return domain;
}
