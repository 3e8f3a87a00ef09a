/** The beginning of every name that the gateway measures itself by; those of Node and the process have their own. */
const PREFIX = 'abnormal_gateway_';

/** What a metric is made with; `registry` is where it is to be found. */
export function named<R, L extends string>(
  registry: R,
  name: string,
  help: string,
  labelNames: readonly L[],
) {
  return { name: `${PREFIX}${name}`, help, labelNames: [...labelNames], registers: [registry] };
}
