/** `url` with its database replaced. */
export function withDatabase(url: string, database: string): string {
  const parts = /^(mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/[^?]*)?(\?.*)?$/.exec(url);
  if (!parts) throw new Error('not a MongoDB URL');
  return `${parts[1]}/${database}${parts[2] ?? ''}`;
}
