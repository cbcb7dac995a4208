/**
 * Products as operators of ONNX Runtime: an `OrtCustomOp` made of machine code, so that they run inside its sessions and on its threads, and no
 * JavaScript is called. An operator is made once a shape and lives as long as the process, as sessions demand.
 * Source of the layout: onnxruntime_c_api.h (`struct OrtCustomOp`, version 16: kernels that return a status).
 */

import { Assembler, allocatePages, at, gpr, loadCode, type Pages } from "../machine/index.ts";
import { apiIndex, type Library, type Pointer } from "../onnxruntime/index.ts";
import { productCode } from "./code.ts";
import { leaveRoom, takeRoom } from "./room.ts";
import { keyOf, type ProductShape } from "./shape.ts";

const { rax, rcx, rdx, rbx, rbp, rsi, rdi, rsp, r8, r12 } = gpr;

/** The domain that the operators stand under in a model. */
export const productDomain = "loam";
export const productName = (s: ProductShape): string => `product16_${keyOf(s)}`;

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
/** ONNXTensorElementDataType. */
const float = 1;
/** OrtErrorCode: failure. */
const failure = 1;

/** The structure's functions. `run` is where an operator's own data lie. */
function functionsCode(
  run: Record<"name" | "dimensions" | "refusal" | "pack" | "multiply" | "api", bigint>,
  { rank, scratchBytes, items }: { rank: number; scratchBytes: number; items: { pack: number; multiply: number } },
) {
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
  returns(float, "GetInputType", "GetOutputType", "GetOutputTypeCount");
  returns(2, "GetInputTypeCount");
  places.set("GetName", a.length);
  a.setAddress(rax, run.name);
  a.ret();
  // a kernel has no state: any address but 0
  places.set("CreateKernel", a.length);
  a.mov(rax, rdi);
  a.ret();
  places.set("CreateKernelV2", a.length);
  a.store(at(rcx), rdi);
  a.alu("xor", rax, rax);
  a.ret();

  // status = compute(kernel, context): asks for memory, then shares the items out to the session's threads
  places.set("KernelComputeV2", a.length);
  const value = at(rsp, 32); // below it: a, b, out, scratch
  const [end, leave] = [a.label(), a.label()];
  a.push(rbx, rbp, r12);
  a.alu("sub", rsp, { value: 64 });
  a.mov(rbx, rsi);
  a.setAddress(rbp, run.api);
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
  for (const i of [0, 1]) {
    a.mov(rdi, rbx);
    a.set(rsi, i);
    a.lea(rdx, value);
    call("KernelContext_GetInput");
    dataTo(8 * i);
  }
  a.mov(rdi, rbx);
  a.set(rsi, 0);
  a.setAddress(rdx, run.dimensions);
  a.set(rcx, rank);
  a.lea(r8, value);
  call("KernelContext_GetOutput");
  dataTo(16);
  const hasRoom = a.label();
  takeRoom(a, scratchBytes);
  a.store(at(rsp, 24), rax);
  a.alu("cmp", rax, { value: 0 });
  a.jumpIf("ge", hasRoom);
  a.set(rdi, failure);
  a.setAddress(rsi, run.refusal);
  a.mov(rax, at(rbp, 8 * apiIndex("CreateStatus")));
  a.callRegister(rax);
  a.jump(leave);
  a.place(hasRoom);
  for (const [code, count] of [
    [run.pack, items.pack],
    [run.multiply, items.multiply],
  ] as const) {
    a.mov(rdi, rbx);
    a.setAddress(rsi, code);
    a.set(rdx, count);
    a.set(rcx, 0);
    a.lea(r8, at(rsp));
    call("KernelContext_ParallelFor", leave);
  }
  a.place(leave);
  leaveRoom(a);
  a.place(end);
  a.alu("add", rsp, { value: 64 });
  a.pop(r12, rbp, rbx);
  a.ret();
  return { code: a.code(), places };
}

/** A zero-terminated text in memory that stays. */
function writeText(pages: Pages, offset: number, text: string): void {
  new Uint8Array(pages.buffer).set(Buffer.from(`${text}\0`, "latin1"), offset);
}

const made = new Map<string, bigint>();

/** Where the operator for a shape is: an OrtCustomOp whose result has the dimensions `out`. Errors: tensor/machine. */
function operatorOf(library: Library, s: ProductShape, out: readonly number[]): bigint {
  const key = `${keyOf(s)} ${out}`;
  const known = made.get(key);
  if (known !== undefined) return known;
  const product = productCode(s);
  const kernels = loadCode(product.code);
  const [dimensionsAt, nameAt, refusalAt] = [structBytes, structBytes + 128, structBytes + 512];
  const pages = allocatePages(structBytes + 1024, false);
  new BigInt64Array(pages.buffer, dimensionsAt, out.length).set(out.map(BigInt));
  writeText(pages, nameAt, operatorName(s, out));
  writeText(pages, refusalAt, `Failed to allocate ${product.scratchBytes} bytes for a product's packed operands`);
  const { code, places } = functionsCode(
    {
      name: pages.address + BigInt(nameAt),
      dimensions: pages.address + BigInt(dimensionsAt),
      refusal: pages.address + BigInt(refusalAt),
      pack: kernels + BigInt(product.packAt),
      multiply: kernels + BigInt(product.multiplyAt),
      api: BigInt(library.api),
    },
    { rank: out.length, scratchBytes: product.scratchBytes, items: { pack: product.packItems, multiply: product.multiplyItems } },
  );
  const functions = loadCode(code);
  const struct = new BigUint64Array(pages.buffer, 0, structBytes / 8);
  struct[0] = BigInt(structVersion);
  members.forEach((name, i) => {
    struct[1 + i] = functions + BigInt(places.get(name)!);
  });
  made.set(key, pages.address);
  return pages.address;
}

/** The name of the operator whose result has the dimensions `out`. */
export const operatorName = (s: ProductShape, out: readonly number[]): string => `${productName(s)}_to_${out.join("x")}`;

const domains = new Map<string, Pointer>();

export interface ProductUse {
  readonly shape: ProductShape;
  readonly out: readonly number[];
}

/** An OrtCustomOpDomain with the operators of a model, for its session's options. Errors: tensor/machine. */
export function productDomainOf(library: Library, uses: readonly ProductUse[]): Pointer {
  const operators = uses.map(u => operatorOf(library, u.shape, u.out));
  const key = operators.toSorted((a, b) => Number(a - b)).join(" ");
  const known = domains.get(key);
  if (known !== undefined) return known;
  const domain = library.create("CreateCustomOpDomain", productDomain);
  for (const address of new Set(operators)) library.call("CustomOpDomain_Add", domain, address);
  domains.set(key, domain);
  return domain;
}
