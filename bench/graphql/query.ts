/** The page that is measured: what a list in a frontend asks for. */
export const QUERY = `query Page($maxAge: Int) {
  cases(first: 50, maxAge: $maxAge) {
    edges { cursor node { id severity threats(first: 5) { edges { node { id subject } } } } }
    pageInfo { hasNextPage endCursor }
  }
}`;

/** A request for the page as JSON; with a number of its own, a question that has not been asked before. */
export function requestBody(maxAge?: number): string {
  return JSON.stringify({ query: QUERY, variables: maxAge === undefined ? {} : { maxAge } });
}

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
