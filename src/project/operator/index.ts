/** The Kubernetes operator: manifests that install it, and the operator itself. Apart from the other deployments: it runs in images, where their libraries are not. */
export {
  type RunOperatorOptions,
  registriesOf,
  startOperator,
  type WriteOperatorOptions,
  type WrittenOperator,
  writeOperator,
} from "./operator.ts";
