/** The page that is measured: what a list in a frontend asks for. */
export const QUERY = `{
  cases(first: 50) {
    edges { cursor node { id severity threats(first: 5) { edges { node { id subject } } } } }
    pageInfo { hasNextPage endCursor }
  }
}`;

export interface CasesAnswer {
  readonly data: {
    readonly cases: {
      readonly edges: readonly {
        readonly cursor: string;
        readonly node: {
          readonly id: string;
          readonly severity: string;
          readonly threats: {
            readonly edges: readonly { readonly node: { readonly id: string; readonly subject: string } }[];
          };
        };
      }[];
      readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
    };
  };
}
